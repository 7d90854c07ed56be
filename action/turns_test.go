package action

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestTurns: one after the other at one place, side by side at others, and nobody waits longer than its context.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns turns
		var here atomic.Int64
		start := time.Now()
		for range 5 {
			for _, at := range []string{"shop/live", "shop/test"} {
				go func() {
					done, err := turns.take(t.Context(), at)
					if err != nil {
						t.Error(err)
						return
					}
					defer done()
					if at == "shop/live" && here.Add(1) > 1 {
						t.Error("two at once")
					}
					time.Sleep(time.Second)
					if at == "shop/live" {
						here.Add(-1)
					}
				}()
			}
		}
		time.Sleep(500 * time.Millisecond)
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := turns.take(soon, "shop/live"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("it was not its turn yet")
		}
		done, err := turns.take(t.Context(), "shop/live")
		if err != nil || time.Since(start) != 5*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		done()
		synctest.Wait()
	})
}
