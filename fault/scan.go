package fault

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"unicode/utf8"
)

// value is a JSON value inside an event, as it stands there.
type value struct {
	raw   []byte
	plain bool // raw is a string of ASCII without escapes
}

func (v value) null() bool { return len(v.raw) == 4 && v.raw[0] == 'n' }

// text returns a string's characters, or the source of any other value. It allocates only for strings with
// escapes or characters beyond ASCII.
func (v value) text() []byte {
	if v.raw[0] != '"' {
		return v.raw
	}
	inner := v.raw[1 : len(v.raw)-1]
	if v.plain || (bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner)) {
		return inner
	}
	var text string
	if json.Unmarshal(v.raw, &text) != nil {
		return nil // cannot be: the scanner has checked it
	}
	return []byte(text)
}

// lookup finds the value at a path in an event without decoding the rest. It reads the event to its end, so
// that a malformed one never matches, and the last of duplicate keys counts, both as in encoding/json.
// Keys must be equal exactly.
func lookup(event []byte, p dotted) (value, bool) {
	s := scanner{in: event}
	found := s.value(p, 0)
	s.space()
	if s.bad || s.at != len(s.in) || found.raw == nil {
		return value{}, false
	}
	return found, true
}

// maxDepth is encoding/json's limit.
const maxDepth = 10000

// scanner walks through a JSON text. Once bad is set its results mean nothing.
type scanner struct {
	in  []byte
	at  int
	bad bool
}

func (s *scanner) fail() { s.bad, s.at = true, len(s.in) }

func (s *scanner) space() {
	for s.at < len(s.in) {
		switch s.in[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// peek skips space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.at == len(s.in) {
		return 0
	}
	return s.in[s.at]
}

// value reads one value and returns what p leads to in it: with an empty p the value itself, with a nil p
// nothing.
func (s *scanner) value(p dotted, depth int) (found value) {
	start, plain := 0, false
	switch c := s.peek(); {
	case depth >= maxDepth && (c == '{' || c == '['):
		s.fail()
	case c == '{':
		start = s.at
		found = s.object(p, depth+1)
	case c == '[':
		start = s.at
		found = s.array(p, depth+1)
	case c == '"':
		start = s.at
		_, plain = s.text()
	case c == '-' || (c >= '0' && c <= '9'):
		start = s.at
		s.number()
	default:
		start = s.at
		s.literal(c)
	}
	if s.bad {
		return value{}
	}
	if p != nil && len(p) == 0 {
		return value{raw: s.in[start:s.at], plain: plain}
	}
	return found
}

func (s *scanner) object(p dotted, depth int) (found value) {
	s.at++
	if s.peek() == '}' {
		s.at++
		return found
	}
	for !s.bad {
		if s.peek() != '"' {
			s.fail()
			return found
		}
		key, plain := s.text()
		if s.peek() != ':' {
			s.fail()
			return found
		}
		s.at++
		if len(p) > 0 && !s.bad && sameKey(key, plain, p[0]) {
			found = s.value(p[1:], depth) // p[1:] is empty but never nil at the path's end
		} else {
			s.value(nil, depth)
		}
		if s.closes('}') {
			return found
		}
	}
	return found
}

func (s *scanner) array(p dotted, depth int) (found value) {
	s.at++
	if s.peek() == ']' {
		s.at++
		return found
	}
	wanted := -1
	if len(p) > 0 {
		wanted = index(p[0])
	}
	for i := 0; !s.bad; i++ {
		if i == wanted {
			found = s.value(p[1:], depth)
		} else {
			s.value(nil, depth)
		}
		if s.closes(']') {
			return found
		}
	}
	return found
}

// closes reads what follows a member or element: true at the end, false after a comma.
func (s *scanner) closes(end byte) bool {
	switch s.peek() {
	case end:
		s.at++
		return true
	case ',':
		s.at++
	default:
		s.fail()
	}
	return false
}

// index reads an array index; -1 if the segment is none.
func index(segment string) int {
	if segment == "" || len(segment) > 9 || (segment[0] == '0' && len(segment) > 1) {
		return -1
	}
	n := 0
	for i := range len(segment) {
		if segment[i] < '0' || segment[i] > '9' {
			return -1
		}
		n = n*10 + int(segment[i]-'0')
	}
	return n
}

func sameKey(key []byte, plain bool, want string) bool {
	if plain {
		return string(key[1:len(key)-1]) == want
	}
	return string(value{raw: key}.text()) == want
}

// text reads a string and returns it with its quotes. plain means ASCII without escapes.
func (s *scanner) text() (raw []byte, plain bool) {
	start := s.at
	s.at++
	plain = true
	for s.at < len(s.in) {
		s.at += ordinary(s.in[s.at:])
		if s.at == len(s.in) {
			break
		}
		switch c := s.in[s.at]; {
		case c == '"':
			s.at++
			return s.in[start:s.at], plain
		case c == '\\':
			plain = false
			s.escape()
		case c < 0x20:
			s.fail()
			return nil, false
		default:
			plain = plain && c < 0x80
			s.at++
		}
	}
	s.fail()
	return nil, false
}

// ordinary counts the bytes at the start of in that need no look, in words of eight: neither quote, backslash,
// control character nor beyond ASCII. The bit tricks find a byte below n, or equal to n, in a word (Hacker's
// Delight, section 6-1); they may see too much, never too little.
func ordinary(in []byte) int {
	const low, high = 0x0101010101010101, 0x8080808080808080
	n := 0
	for len(in)-n >= 8 {
		w := binary.LittleEndian.Uint64(in[n:])
		quote, slash := w^(low*'"'), w^(low*'\\')
		if (w|(w-low*0x20)|(quote-low)|(slash-low))&high != 0 {
			break
		}
		n += 8
	}
	return n
}

func (s *scanner) escape() {
	s.at++
	if s.at == len(s.in) {
		return
	}
	switch s.in[s.at] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
	case 'u':
		s.at++
		for range 4 {
			if s.at == len(s.in) || !isHex(s.in[s.at]) {
				s.fail()
				return
			}
			s.at++
		}
	default:
		s.fail()
	}
}

func isHex(c byte) bool {
	return (c >= '0' && c <= '9') || (c|0x20 >= 'a' && c|0x20 <= 'f')
}

func (s *scanner) literal(first byte) {
	var want string
	switch first {
	case 't':
		want = "true"
	case 'f':
		want = "false"
	case 'n':
		want = "null"
	}
	if want == "" || len(s.in)-s.at < len(want) || string(s.in[s.at:s.at+len(want)]) != want {
		s.fail()
		return
	}
	s.at += len(want)
}

// number reads a number: RFC 8259, section 6.
func (s *scanner) number() {
	if s.in[s.at] == '-' {
		s.at++
	}
	switch {
	case s.at < len(s.in) && s.in[s.at] == '0':
		s.at++
	case s.digits() == 0:
		s.fail()
		return
	}
	if s.at < len(s.in) && s.in[s.at] == '.' {
		s.at++
		if s.digits() == 0 {
			s.fail()
			return
		}
	}
	if s.at < len(s.in) && s.in[s.at]|0x20 == 'e' {
		s.at++
		if s.at < len(s.in) && (s.in[s.at] == '+' || s.in[s.at] == '-') {
			s.at++
		}
		if s.digits() == 0 {
			s.fail()
		}
	}
}

func (s *scanner) digits() int {
	start := s.at
	for s.at < len(s.in) && s.in[s.at] >= '0' && s.in[s.at] <= '9' {
		s.at++
	}
	return s.at - start
}
