package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/firedrill-dev/firedrill/source"
	"github.com/firedrill-dev/firedrill/source/remote"
)

// remoteSource reads the fault set of a server.
func remoteSource(t *testing.T, h http.HandlerFunc) source.Source {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return remote.FromEnv(t.Context(), func(name string) string { return map[string]string{source.Config: s.URL}[name] }, &safeBuffer{})
}

// invocations answers as the Runtime API does, with events numbered from 1, and counts the errors posted.
func invocations(failed *atomic.Int64) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/error") {
			failed.Add(1)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint("r-", n.Add(1)))
		_, _ = io.WriteString(w, `{"a":"1"}`)
	}
}

// A store that never answers is not noticed: invocations come and go while it hangs.
func TestStoreThatHangsDelaysNothing(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	var once atomic.Bool
	s := remoteSource(t, func(http.ResponseWriter, *http.Request) {
		if once.CompareAndSwap(false, true) {
			close(asked)
		}
		<-release
	})
	t.Cleanup(func() { close(release) }) // before the server's own end, which waits for it
	var failed atomic.Int64
	c := behind(t, Options{Source: s}, invocations(&failed)).dial(t)
	<-asked
	for range 100 {
		c.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, body := c.answer("GET"); resp.StatusCode != 200 || body != `{"a":"1"}` {
			t.Fatalf("%s %s", resp.Status, body)
		}
	}
}

// Faults that a server hands out come into force beside the invocations.
func TestSourceOnTheNetwork(t *testing.T) {
	s := remoteSource(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"exception":{"enabled":true,"match":[{"path":"never","operator":"exists"}]},"fail-after":{"enabled":true}}`)
	})
	var failed atomic.Int64
	g := behind(t, Options{Source: s}, invocations(&failed))
	c := g.dial(t)
	for failed.Load() == 0 { // the first ones may come before the set does
		c.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, _ := c.answer("GET")
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		c.send("POST /2018-06-01/runtime/invocation/" + id + "/response HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
		c.answer("POST")
	}
	if records := g.log.records(); len(records) != 1 || !strings.Contains(records[0], "fail-after 1/1") {
		t.Errorf("%q", records)
	}
}
