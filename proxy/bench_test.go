package proxy

import (
	"bufio"
	"io"
	"math"
	"net"
	"net/http"
	"testing"
	"time"
)

// One exchange over loopback, upstream and runtime included; ./bench compares it with a relay.
func BenchmarkForward(b *testing.B) {
	event := make([]byte, 1<<10)
	upstream := scripted(b, func(c net.Conn, r *bufio.Reader) {
		for {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n")
			_, _ = c.Write(event)
		}
	})
	c := start(b, upstream, Options{}).dial(b)
	_ = c.SetDeadline(time.Time{})
	b.ReportAllocs()
	for b.Loop() {
		c.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer("GET")
	}
}

// An event that no fault is live for costs no memory.
func TestDisarmedAllocatesNothing(t *testing.T) {
	answer := append([]byte("HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 11111111-2222-3333-4444-555555555555\r\nContent-Length: 1000\r\n\r\n"), make([]byte, 1000)...)
	upstream := scripted(t, func(c net.Conn, _ *bufio.Reader) {
		request := make([]byte, 4096)
		for {
			if _, err := c.Read(request); err != nil {
				return
			}
			_, _ = c.Write(answer)
		}
	})
	c := start(t, upstream, Options{Source: fixed{nil}}).dial(t)
	request := []byte("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
	got := make([]byte, len(answer))
	least := math.Inf(1) // an answer that takes long is watched, which costs some
	for range 5 {
		least = min(least, testing.AllocsPerRun(100, func() {
			if _, err := c.Write(request); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c.Conn, got); err != nil {
				t.Fatal(err)
			}
		}))
	}
	if least > 0 {
		t.Errorf("%v allocations", least)
	}
}
