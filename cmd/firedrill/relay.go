package main

import (
	"bytes"
	"io"
	"time"
)

const (
	relayLines    = 256             // kept while nobody reads; what comes then is lost
	relayPatience = 2 * time.Second // with the reader of what is left
)

// A relay writes without ever making its caller wait: a terminal that stands still (Ctrl-S, a pager) must not
// keep a run from putting everything back.
type relay struct {
	lines chan []byte
	done  chan struct{}
}

// newRelay begins to write to w. Close it after the last Write.
func newRelay(w io.Writer) *relay {
	r := &relay{lines: make(chan []byte, relayLines), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for line := range r.lines {
			_, _ = w.Write(line) // nobody reads it: nobody could be told
		}
	}()
	return r
}

// Write takes p for writing, or drops it.
func (r *relay) Write(p []byte) (int, error) {
	select {
	case r.lines <- bytes.Clone(p):
	default:
	}
	return len(p), nil
}

// close waits until what was taken is written, for a moment.
func (r *relay) close() {
	close(r.lines)
	late := time.NewTimer(relayPatience)
	defer late.Stop()
	select {
	case <-r.done:
	case <-late.C:
	}
}
