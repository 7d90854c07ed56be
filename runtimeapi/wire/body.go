package wire

import (
	"errors"
	"io"
	"net"
)

type framing int

const (
	none       framing = iota
	byLength           // Content-Length
	chunked            // Transfer-Encoding: chunked
	untilClose         // a response without either
)

// spliceFrom is the body size, in bytes, from which the kernel may move it without us (splice on Linux).
const spliceFrom = 64 << 10

// A Body is what follows a head. It is either copied raw with CopyTo or decoded with Read, once.
type Body struct {
	src     *Reader
	framing framing
	left    int64 // of the body, or of the current chunk
	inChunk bool  // a chunk has begun whose closing CR LF is not read yet
	done    bool
	trailer []byte
}

// RequestBody returns the body of a request whose head was read from src (RFC 9112, 6.3).
func RequestBody(src *Reader, h *Head) Body {
	switch {
	case h.Chunked:
		return Body{src: src, framing: chunked}
	case h.ContentLength > 0:
		return Body{src: src, framing: byLength, left: h.ContentLength}
	}
	return Body{src: src, done: true}
}

// ResponseBody returns the body of a response to a request with that method.
func ResponseBody(src *Reader, h *Head, method string) Body {
	switch {
	case method == "HEAD", h.Status < 200, h.Status == 204, h.Status == 304, h.ContentLength == 0:
		return Body{src: src, done: true}
	case h.Chunked:
		return Body{src: src, framing: chunked}
	case h.ContentLength > 0:
		return Body{src: src, framing: byLength, left: h.ContentLength}
	}
	return Body{src: src, framing: untilClose}
}

// Empty reports whether there is no body to read.
func (b *Body) Empty() bool { return b.done }

// UntilClose reports whether only the end of the connection ends the body.
func (b *Body) UntilClose() bool { return b.framing == untilClose }

// Trailer returns the value of a trailer field (name in lower case) after Read has returned io.EOF, or nil.
func (b *Body) Trailer(name string) []byte { return get(b.trailer, name) }

// Trailers returns the trailer section, empty line included, after Read has returned io.EOF; nil if the body
// was not chunked.
func (b *Body) Trailers() []byte { return b.trailer }

// CopyTo forwards the body raw. What it has read leaves for dst before it waits for more, so that a stream
// stays one. The last bytes are left gathered in dst.
func (b *Body) CopyTo(dst *Writer) error {
	if b.done {
		return nil
	}
	switch b.framing {
	case byLength:
		return b.copyN(dst, b.left)
	case chunked:
		return b.copyChunks(dst)
	}
	for {
		if err := b.pass(dst, len(b.src.Buffered())); err != nil {
			return err
		}
		if err := b.src.more(dst, BufferSize); errors.Is(err, io.EOF) {
			b.done = true
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (b *Body) copyChunks(dst *Writer) error {
	for {
		line, size, err := b.chunkLine(dst)
		if err != nil {
			return err
		}
		_, _ = dst.Write(line) // the error sticks
		b.src.Discard(len(line))
		if size == 0 {
			return b.copyTrailers(dst)
		}
		if err := b.copyN(dst, size); err != nil {
			return err
		}
		if err := b.chunkEnd(dst); err != nil {
			return err
		}
		_, _ = dst.Write(crlf)
	}
}

func (b *Body) copyTrailers(dst *Writer) error {
	section, err := b.trailerSection(dst)
	if err != nil {
		return err
	}
	_, err = dst.Write(section)
	b.src.Discard(len(section))
	b.done = true
	return err
}

// copyN forwards n bytes.
func (b *Body) copyN(dst *Writer, n int64) error {
	for {
		take := int(min(n, int64(len(b.src.Buffered()))))
		if err := b.pass(dst, take); err != nil {
			return err
		}
		if n -= int64(take); n == 0 {
			return nil
		}
		if n >= spliceFrom {
			if moved, err := splice(dst, b.src, n); moved || err != nil {
				return err
			}
		}
		if err := b.src.more(dst, BufferSize); err != nil {
			return midMessage(err, true)
		}
	}
}

// pass forwards n buffered bytes.
func (b *Body) pass(dst *Writer, n int) error {
	_, err := dst.Write(b.src.Buffered()[:n])
	b.src.Discard(n)
	return err
}

// splice lets the kernel move n bytes, of which none is buffered, if both ends are TCP connections.
func splice(dst *Writer, src *Reader, n int64) (bool, error) {
	to, ok1 := dst.dst.(*net.TCPConn)
	from, ok2 := src.src.(*net.TCPConn)
	if !ok1 || !ok2 {
		return false, nil
	}
	if err := dst.Flush(); err != nil {
		return false, err
	}
	moved, err := to.ReadFrom(&io.LimitedReader{R: from, N: n})
	if err == nil && moved < n {
		err = io.ErrUnexpectedEOF
	}
	return true, err
}

// Read decodes the body.
func (b *Body) Read(p []byte) (int, error) {
	if b.framing == chunked && b.left == 0 && !b.done {
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
	}
	if b.done || b.framing == byLength && b.left == 0 {
		b.done = true
		return 0, io.EOF
	}
	if len(b.src.Buffered()) == 0 {
		if err := b.src.Fill(); err != nil {
			return 0, midMessage(err, b.framing != untilClose)
		}
	}
	have := b.src.Buffered()
	if b.framing != untilClose && b.left < int64(len(have)) {
		have = have[:b.left]
	}
	n := copy(p, have)
	b.src.Discard(n)
	b.left -= int64(n)
	return n, nil
}

// nextChunk steps to the data of the next chunk, or past the trailers.
func (b *Body) nextChunk() error {
	if b.inChunk {
		if err := b.chunkEnd(nil); err != nil {
			return err
		}
	}
	line, size, err := b.chunkLine(nil)
	if err != nil {
		return err
	}
	b.src.Discard(len(line))
	b.left, b.inChunk = size, true
	if size > 0 {
		return nil
	}
	section, err := b.trailerSection(nil)
	if err != nil {
		return err
	}
	b.trailer = append([]byte(nil), section...)
	b.src.Discard(len(section))
	b.done = true
	return nil
}

func (b *Body) chunkLine(dst *Writer) (line []byte, size int64, err error) {
	line, err = b.src.line(dst)
	if err != nil {
		return nil, 0, err
	}
	size, err = chunkSize(line[:len(line)-2])
	return line, size, err
}

func (b *Body) chunkEnd(dst *Writer) error {
	for len(b.src.Buffered()) < len(crlf) {
		if err := b.src.more(dst, BufferSize); err != nil {
			return midMessage(err, true)
		}
	}
	if end := b.src.Buffered(); end[0] != '\r' || end[1] != '\n' {
		return bad("a chunk is longer than its size says")
	}
	b.src.Discard(len(crlf))
	return nil
}

// trailerSection returns the validated trailer section with its empty line.
func (b *Body) trailerSection(dst *Writer) ([]byte, error) {
	section, err := b.src.section(dst)
	if err != nil {
		return nil, midMessage(err, true)
	}
	return section, checkTrailers(section)
}
