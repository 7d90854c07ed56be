package pressure

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// period is how long one turn of busy and idle time takes together: short beside what a caller notices.
const period = 10 * time.Millisecond

// maxBurn ends what nobody ended: no invocation of Lambda's is longer.
const maxBurn = 15 * time.Minute

// takeCPU keeps processors busy until free is called, which waits for the last of them.
func takeCPU(u fault.Usage) (free func()) {
	cores := runtime.NumCPU()
	if u.Cores > 0 {
		cores = min(cores, u.Cores)
	}
	limit := maxBurn
	if u.For > 0 {
		limit = min(limit, u.For)
	}
	b := &burner{stop: make(chan struct{}), until: time.Now().Add(limit), busy: period * time.Duration(u.Percent) / 100}
	var group sync.WaitGroup
	for range cores {
		group.Go(b.burn)
	}
	return func() {
		b.stopped.Store(true)
		close(b.stop)
		group.Wait()
	}
}

type burner struct {
	stopped atomic.Bool
	stop    chan struct{} // closed as stopped is set
	until   time.Time
	busy    time.Duration // of each period
}

func (b *burner) burn() {
	for !b.over() {
		b.work(time.Now().Add(b.busy))
		if b.busy >= period {
			continue
		}
		timer := time.NewTimer(period - b.busy)
		select {
		case <-timer.C:
		case <-b.stop:
			timer.Stop()
		}
	}
}

func (b *burner) over() bool { return b.stopped.Load() || !time.Now().Before(b.until) }

// work is the work: looking at the clock, which is arithmetic on nearly every system.
func (b *burner) work(until time.Time) {
	for time.Now().Before(until) && !b.over() {
		continue
	}
}
