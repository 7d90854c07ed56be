package proxy

import (
	"context"
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
