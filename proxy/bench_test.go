package proxy

import (
	"bufio"
	"io"
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
