package proxy

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/pressure"
)

// holds are the resources that one invocation holds, as what gives them back.
type holds []func()

// longest is how long an invocation may take, where its deadline is unknown.
const longest = 15 * time.Minute

// take takes a resource until release, or until the deadline.
func (h *holds) take(ctx context.Context, t *pressure.Taker, i fault.Injection, deadline time.Time, log entry) {
	release, err := t.Take(ctx, i, func() { log.fired(i.Kind) })
	if err != nil {
		log.missed(i.Kind, err.Error())
		return
	}
	h.add(release, deadline)
	if i.Kind == fault.CPU {
		h.add(spread(i.Usage.Cores), deadline)
	}
}

// spread lets this program use as many processors as a CPU keeps busy, 0 being all, and one more for its own work: it
// may run on a single one. restore undoes that.
func spread(cores int) (restore func()) {
	if most := runtime.NumCPU(); cores == 0 || cores > most {
		cores = most
	}
	before := runtime.GOMAXPROCS(0)
	if before > cores {
		return func() {}
	}
	runtime.GOMAXPROCS(cores + 1)
	return func() { runtime.GOMAXPROCS(before) }
}

// add has something given back once: with release, or at the deadline, because a runtime that dies never answers.
func (h *holds) add(release func(), deadline time.Time) {
	release = sync.OnceFunc(release)
	left := longest
	if !deadline.IsZero() {
		left = min(left, time.Until(deadline))
	}
	timer := time.AfterFunc(left, release)
	*h = append(*h, func() { timer.Stop(); release() })
}

func (h holds) release() {
	for _, release := range h {
		release()
	}
}
