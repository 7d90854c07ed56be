package proxy

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/pressure"
)

// A runtime that never answers holds a resource until its deadline, or the longest that there can be.
func TestResourcesEndWithTheDeadline(t *testing.T) {
	for _, limit := range []time.Duration{time.Second, 0} {
		synctest.Test(t, func(t *testing.T) {
			taker := pressure.New(func(string) string { return "" })
			log := &safeBuffer{}
			e := entry{&journal{log: log}, "", "r-1", nil}
			i := fault.Injection{Kind: fault.Memory, Usage: fault.Usage{Take: 1 << 20}}
			deadline, last := time.Time{}, longest
			if limit > 0 {
				deadline, last = time.Now().Add(limit), limit
			}
			var held, more holds
			held.take(t.Context(), taker, i, deadline, e)
			time.Sleep(last - 1) // fake time
			more.take(t.Context(), taker, i, deadline, e)
			time.Sleep(time.Nanosecond)
			synctest.Wait()
			more.take(t.Context(), taker, i, time.Time{}, e)
			held.release()
			more.release()
			if got := log.records(); len(got) != 3 || got[0] != "r-1 memory 1/1" || got[1] != "r-1 memory 0/1 another invocation in this process holds it" || got[2] != got[0] {
				t.Errorf("records %q", got)
			}
		})
	}
}
