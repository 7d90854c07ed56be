package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// stores are servers that hand out fault sets badly. What they do must not show in an invocation.
type stores struct{ servers []*http.Server }

// open starts a server and returns its URL. It ends with close.
func (s *stores) open(ctx context.Context, h http.HandlerFunc) (string, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("start a store: %w", err)
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	s.servers = append(s.servers, server)
	go func() { _ = server.Serve(ln) }() // it ends with an error, always
	return "http://" + ln.Addr().String(), nil
}

func (s *stores) close() {
	for _, server := range s.servers {
		_ = server.Close()
	}
}

// hangs accepts a question and never answers it.
func hangs(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// flaps answers in turn with a set that hits nothing, with an error, and with 10 MB of junk.
func flaps() http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) % 3 {
		case 1:
			_, _ = w.Write([]byte(`{"exception":{"enabled":true,"percentage":0}}`))
		case 2:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			_, _ = w.Write(bytes.Repeat([]byte("{"), 10<<20)) // it is not read to its end
		}
	}
}
