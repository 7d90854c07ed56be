package pace

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	// headroom is the part of a limit that is used: clocks and networks jitter, and a request that is a little early
	// is throttled.
	headroom = 0.95
	// floor is the part of its rate that a bucket keeps however often it is throttled.
	floor = 1.0 / 8
	// regain is how long a bucket takes from nothing back to its full rate.
	regain = 10 * time.Second
)

// A bucket gives turns at a rate.
type bucket struct {
	name    string
	full    float64 // turns a second at most
	limiter *rate.Limiter

	mu    sync.Mutex
	rate  float64 // at present; infinite: as many as wanted, until they are throttled
	cutAt time.Time
	grown time.Time
}

// newBucket makes a bucket for a limit. An open one has no limit until it is throttled.
func newBucket(name string, limit float64, open bool) *bucket {
	b := &bucket{name: name, full: limit * headroom}
	b.rate = b.full
	if open {
		b.rate = math.Inf(1)
	}
	b.limiter = rate.NewLimiter(limitAt(b.rate), burst(limit))
	return b
}

// burst is how many turns there are at once after a rest: a third of a second's, so that the few calls of one undo wait
// for nothing, and never so many that AWS would refuse one.
func burst(limit float64) int {
	if limit < 2 {
		return 1
	}
	return max(2, int(limit/3))
}

func limitAt(r float64) rate.Limit {
	if math.IsInf(r, 1) {
		return rate.Inf
	}
	return rate.Limit(r)
}

// turn waits for a turn. The error is that ctx has ended, or would before it comes.
func (b *bucket) turn(ctx context.Context) error {
	b.grow()
	if b.limiter.Wait(ctx) == nil {
		return nil
	}
	cause := context.Cause(ctx)
	if cause == nil {
		cause = context.DeadlineExceeded
	}
	return fmt.Errorf("wait for a turn to call AWS (%s: %.3g requests a second): %w", b.name, b.present(), cause)
}

func (b *bucket) present() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.rate
}

// grow gives a bucket back what it has regained since it was throttled.
func (b *bucket) grow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	if b.rate < b.full {
		b.rate = min(b.full, b.rate+b.full*now.Sub(b.grown).Seconds()/regain.Seconds())
		b.limiter.SetLimit(limitAt(b.rate))
	}
	b.grown = now
}

// throttled halves the rate. Attempts that were sent before the last time tell nothing new.
func (b *bucket) throttled(sent time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if sent.Before(b.cutAt) {
		return
	}
	b.rate = max(min(b.rate, b.full)/2, b.full*floor)
	b.cutAt = time.Now()
	b.grown = b.cutAt
	b.limiter.SetLimit(limitAt(b.rate))
}
