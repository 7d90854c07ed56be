package proxy

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// stopped is a source whose set was stopped since it was read.
type stopped struct {
	fixed
	confirmed atomic.Int64
}

func (s *stopped) Confirm(context.Context, time.Time) *fault.Set {
	s.confirmed.Add(1)
	return nil
}

// An event that would be hit is delivered as it came if that turns out to be of yesterday; one that is spared does
// not even ask.
func TestHitsAreConfirmed(t *testing.T) {
	for document, confirmed := range map[string]int64{
		`{"exception":{"enabled":true}}`:                                                           1,
		`{"exception":{"enabled":true,"match":[{"path":"a","value":"1"}]}}`:                        1,
		`{"exception":{"enabled":true,"match":[{"path":"a","value":"2"}]}}`:                        0,
		`{"exception":{"enabled":true,"percentage":0}, "latency":{"enabled":true,"percentage":0}}`: 0,
	} {
		s := &stopped{fixed: parse(t, document)}
		var failed atomic.Int64
		g := behind(t, Options{Source: s}, invocations(&failed))
		c := g.dial(t)
		c.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
		if resp, body := c.answer("GET"); resp.StatusCode != 200 || body != `{"a":"1"}` || failed.Load() != 0 {
			t.Errorf("%s: %s %q, %d errors", document, resp.Status, body, failed.Load())
		}
		if n := s.confirmed.Load(); n != confirmed || len(g.log.records()) != 0 {
			t.Errorf("%s: confirmed %d times, %q", document, n, g.log.records())
		}
	}
}
