package firedrill

import (
	"context"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// AWSCalls decides what happens to calls to AWS services, and keeps the records. It is what package awsfault
// stands on, so that this package needs no AWS SDK; use that one.
//
// It is safe for concurrent use. A nil *AWSCalls injects nothing.
type AWSCalls struct {
	source  source.Source
	journal *journal
	orphans callCounter // numbers the calls that carry no invocation
}

// NewAWSCalls returns nil if Firedrill is disabled, or FIREDRILL_CONFIG is not set.
func NewAWSCalls(options ...Option) *AWSCalls {
	s := resolve(options)
	if s.source == nil {
		return nil
	}
	return &AWSCalls{source: s.source, journal: newJournal(s)}
}

// An AWSCall is one call of an operation, with its attempts. It belongs to one goroutine.
type AWSCall struct {
	calls   *AWSCalls
	request fault.AWSRequest
}

// Call begins a call of an operation, both named as the AWS SDKs do.
func (c *AWSCalls) Call(service, operation string) *AWSCall {
	return &AWSCall{calls: c, request: fault.AWSRequest{Service: service, Operation: operation}}
}

// An AWSAttempt is an attempt of a call that a fault hits. Whoever gets it says what became of it, once: Fired as
// it begins, or Missed.
type AWSAttempt struct {
	fault.Injection
	log record
}

// Attempt plans the call's next attempt; ok is false if nothing happens to it. ctx should carry the context that
// the handler was given, as requests should for Transport.
//
// Where a plan must not be enacted (Injection.Skip), that is recorded here, and ok is false.
func (c *AWSCall) Attempt(ctx context.Context) (a AWSAttempt, ok bool) {
	if c.calls == nil {
		return a, false
	}
	now := time.Now()
	c.request.Attempt++
	set := c.calls.source.Faults(now)
	if !set.HasAWSCalls() {
		return a, false
	}
	if c.request.Number == 0 {
		c.request.Number = c.calls.counter(ctx).next(c.request.Service, c.request.Operation)
	}
	inv := invocationOf(ctx)
	i, hit := set.PlanAWSCall(inv, c.request, now)
	if hit {
		if sure := source.Confirm(ctx, c.calls.source, set, now); sure != set {
			set = sure
			i, hit = set.PlanAWSCall(inv, c.request, time.Now())
		}
	}
	if !hit {
		return a, false
	}
	a = AWSAttempt{i, c.calls.journal.of(set, inv.RequestID).noting(ctx)}
	if i.Skip != "" {
		a.Missed(i.Skip)
		return a, false
	}
	return a, true
}

// Fired records that the injection begins.
func (a AWSAttempt) Fired() { a.log.fired(a.Kind) }

// Missed records why the injection could not be enacted.
func (a AWSAttempt) Missed(reason string) { a.log.missed(a.Kind, reason) }

// Wait sleeps for the injection's delay, never less, unless ctx ends; then it returns ctx's error.
func (a AWSAttempt) Wait(ctx context.Context) error { return wait(ctx, a.Delay) }

// callCounter numbers the calls of each operation. Its size is bounded by the operations that code can name.
type callCounter struct {
	mu    sync.Mutex
	calls map[[2]string]int
}

func (c *callCounter) next(service, operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[[2]string]int{}
	}
	c.calls[[2]string{service, operation}]++
	return c.calls[[2]string{service, operation}]
}

// callCounterKey is where the context carries the counter of an invocation.
type callCounterKey struct{}

func (c *AWSCalls) counter(ctx context.Context) *callCounter {
	if counter, ok := ctx.Value(callCounterKey{}).(*callCounter); ok {
		return counter
	}
	return &c.orphans
}
