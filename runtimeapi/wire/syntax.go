package wire

import "bytes"

var crlf = []byte("\r\n")

// splitField splits "name: value" and trims the value. It reports false for folded lines, for white space
// before the colon, for names that are no tokens and for values with control characters.
func splitField(line []byte) (name, value []byte, ok bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 || !isToken(line[:colon]) {
		return nil, nil, false
	}
	value = bytes.Trim(line[colon+1:], " \t")
	return line[:colon], value, isText(value)
}

// isToken reports whether b is a token of RFC 9110, 5.6.2.
func isToken(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || !tokenChars[c] {
			return false
		}
	}
	return len(b) > 0
}

var tokenChars = func() (set [128]bool) {
	for _, c := range "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		set[c] = true
	}
	return set
}()

// isText reports whether b may stand in a field's value: no control characters but the tab.
func isText(b []byte) bool {
	for _, c := range b {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isTarget reports whether b may stand in a request line: visible characters only.
func isTarget(b []byte) bool {
	for _, c := range b {
		if c <= 0x20 || c == 0x7f {
			return false
		}
	}
	return len(b) > 0
}

// is compares b with a lower-case text, ignoring the case of ASCII letters only. Unicode folding has no place
// here: it would let KELVIN SIGN stand for k.
func is(b []byte, lower string) bool {
	if len(b) != len(lower) {
		return false
	}
	for i := range b {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
