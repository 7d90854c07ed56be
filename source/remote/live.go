package remote

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

const (
	// quietEvery and armedEvery are how often a function asks that is not armed, and one that is: the first is
	// what arming may take, the second what stopping may.
	quietEvery = 60 * time.Second
	armedEvery = time.Second
	// floorEvery bounds what an invocation each millisecond costs the store.
	floorEvery = 100 * time.Millisecond
	maxQuiet   = time.Hour

	// attemptFor bounds an attempt by a timer, lostAfter by the wall clock: a timer stands still in a frozen
	// environment, and the attempt's connection may be dead when it thaws.
	attemptFor = 2 * time.Second
	lostAfter  = 3 * time.Second

	// firstBackOff doubles with each failure up to maxBackOff, or armedBackOff while there is something to stop.
	firstBackOff = time.Second
	maxBackOff   = 60 * time.Second
	armedBackOff = 10 * time.Second

	// sureFor is how old the store's last answer may be for a fault to be enacted without asking again: more than
	// armedEvery, so that where invocations are frequent none waits. confirmFor is how long an attempt is waited for,
	// from its beginning.
	sureFor    = 1200 * time.Millisecond
	confirmFor = 250 * time.Millisecond

	// unleasedFor is how long a set without a lease outlives the store that it came from.
	unleasedFor = 60 * time.Second
)

// live is a fault set in a store, read again beside the invocations.
type live struct {
	ctx    context.Context
	place  place
	store  store
	gate   *source.Gate
	log    *problemLog
	jitter func() float64 // in [0, 1)

	set   atomic.Pointer[fault.Set]
	begun atomic.Int64 // wall clock of the last attempt's beginning, Unix nanoseconds
	wait  atomic.Int64 // how long after begun the next attempt is due
	sure  atomic.Int64 // wall clock of the beginning of the last attempt that the store has answered

	mu       sync.Mutex // guards the rest; never held during an attempt
	attempt  int        // the number of the last attempt: what an earlier one brings is not taken
	cancel   context.CancelFunc
	done     chan struct{} // closed when the last attempt has ended; nil before the first
	etag     string
	content  string
	failures int       // in a row
	failing  time.Time // wall clock of the first of them
}

func newLive(ctx context.Context, p place, s store, gate *source.Gate, log *problemLog) *live {
	return &live{ctx: ctx, place: p, store: s, gate: gate, log: log, jitter: random}
}

// Faults implements source.Source.
func (l *live) Faults(now time.Time) *fault.Set {
	// A clock that was set back must not stop the asking, hence the magnitude.
	if since, wait := now.UnixNano()-l.begun.Load(), l.wait.Load(); since >= wait || since <= -wait {
		l.begin(now)
	}
	return l.set.Load()
}

// Confirm implements source.Confirmer. Faults has begun an attempt if one is due. While the store does not answer, what
// it said last stays in force for its lease.
func (l *live) Confirm(ctx context.Context, now time.Time) *fault.Set {
	if age := now.UnixNano() - l.sure.Load(); age > int64(sureFor) || age < -int64(sureFor) {
		l.mu.Lock()
		done, left := l.done, time.Unix(0, l.begun.Load()).Add(confirmFor).Sub(now.Round(0))
		l.mu.Unlock()
		if left > 0 && left <= confirmFor {
			wait(ctx, done, left)
		}
	}
	return l.set.Load()
}

func wait(ctx context.Context, done <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Restored implements source.Restorer.
func (l *live) Restored(now time.Time) {
	l.mu.Lock()
	l.disarm()
	l.attempt++ // what is under way began before the snapshot
	l.wait.Store(0)
	l.mu.Unlock()
	l.begin(now)
}

// begin starts an attempt, unless another invocation is just doing that. One that is still under way has been
// lost: it would have ended by its timer, had the environment not been frozen.
func (l *live) begin(now time.Time) {
	if !l.mu.TryLock() {
		return
	}
	defer l.mu.Unlock()
	at := now.UnixNano()
	if since, wait := at-l.begun.Load(), l.wait.Load(); since < wait && since > -wait || l.ctx.Err() != nil {
		return
	}
	if l.cancel != nil {
		l.cancel()
	}
	ctx, cancel := context.WithTimeout(l.ctx, attemptFor)
	l.attempt, l.cancel, l.done = l.attempt+1, cancel, make(chan struct{})
	l.begun.Store(at)
	l.wait.Store(int64(lostAfter))
	go l.ask(ctx, l.attempt, l.etag, l.done)
}

// ask makes one attempt.
func (l *live) ask(ctx context.Context, attempt int, etag string, done chan<- struct{}) {
	defer close(done)
	got, err := l.store.fetch(ctx, etag)
	l.mu.Lock()
	defer l.mu.Unlock()
	if attempt != l.attempt || l.ctx.Err() != nil {
		return
	}
	l.cancel()
	l.cancel = nil
	now := time.Now().Round(0)
	took := now.Sub(time.Unix(0, l.begun.Load()))
	if err == nil && (took > lostAfter || took < -lostAfter) {
		l.wait.Store(0) // the answer is as old as the freeze was long
		return
	}
	next := l.settle(got, err, now)
	// The wait counts from the attempt's beginning, so that a freeze during it counts as well.
	l.wait.Store(int64(next) - int64(float64(next)*0.2*l.jitter()))
}

// settle takes an attempt's outcome and returns when the next one is due.
func (l *live) settle(got answer, err error, now time.Time) time.Duration {
	if err == nil {
		l.adopt(got, now)
	} else if no, ok := definite(err); ok {
		l.disarm()
		l.log.once(now, no.reason, fault.Problem{Field: l.place.field, Value: l.place.value, Message: "no faults are injected: " + no.Error(), Hint: no.hint})
	} else {
		return l.fail(err, now)
	}
	l.failures = 0
	l.sure.Store(l.begun.Load())
	if l.armed(now) {
		return min(armedEvery, l.place.refresh)
	}
	return l.place.refresh
}

// adopt puts a document into force. What is no fault set injects nothing: a set that was good must not outlive
// its replacement.
func (l *live) adopt(got answer, now time.Time) {
	if got.same {
		return
	}
	l.etag = got.etag
	if string(got.body) == l.content {
		return
	}
	l.content = string(got.body)
	if len(bytes.TrimSpace(got.body)) == 0 {
		l.set.Store(nil) // an emptied document is a disarmed function
		return
	}
	set, problems := l.gate.Admit(got.body, now)
	for _, p := range problems {
		l.log.once(now, p.Field+"\x00"+p.Value+"\x00"+p.Message, p)
	}
	l.set.Store(set)
}

func (l *live) disarm() {
	l.set.Store(nil)
	l.etag, l.content = "", ""
}

// fail keeps the last set, for as long as it may outlive the store, and backs off.
func (l *live) fail(err error, now time.Time) time.Duration {
	if l.failures == 0 {
		l.failing = now
	}
	l.failures++
	most, message := maxBackOff, "cannot be read, no faults are injected meanwhile"
	if l.armed(now) {
		most, message = armedBackOff, "cannot be read, the last fault set stays for its lease"
		if l.set.Load().Expires().IsZero() {
			message = fmt.Sprintf("cannot be read, the last fault set has no lease and stays for %v", unleasedFor)
		}
	}
	if set := l.set.Load(); set != nil && set.Expires().IsZero() && now.Sub(l.failing) >= unleasedFor {
		l.disarm()
		message = fmt.Sprintf("cannot be read since %v, its fault set has no lease and is dropped", unleasedFor)
	}
	l.log.once(now, message, fault.Problem{Field: l.place.field, Value: l.place.value, Message: message + ": " + err.Error()})
	return min(firstBackOff<<min(l.failures-1, 10), most)
}

// armed reports whether there is something in force that somebody may want to stop.
func (l *live) armed(now time.Time) bool {
	set := l.set.Load()
	return set != nil && (set.Expires().IsZero() || now.Before(set.Expires()))
}
