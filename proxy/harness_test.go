package proxy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// fixed is a source that never changes.
type fixed struct{ set *fault.Set }

func (f fixed) Faults(time.Time) *fault.Set { return f.set }

func parse(t testing.TB, document string) fixed {
	t.Helper()
	set, problems := fault.Parse([]byte(document))
	for _, p := range problems {
		if !p.Warning {
			t.Fatalf("%s: %+v", document, p)
		}
	}
	return fixed{set}
}

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// records are the injection records of a log, without what differs between runs.
func (b *safeBuffer) records() (all []string) {
	for line := range strings.Lines(b.String()) {
		if r, ok := fault.ParseRecord([]byte(line)); ok {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %d/%d %s", r.RequestID, r.Kind, r.Fired, r.Planned, r.Reason)))
		}
	}
	return all
}

// rig is a proxy between a test and an upstream.
type rig struct {
	*Proxy
	address string
	log     *safeBuffer
}

// start serves a proxy until the test ends.
func start(t testing.TB, upstream string, o Options) *rig {
	t.Helper()
	log := &safeBuffer{}
	o.Upstream, o.Log, o.Function = upstream, log, "shop"
	p := New(o)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- p.Serve(t.Context(), ln) }()
	t.Cleanup(func() {
		_ = ln.Close()
		p.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &rig{p, ln.Addr().String(), log}
}

// behind serves a proxy in front of an HTTP handler.
func behind(t testing.TB, o Options, h http.HandlerFunc) *rig {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return start(t, s.Listener.Addr().String(), o)
}

// scripted is an upstream that answers each connection's requests by hand.
func scripted(t testing.TB, serve func(c net.Conn, r *bufio.Reader)) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				defer c.Close()
				serve(c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		group.Wait()
	})
	return ln.Addr().String()
}

// raw is a connection on which a test writes what it likes.
type raw struct {
	net.Conn
	r *bufio.Reader
	t testing.TB
}

func (g *rig) dial(t testing.TB) *raw {
	t.Helper()
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	// Nothing here takes that long: it turns a hang into a failure.
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return &raw{c, bufio.NewReader(c), t}
}

func (c *raw) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// answer reads one response to a request with that method.
func (c *raw) answer(method string) (*http.Response, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		c.t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp, string(body)
}

// closed checks that the proxy ends the connection with nothing more on it.
func (c *raw) closed() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.r); len(rest) > 0 {
		c.t.Errorf("%q, %v on a connection that should be closed", rest, err)
	}
}
