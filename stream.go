package firedrill

import (
	"bytes"
	"io"
)

// rawEvent takes an event as it is.
type rawEvent []byte

// UnmarshalJSON implements json.Unmarshaler. The decoder's buffer is copied, because the handler may keep it.
func (e *rawEvent) UnmarshalJSON(text []byte) error {
	*e = bytes.Clone(text)
	return nil
}

type contentTyper interface{ ContentType() string }

func contentType(r io.Reader) string {
	if typed, ok := r.(contentTyper); ok {
		return typed.ContentType()
	}
	return "application/octet-stream" // the Lambda library's default
}

func closeReader(r io.Reader) error {
	if closer, ok := r.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}

// content is what the Lambda library sends of a response. It has no exported fields, because the library first
// tries to encode a reader as JSON, and streams what has no such form.
type content struct {
	bytes io.Reader
	typ   string
	close func() error // nil if there is nothing to close
}

// Read implements io.Reader.
func (c content) Read(b []byte) (int, error) { return c.bytes.Read(b) }

// ContentType is what the Lambda library asks for a response's type.
func (c content) ContentType() string { return c.typ }

// Close implements io.Closer. The Lambda library calls it when the response is sent.
func (c content) Close() error {
	if c.close == nil {
		return nil
	}
	return c.close()
}

// passed is a handler's reader, unchanged.
func passed(r io.Reader) io.Reader { return replaced(r, r) }

// replaced has other bytes than the handler's reader, which still is the one to close.
func replaced(bytes, original io.Reader) io.Reader {
	return content{bytes, contentType(original), func() error { return closeReader(original) }}
}

// answer is content of our own.
func answer(text []byte, kind string) io.Reader {
	return content{bytes: bytes.NewReader(text), typ: kind}
}

// failing ends a replayed response as the original ended.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) { return 0, f.err }

// discard runs a stream to its end, because producing it is part of the handler's work, and closes it.
func (r response) discard() {
	if r.reader == nil {
		return
	}
	// The response is thrown away, so what is wrong with it no longer matters.
	_, _ = io.Copy(io.Discard, r.reader)
	_ = closeReader(r.reader)
}
