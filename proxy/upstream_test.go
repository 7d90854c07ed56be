package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// closing is an upstream that ends the connection with every answer, and says so.
func closing(posted *atomic.Int64) func(c net.Conn, r *bufio.Reader) {
	var events atomic.Int64
	return func(c net.Conn, r *bufio.Reader) {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		if req.Method == http.MethodPost {
			posted.Add(1)
			_, _ = io.WriteString(c, "HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
			return
		}
		body := fmt.Sprintf(`{"n":%d}`, events.Add(1))
		_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nLambda-Runtime-Aws-Request-Id: r%d\r\nContent-Length: %d\r\n\r\n%s",
			events.Load(), len(body), body)
	}
}

func TestUpstreamThatClosesAfterEachAnswer(t *testing.T) {
	for _, c := range []struct {
		name, document, want string
		posted               int64
		records              []string
	}{
		{"held", `{"exception":{"enabled":true,"match":[{"path":"n","value":"0"}]}}`, `{"n":1}`, 0, nil},
		{"ended", `{"exception":{"enabled":true,"match":[{"path":"n","value":"1"}]}}`, `{"n":2}`, 1, []string{"r1 exception 1/1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var posted atomic.Int64
			g := start(t, scripted(t, closing(&posted)), Options{Source: parse(t, c.document)})
			runtime := g.dial(t)
			for n := range 2 { // the second shows whether the runtime can go on where it was
				runtime.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
				resp, body := runtime.answer("GET")
				if n == 0 && body != c.want {
					t.Fatalf("%s %q, not %q", resp.Status, body, c.want)
				}
				if resp.Close {
					runtime = g.dial(t)
				}
			}
			if got := g.log.records(); posted.Load() != c.posted || !slices.Equal(got, c.records) {
				t.Errorf("%d posted, records %q", posted.Load(), got)
			}
		})
	}
}

// The proxy's connections to upstream must not count against those of the runtime.
func TestServesAsManyConnectionsAsItSays(t *testing.T) {
	g := behind(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	const some = maxConns/2 + 10 // all of them would need more files than a process has in many places
	for range some {
		c := g.dial(t)
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer("GET")
	}
	for range maxConns - some {
		c, _ := net.Pipe()
		if !g.admit(c) {
			t.Fatal("refused too early")
		}
	}
	one := g.dial(t)
	_, _ = io.WriteString(one, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // it may be closed already
	one.closed()
}

func TestBytesAfterAnAnswerAreNotTheNextAnswer(t *testing.T) {
	var served atomic.Int64
	g := start(t, scripted(t, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%dHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nX", served.Add(1))
		}
	}), Options{})
	c := g.dial(t)
	for _, want := range []string{"1", "2", "3"} {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, body := c.answer("GET"); body != want {
			t.Fatalf("%q, not %q", body, want)
		}
	}
}

// failing is a listener that fails for a while before it accepts.
type failing struct {
	net.Listener
	left atomic.Int64
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return f.Listener.Accept()
}

func TestServesOnWhenFilesRunOut(t *testing.T) {
	upstream := scripted(t, func(c net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broken := &failing{Listener: ln}
	broken.left.Store(3)
	log := &safeBuffer{}
	p := New(Options{Upstream: upstream, Log: log})
	served := make(chan error, 1)
	go func() { served <- p.Serve(context.WithoutCancel(t.Context()), broken) }()
	defer func() {
		_ = ln.Close()
		p.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	g := &rig{p, ln.Addr().String(), log}
	c := g.dial(t)
	c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if resp, _ := c.answer("GET"); resp.StatusCode != 204 {
		t.Error(resp.Status)
	}
	if n := strings.Count(log.String(), "too many open files"); n != 1 {
		t.Errorf("the trouble is told %d times:\n%s", n, log)
	}
}
