package proxy

import (
	"errors"
	"os"
	"time"
)

// errGone says that the runtime has closed its connection while it should have been waiting.
var errGone = errors.New("the runtime went away")

// A watch notices that the runtime closes its connection. It reads ahead: a pipelined request ends the watch
// and is served later.
type watch struct {
	c    *conn
	done chan error
}

// watch calls gone, on another goroutine, if the runtime goes away before stop. Until stop has returned, nothing
// else may read downstream.
func (c *conn) watch(gone func()) *watch {
	w := &watch{c: c, done: make(chan error, 1)}
	if c.down.r.Full() {
		w.done <- nil
		return w
	}
	go func() {
		err := c.down.r.Fill()
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			gone()
		}
		w.done <- err
	}()
	return w
}

// stop ends the watch and reports whether the runtime is still there.
func (w *watch) stop() bool {
	_ = w.c.down.SetReadDeadline(time.Unix(1, 0)) // long past: wakes the reader
	err := <-w.done
	_ = w.c.down.SetReadDeadline(time.Time{})
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}

// hold waits until an instant, never less; false if the runtime goes away meanwhile.
func (c *conn) hold(until time.Time) bool {
	gone := make(chan struct{})
	w := c.watch(func() { close(gone) })
	for left := time.Until(until); left > 0; left = time.Until(until) {
		timer := time.NewTimer(left)
		select {
		case <-timer.C:
		case <-gone:
			timer.Stop()
			w.stop()
			return false
		}
	}
	return w.stop()
}
