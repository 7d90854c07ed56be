package firedrill

import (
	"context"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// environmentVariable names the environment: Lambda gives each its own log stream.
const environmentVariable = "AWS_LAMBDA_LOG_STREAM_NAME"

// start delays the first invocation of an environment, if its fault set says so. It reports the time after that.
func (w *wrapped) start(ctx context.Context, set *fault.Set, now time.Time) time.Time {
	if !w.started.CompareAndSwap(false, true) {
		return now
	}
	request := invocationOf(ctx).RequestID
	name := w.environment
	if name == "" {
		name = request
	}
	i, slow := set.PlanStart(name, now)
	if !slow {
		return now
	}
	log := w.journal.of(set, request).noting(ctx)
	if i.Skip != "" {
		log.missed(i.Kind, i.Skip)
		return now
	}
	log.fired(i.Kind)
	_ = wait(ctx, i.Delay) // cancelled or not, the handler runs, as after any latency
	return time.Now()
}
