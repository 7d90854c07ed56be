package wire

import (
	"bytes"
	"errors"
	"io"
)

// Sizes of the buffers and the limits of what a peer may make us hold.
const (
	// BufferSize holds every ordinary head, and an event of the usual size together with its head.
	BufferSize = 32 << 10
	// MaxHead bounds a head and a trailer section, in bytes. aws-lambda-go may send up to 1 MB of X-Ray error
	// cause in one field.
	MaxHead = 2 << 20
	// maxChunkLine bounds a chunk's size line with its extensions, in bytes.
	maxChunkLine = 4 << 10
)

// A Reader buffers one connection. Slices that it hands out are valid until the next Fill.
type Reader struct {
	src  io.Reader
	buf  []byte
	r, w int
}

// NewReader returns a Reader of src with a buffer of BufferSize.
func NewReader(src io.Reader) *Reader { return &Reader{src: src, buf: make([]byte, BufferSize)} }

// Buffered returns the bytes that were read and not yet consumed.
func (r *Reader) Buffered() []byte { return r.buf[r.r:r.w] }

// Discard consumes n buffered bytes; n must not exceed len(Buffered()).
func (r *Reader) Discard(n int) {
	r.r += n
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
}

// Full reports whether Fill has no room: the peer has sent ahead as much as we hold.
func (r *Reader) Full() bool { return r.r == 0 && r.w == len(r.buf) }

// Fill reads once from the connection, waiting for at least one byte. It invalidates slices handed out before.
// If the buffer is full it returns io.ErrShortBuffer.
func (r *Reader) Fill() error {
	if r.Full() {
		return io.ErrShortBuffer
	}
	if r.r > 0 {
		r.w = copy(r.buf, r.buf[r.r:r.w])
		r.r = 0
	}
	n, err := r.src.Read(r.buf[r.w:])
	r.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// grow doubles the buffer up to limit. It is for heads that exceed BufferSize, which are rare.
func (r *Reader) grow(limit int) error {
	if len(r.buf) >= limit {
		return tooLarge("the head is larger than this proxy accepts")
	}
	bigger := make([]byte, min(2*len(r.buf), limit))
	r.w = copy(bigger, r.buf[r.r:r.w])
	r.r, r.buf = 0, bigger
	return nil
}

// section returns the bytes from the read position up to and including an empty line, reading as needed, and
// leaves them to be discarded. io.EOF means that the connection ended before the first byte. With dst, what
// has been forwarded so far is flushed before waiting.
func (r *Reader) section(dst *Writer) ([]byte, error) {
	line, scan := 0, 0 // offsets into Buffered: start of the current line, next byte to look at
	for {
		buf := r.Buffered()
		for {
			i := bytes.IndexByte(buf[scan:], '\n')
			if i < 0 {
				scan = len(buf)
				break
			}
			end := scan + i
			if end == line || buf[end-1] != '\r' {
				return nil, bad("a line ends in LF without CR")
			}
			if end-1 == line {
				return buf[:end+1], nil
			}
			line, scan = end+1, end+1
		}
		if len(buf) >= MaxHead {
			return nil, tooLarge("the head is larger than this proxy accepts")
		}
		if err := r.more(dst, MaxHead); err != nil {
			return nil, midMessage(err, len(buf) > 0)
		}
	}
}

// more gets further bytes, flushing dst first so that nobody waits for what we hold, and growing the buffer
// up to limit if it is full.
func (r *Reader) more(dst *Writer, limit int) error {
	if dst != nil {
		if err := dst.Flush(); err != nil {
			return err
		}
	}
	if r.Full() {
		if err := r.grow(limit); err != nil {
			return err
		}
	}
	return r.Fill()
}

// line returns one line including its CR LF, at most maxChunkLine long, and leaves it to be discarded.
func (r *Reader) line(dst *Writer) ([]byte, error) {
	for {
		buf := r.Buffered()
		if i := bytes.IndexByte(buf, '\n'); i >= 0 {
			if i >= maxChunkLine {
				return nil, bad("a chunk's size line is too long")
			}
			if i == 0 || buf[i-1] != '\r' {
				return nil, bad("a chunk's size line ends in LF without CR")
			}
			return buf[:i+1], nil
		}
		if len(buf) >= maxChunkLine {
			return nil, bad("a chunk's size line is too long")
		}
		if err := r.more(dst, BufferSize); err != nil {
			return nil, midMessage(err, true)
		}
	}
}

// release gives back a buffer that one large head has grown.
func (r *Reader) release() {
	if len(r.buf) > BufferSize && r.w-r.r <= BufferSize {
		small := make([]byte, BufferSize)
		r.w = copy(small, r.buf[r.r:r.w])
		r.r, r.buf = 0, small
	}
}

// midMessage turns the end of the connection into io.ErrUnexpectedEOF once a message has begun.
func midMessage(err error, begun bool) error {
	if begun && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
