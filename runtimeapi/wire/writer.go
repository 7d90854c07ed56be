package wire

import "io"

// A Writer gathers small writes, so that a head and a small body leave in one packet. Its first error sticks.
type Writer struct {
	dst io.Writer
	buf []byte
	err error
}

// NewWriter returns a Writer to dst.
func NewWriter(dst io.Writer) *Writer {
	// Room for a full read buffer with a head in front of it.
	return &Writer{dst: dst, buf: make([]byte, 0, BufferSize+4<<10)}
}

// Err returns the first error of writing: it tells a broken destination from a broken source.
func (w *Writer) Err() error { return w.err }

// Write gathers p, or writes it through if there is no room for it.
func (w *Writer) Write(p []byte) (int, error) {
	if len(p) <= cap(w.buf)-len(w.buf) {
		w.buf = append(w.buf, p...)
		return len(p), w.err
	}
	if err := w.Flush(); err != nil {
		return 0, err
	}
	if len(p) <= cap(w.buf) {
		w.buf = append(w.buf, p...)
		return len(p), nil
	}
	var n int
	n, w.err = w.dst.Write(p)
	return n, w.err
}

// Head gathers h as Head.Append renders it.
func (w *Writer) Head(h *Head, host string, close bool) {
	if h.Size()+len(host)+64 > cap(w.buf)-len(w.buf) {
		_, _ = w.Write(h.Append(nil, host, close)) // the error sticks
		return
	}
	w.buf = h.Append(w.buf, host, close)
}

// Flush writes what was gathered.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	_, w.err = w.dst.Write(w.buf)
	w.buf = w.buf[:0]
	return w.err
}
