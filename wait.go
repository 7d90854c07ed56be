package firedrill

import (
	"context"
	"time"
)

// coarse is how late the runtime's timers may be: on Linux they end up in epoll_wait, which counts whole
// milliseconds, so the last one is slept by other means.
const coarse = time.Millisecond

// wait sleeps for d, never less, unless ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	start := time.Now()
	if d > coarse {
		if err := doze(ctx, d-coarse); err != nil {
			return err
		}
	}
	nap(d - time.Since(start))
	for left := d - time.Since(start); left > 0; left = d - time.Since(start) {
		if err := doze(ctx, left); err != nil {
			return err
		}
	}
	return nil
}

func doze(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
