package wire

import (
	"bytes"
	"slices"
	"strconv"
)

// A Head is the start line and fields of one message. Its slices point into the Reader that it came from and
// are valid until that Reader's next Fill. A Head can be reused for the next message.
type Head struct {
	Method, Target []byte // of a request
	Status         int    // of a response
	Minor          int    // the 1 of HTTP/1.1
	ContentLength  int64  // -1 if not given
	Chunked        bool   // the body is chunked
	Close          bool   // the sender will not use the connection again
	Expect         bool   // the sender waits for "100 Continue"

	raw       []byte // everything, with the empty line
	fields    int    // where the fields begin in raw
	drop      []span // field lines that must not be forwarded, in order
	nominated []byte // names that Connection lists as hop-by-hop, other than the usual ones
	hosts     int
	keepAlive bool
}

type span struct{ from, to int }

// ReadRequest reads a request's head and consumes it. io.EOF means that the peer has closed between messages.
func (h *Head) ReadRequest(r *Reader) error {
	r.release()
	for { // RFC 9112, 2.2: empty lines before a request are to be ignored
		start := r.Buffered()
		if len(start) >= len(crlf) {
			if !bytes.HasPrefix(start, crlf) {
				break
			}
			r.Discard(len(crlf))
		} else if err := r.Fill(); err != nil {
			return midMessage(err, len(start) > 0)
		}
	}
	return h.read(r, (*Head).requestLine)
}

// ReadResponse reads a response's head and consumes it. io.EOF means that the peer closed without an answer.
func (h *Head) ReadResponse(r *Reader) error { return h.read(r, (*Head).statusLine) }

func (h *Head) read(r *Reader, startLine func(*Head, []byte) error) error {
	r.release()
	raw, err := r.section(nil)
	if err != nil {
		return err
	}
	r.Discard(len(raw)) // the bytes stay in place until the next Fill
	return h.parse(raw, startLine)
}

func (h *Head) parse(raw []byte, startLine func(*Head, []byte) error) error {
	*h = Head{ContentLength: -1, raw: raw, drop: h.drop[:0], nominated: h.nominated[:0]}
	eol := bytes.IndexByte(raw, '\n')
	if eol < 1 {
		return bad("the start line is empty")
	}
	if err := startLine(h, raw[:eol-1]); err != nil {
		return err
	}
	h.fields = eol + 1
	for at := h.fields; at < len(raw)-2; {
		end := at + bytes.IndexByte(raw[at:], '\n') + 1
		if err := h.field(at, end); err != nil {
			return err
		}
		at = end
	}
	return h.settle()
}

// settle judges the fields together, once all are known.
func (h *Head) settle() error {
	if h.Chunked && h.ContentLength >= 0 {
		return bad("both Content-Length and Transfer-Encoding")
	}
	if h.Chunked && h.Minor == 0 {
		return bad("Transfer-Encoding in HTTP/1.0")
	}
	if h.hosts > 1 {
		return bad("more than one Host")
	}
	if h.Minor == 0 && !h.keepAlive {
		h.Close = true
	}
	if len(h.nominated) > 0 {
		h.dropNominated()
	}
	return nil
}

func (h *Head) requestLine(line []byte) error {
	method, rest, ok1 := bytes.Cut(line, []byte{' '})
	target, proto, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok1 || !ok2 || !isToken(method) || !isTarget(target) {
		return bad("the request line is not METHOD TARGET HTTP/1.1")
	}
	if string(method) == "CONNECT" {
		return unsupported("CONNECT is not served here")
	}
	h.Method, h.Target = method, target
	return h.version(proto)
}

func (h *Head) statusLine(line []byte) error {
	proto, rest, ok := bytes.Cut(line, []byte{' '})
	if !ok || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' || !isText(rest) {
		return bad("the status line is not HTTP/1.1 STATUS REASON")
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return bad("the status is not a number")
		}
		h.Status = h.Status*10 + int(c-'0')
	}
	if h.Status < 100 {
		return bad("the status is below 100")
	}
	return h.version(proto)
}

func (h *Head) version(proto []byte) error {
	switch string(proto) {
	case "HTTP/1.1":
		h.Minor = 1
	case "HTTP/1.0":
		h.Minor = 0
	default:
		return &MalformedError{Status: 505, Reason: "the version is neither HTTP/1.1 nor HTTP/1.0"}
	}
	return nil
}

// field judges the line raw[from:to], CR LF included.
func (h *Head) field(from, to int) error {
	name, value, ok := splitField(h.raw[from : to-2])
	if !ok {
		return bad("a field line is not NAME: VALUE")
	}
	switch len(name) { // the lengths keep the common case to one comparison
	case 2:
		if is(name, "te") {
			h.hide(from, to)
		}
	case 4:
		if is(name, "host") {
			h.hosts++
			h.hide(from, to)
		}
	case 6:
		if is(name, "expect") {
			h.Expect = h.Expect || is(value, "100-continue")
			h.hide(from, to)
		}
	case 7:
		if is(name, "upgrade") {
			h.hide(from, to)
		}
	case 10:
		switch {
		case is(name, "connection"):
			h.connection(value)
			h.hide(from, to)
		case is(name, "keep-alive"):
			h.hide(from, to)
		}
	case 14:
		if is(name, "content-length") {
			return h.length(value)
		}
	case 16:
		if is(name, "proxy-connection") {
			h.hide(from, to)
		}
	case 17:
		if is(name, "transfer-encoding") {
			return h.encoding(value)
		}
	}
	return nil
}

func (h *Head) hide(from, to int) { h.drop = append(h.drop, span{from, to}) }

func (h *Head) length(value []byte) error {
	if h.ContentLength >= 0 {
		return bad("more than one Content-Length")
	}
	if len(value) == 0 || len(value) > 18 {
		return bad("Content-Length is not a length")
	}
	var n int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return bad("Content-Length is not a length")
		}
		n = n*10 + int64(c-'0')
	}
	h.ContentLength = n
	return nil
}

func (h *Head) encoding(value []byte) error {
	if h.Chunked {
		return bad("more than one Transfer-Encoding")
	}
	if !is(value, "chunked") {
		return unsupported("a Transfer-Encoding other than chunked")
	}
	h.Chunked = true
	return nil
}

// connection reads the options of a Connection field.
func (h *Head) connection(value []byte) {
	for option := range bytes.SplitSeq(value, []byte{','}) {
		option = bytes.Trim(option, " \t")
		switch {
		case is(option, "close"):
			h.Close = true
		case is(option, "keep-alive"):
			h.keepAlive = true
		case len(option) > 0 && !is(option, "te") && !is(option, "upgrade"):
			h.nominated = append(append(h.nominated, option...), ',')
		}
	}
}

// dropNominated hides the fields that Connection names. Framing fields are exempt: hiding them would change
// what the message is (a known way to smuggle).
func (h *Head) dropNominated() {
	h.drop = h.drop[:0]
	for at := h.fields; at < len(h.raw)-2; {
		end := at + bytes.IndexByte(h.raw[at:], '\n') + 1
		name, _, _ := splitField(h.raw[at : end-2])
		if hopByHop(name) || h.isNominated(name) && !framingField(name) {
			h.hide(at, end)
		}
		at = end
	}
}

func (h *Head) isNominated(name []byte) bool {
	for option := range bytes.SplitSeq(h.nominated, []byte{','}) {
		if bytes.EqualFold(option, name) {
			return true
		}
	}
	return false
}

func hopByHop(name []byte) bool {
	return is(name, "te") || is(name, "host") || is(name, "expect") || is(name, "upgrade") ||
		is(name, "connection") || is(name, "keep-alive") || is(name, "proxy-connection")
}

func framingField(name []byte) bool {
	return is(name, "content-length") || is(name, "transfer-encoding") || is(name, "trailer")
}

// Get returns the value of the first field with that name (in lower case), or nil.
func (h *Head) Get(name string) []byte { return get(h.raw[h.fields:], name) }

func get(fields []byte, name string) []byte {
	for len(fields) > 2 {
		line, rest, _ := bytes.Cut(fields, crlf)
		if n, value, ok := splitField(line); ok && is(n, name) {
			return value
		}
		fields = rest
	}
	return nil
}

// Size is the length of the head as it was read, in bytes.
func (h *Head) Size() int { return len(h.raw) }

// Append renders the head onto dst as a proxy must forward it: field order, spelling and framing as they came,
// hop-by-hop fields left out, host as the Host field (none if empty), and "Connection: close" if close.
func (h *Head) Append(dst []byte, host string, close bool) []byte {
	dst = append(dst, h.raw[:h.fields]...)
	if host != "" {
		dst = append(append(append(dst, "Host: "...), host...), crlf...)
	}
	return h.appendFields(dst, close, nil)
}

// AppendReframed is Append for a message whose body was replaced: the framing fields and Trailer give way to
// those of the new body, which is length bytes, or chunked with its trailers if length is negative.
func (h *Head) AppendReframed(dst []byte, host string, length int) []byte {
	dst = append(dst, h.raw[:h.fields]...)
	if host != "" {
		dst = append(append(append(dst, "Host: "...), host...), crlf...)
	}
	if length >= 0 {
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(length), 10)
		dst = append(dst, crlf...)
		return h.appendFields(dst, false, framingField)
	}
	dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	return h.appendFields(dst, false, func(name []byte) bool { return framingField(name) && !is(name, "trailer") })
}

func (h *Head) appendFields(dst []byte, close bool, without func(name []byte) bool) []byte {
	if close {
		dst = append(dst, "Connection: close\r\n"...)
	}
	at := h.fields
	for _, d := range h.drop {
		dst = appendLines(dst, h.raw[at:d.from], without)
		at = d.to
	}
	dst = appendLines(dst, h.raw[at:len(h.raw)-2], without)
	return append(dst, crlf...)
}

func appendLines(dst, lines []byte, without func(name []byte) bool) []byte {
	if without == nil {
		return append(dst, lines...)
	}
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') + 1
		if name, _, _ := splitField(lines[:end-2]); !without(name) {
			dst = append(dst, lines[:end]...)
		}
		lines = lines[end:]
	}
	return dst
}

// Clone is a head that has nothing in common with h.
func (h *Head) Clone() Head {
	c := *h
	c.Detach()
	c.drop, c.nominated = slices.Clone(h.drop), bytes.Clone(h.nominated)
	return c
}

// Detach copies what the head points to, so that it outlives the Reader's next Fill.
func (h *Head) Detach() {
	method, target := string(h.Method), string(h.Target)
	h.raw = bytes.Clone(h.raw)
	h.Method, h.Target = []byte(method), []byte(target)
}
