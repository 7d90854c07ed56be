package wire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func readRequest(text string) (*Head, *Reader, error) {
	r, h := NewReader(strings.NewReader(text)), &Head{}
	return h, r, h.ReadRequest(r)
}

func TestHead(t *testing.T) {
	h, _, err := readRequest("\r\nPOST /x HTTP/1.1\r\nHOST: a\r\nX-Y:  z \r\nConnection: close\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\nbody")
	if err != nil {
		t.Fatal(err)
	}
	if string(h.Method) != "POST" || string(h.Target) != "/x" || h.ContentLength != 12 || !h.Close || !h.Expect || h.Chunked || h.Minor != 1 {
		t.Errorf("%+v", h)
	}
	if got := string(h.Get("x-y")); got != "z" {
		t.Errorf("Get: %q", got)
	}
	want := "POST /x HTTP/1.1\r\nHost: b:1\r\nX-Y:  z \r\nContent-Length: 12\r\n\r\n"
	if got := string(h.Append(nil, "b:1", false)); got != want {
		t.Errorf("Append: %q, want %q", got, want)
	}
	want = "POST /x HTTP/1.1\r\nContent-Length: 3\r\nX-Y:  z \r\n\r\n"
	if got := string(h.AppendReframed(nil, "", 3)); got != want {
		t.Errorf("AppendReframed: %q, want %q", got, want)
	}
	h.Detach()
	want = "POST /x HTTP/1.1\r\nConnection: close\r\nX-Y:  z \r\nContent-Length: 12\r\n\r\n"
	if got := string(h.Append(nil, "", true)); got != want {
		t.Errorf("Append after Detach: %q, want %q", got, want)
	}
}

// A clone stays what it was when the head, and the reader under it, go on to other messages.
func TestClone(t *testing.T) {
	in := "POST /x HTTP/1.1\r\nHost: y\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-Y: z\r\nContent-Length: 0\r\n\r\n"
	r := NewReader(strings.NewReader(in + "GET /other HTTP/1.1\r\nA: b\r\nTE: c\r\nHost: d\r\n\r\n"))
	var h Head
	if err := h.ReadRequest(r); err != nil {
		t.Fatal(err)
	}
	c := h.Clone()
	want := string(c.Append(nil, "", false))
	if err := h.ReadRequest(r); err != nil {
		t.Fatal(err)
	}
	if got := string(c.Append(nil, "", false)); got != want || want != "POST /x HTTP/1.1\r\nX-Y: z\r\nContent-Length: 0\r\n\r\n" || string(c.Target) != "/x" {
		t.Errorf("%q became %q", want, got)
	}
}

func TestReframedKeepsTrailersOfChunked(t *testing.T) {
	h, _, err := readRequest("POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n")
	if err != nil {
		t.Fatal(err)
	}
	want := "POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTrailer: A\r\n\r\n"
	if got := string(h.AppendReframed(nil, "", -1)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	want = "POST /x HTTP/1.1\r\nContent-Length: 0\r\n\r\n"
	if got := string(h.AppendReframed(nil, "", 0)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestResponseFraming(t *testing.T) {
	for _, c := range []struct {
		text, method string
		empty, close bool
		want         string
	}{
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET", false, false, "ok"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "HEAD", true, false, ""},
		{"HTTP/1.1 204 No Content\r\n\r\n", "GET", true, false, ""},
		{"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "GET", true, false, ""},
		{"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "GET", false, false, "ok"},
		{"HTTP/1.1 200 \r\n\r\nrest", "GET", false, true, "rest"},
	} {
		r, h := NewReader(iotest.OneByteReader(strings.NewReader(c.text))), &Head{}
		if err := h.ReadResponse(r); err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		b := ResponseBody(r, h, c.method)
		if b.Empty() != c.empty || b.UntilClose() != c.close {
			t.Errorf("%q: %+v", c.text, b)
		}
		if got, err := io.ReadAll(&b); err != nil || string(got) != c.want {
			t.Errorf("%q: %q, %v", c.text, got, err)
		}
	}
}

// A body read piece by piece, decoded or copied raw, is the same body, and what follows it stays unread.
func TestBodies(t *testing.T) {
	long := strings.Repeat("x", 3*BufferSize)
	for _, c := range []struct{ head, raw, decoded, trailers string }{
		{"Content-Length: 5", "hello", "hello", ""},
		{"Content-Length: 98304", long, long, ""},
		{"Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", "hello", "\r\n"},
		{"Transfer-Encoding: chunked", "2;a=\"b\"\r\nhe\r\n00003\r\nllo\r\n0;z\r\nE: boom\r\nF:\r\n\r\n", "hello", "E: boom\r\nF:\r\n\r\n"},
		{"Transfer-Encoding: chunked", "18000\r\n" + long + "\r\n0\r\n\r\n", long, "\r\n"},
		{"X: none", "", "", ""},
	} {
		text := "POST / HTTP/1.1\r\n" + c.head + "\r\n\r\n" + c.raw + "GET /next"
		for name, wrap := range map[string]func(io.Reader) io.Reader{"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader} {
			r, h := NewReader(wrap(strings.NewReader(text))), &Head{}
			if err := h.ReadRequest(r); err != nil {
				t.Fatal(err)
			}
			b := RequestBody(r, h)
			var out bytes.Buffer
			w := NewWriter(&out)
			if err := errors.Join(b.CopyTo(w), w.Flush()); err != nil || out.String() != c.raw {
				t.Errorf("%s %s: raw copy %d bytes, %v", name, c.head, out.Len(), err)
			}
			rest, _ := io.ReadAll(io.MultiReader(bytes.NewReader(r.Buffered()), r.src))
			if string(rest) != "GET /next" {
				t.Errorf("%s %s: %q follows", name, c.head, rest)
			}
			r, h = NewReader(wrap(strings.NewReader(text))), &Head{}
			if err := h.ReadRequest(r); err != nil {
				t.Fatal(err)
			}
			b = RequestBody(r, h)
			got, err := io.ReadAll(&b)
			if err != nil || string(got) != c.decoded || string(b.Trailers()) != c.trailers {
				t.Errorf("%s %s: decoded %d bytes, trailers %q, %v", name, c.head, len(got), b.Trailers(), err)
			}
		}
	}
}

func TestTruncatedMessages(t *testing.T) {
	for _, text := range []string{
		"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n",
	} {
		for _, decode := range []bool{true, false} {
			h, r, err := readRequest(text)
			if err != nil {
				t.Fatal(err)
			}
			b := RequestBody(r, h)
			if decode {
				_, err = io.ReadAll(&b)
			} else {
				err = b.CopyTo(NewWriter(io.Discard))
			}
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%q: %v", text, err)
			}
		}
	}
	if _, _, err := readRequest("GET / HT"); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("head: %v", err)
	}
	if _, _, err := readRequest(""); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v", err)
	}
}

func TestLargeHeadGrowsTheBufferForItselfOnly(t *testing.T) {
	cause := strings.Repeat("c", 1<<20) // the X-Ray error cause of aws-lambda-go
	h, r, err := readRequest("POST / HTTP/1.1\r\nCause: " + cause + "\r\n\r\nGET / HTTP/1.1\r\n\r\n")
	if err != nil || string(h.Get("cause")) != cause {
		t.Fatal(err)
	}
	if err := h.ReadRequest(r); err != nil || len(r.buf) != BufferSize {
		t.Errorf("%v, the buffer has %d bytes", err, len(r.buf))
	}
}

// FuzzHead checks that a head which is accepted means to net/http what it means here, and still does so after
// it was forwarded.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: a\r\nUser-Agent: aws-lambda-go/go1.26\r\n\r\n",
		"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: A, B\r\nConnection: close, x\r\nX: 1\r\n\r\n",
		"POST /x HTTP/1.0\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "GET / HTTP/1.1\nHost: a\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, h := NewReader(bytes.NewReader(text)), &Head{}
		if err := h.ReadRequest(r); err != nil {
			return
		}
		out := h.Append(nil, "host", h.Close)
		again, r2 := &Head{}, NewReader(bytes.NewReader(out))
		if err := again.ReadRequest(r2); err != nil {
			t.Fatalf("%q was forwarded as %q: %v", text, out, err)
		}
		if again.ContentLength != h.ContentLength || again.Chunked != h.Chunked || string(again.Target) != string(h.Target) {
			t.Fatalf("%q became %q", text, out)
		}
		req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(out)))
		if err != nil {
			return // it may be stricter about targets
		}
		want := max(h.ContentLength, 0)
		if h.Chunked {
			want = -1
		}
		if req.ContentLength != want {
			t.Fatalf("%q: net/http sees length %d, we see %d", out, req.ContentLength, want)
		}
	})
}

// FuzzChunks checks that raw copying and decoding agree with each other and with net/http on every chunked body.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{"5\r\nhello\r\n0\r\n\r\n", "2;a=b\r\nhe\r\n0\r\nE: x\r\n\r\nGET /", "0\r\n\r\n", "f\r\n", "5\nhello\n0\n\n", "-1\r\n\r\n"} {
		f.Add([]byte(seed))
	}
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	f.Fuzz(func(t *testing.T, text []byte) {
		body := func() Body {
			h, r, err := readRequest(head + string(text))
			if err != nil {
				t.Fatal(err)
			}
			return RequestBody(r, h)
		}
		var raw bytes.Buffer
		w, b := NewWriter(&raw), body()
		rawErr := errors.Join(b.CopyTo(w), w.Flush())
		b = body()
		decoded, err := io.ReadAll(&b)
		if (rawErr == nil) != (err == nil) {
			t.Fatalf("%q: copied with %v, decoded with %v", text, rawErr, err)
		}
		if err != nil {
			return
		}
		if !bytes.HasPrefix(text, raw.Bytes()) {
			t.Fatalf("%q was copied as %q", text, raw.Bytes())
		}
		req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), &raw)))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := io.ReadAll(req.Body)
		if err != nil {
			return // it may be stricter, in trailers
		}
		if diff := cmp.Diff(string(theirs), string(decoded)); diff != "" {
			t.Fatalf("%q: %s", text, diff)
		}
		again := AppendLastChunk(nil, b.Trailers())
		if len(decoded) > 0 {
			again = append(AppendChunk(nil, decoded), again...)
		}
		h, r, err := readRequest(head + string(again))
		if err != nil {
			t.Fatal(err)
		}
		b = RequestBody(r, h)
		if got, err := io.ReadAll(&b); err != nil || !bytes.Equal(got, decoded) {
			t.Fatalf("%q chunked again: %q, %v", text, got, err)
		}
	})
}

func BenchmarkHead(b *testing.B) {
	const text = "POST /2018-06-01/runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/response HTTP/1.1\r\nHost: 127.0.0.1:9001\r\n" +
		"User-Agent: aws-lambda-go/go1.26\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n" +
		"Trailer: Lambda-Runtime-Function-Error-Type,Lambda-Runtime-Function-Error-Body\r\nAccept-Encoding: gzip\r\n\r\n"
	src := strings.NewReader(text)
	r, h, out := NewReader(src), &Head{}, make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		src.Reset(text)
		if err := h.ReadRequest(r); err != nil {
			b.Fatal(err)
		}
		out = h.Append(out[:0], "127.0.0.1:9001", false)
	}
}
