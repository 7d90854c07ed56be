package firedrill

import (
	"bytes"
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/pressure"
	"github.com/firedrill-dev/firedrill/source"
)

// Wrap returns a handler for lambda.Start that injects the faults of the live fault set and otherwise does what
// handler does. handler is anything that lambda.Start takes: a function of one of its signatures, or a
// lambda.Handler. Responses that are an io.Reader keep streaming.
//
// If Firedrill is disabled, or FIREDRILL_CONFIG is not set, the result is handler itself. So it is when handler
// is nothing that lambda.Start takes, which lambda.Start then explains, and behind the layer, which injects the same
// faults already: then one line in the log says so. Transport, DialContext and package awsfault work behind the layer.
//
// JSON options of the Lambda library (lambda.WithUseNumber, ...) belong on the inside, because the wrapper sees
// raw events: firedrill.Wrap(lambda.NewHandlerWithOptions(handle, lambda.WithUseNumber(true))). A handler made
// so does not stream.
func Wrap(handler any, options ...Option) any {
	s := resolve(options)
	if s.source == nil {
		return handler
	}
	if s.getenv(source.Proxied) != "" {
		newJournal(s).print(fault.Problem{Field: source.Proxied, Message: "the layer injects faults already, the SDK's Wrap stands aside", Warning: true}.AppendJSON(nil, time.Now()))
		return handler
	}
	call, mode := adapt(handler)
	if call == nil {
		return handler
	}
	w := &wrapped{call: call, mode: mode, source: s.source, journal: newJournal(s), taker: pressure.New(s.getenv),
		environment: s.getenv(environmentVariable), marks: source.Chosen(s.getenv, s.log, fault.MarkVariable, "true", "1")}
	if mode == buffered {
		return bufferedHandler{w}
	}
	return w.stream
}

// wrapped is a handler between its faults.
type wrapped struct {
	call    invoker
	mode    mode
	source  source.Source
	journal *journal
	taker   *pressure.Taker
	marks   bool // put marks on responses

	environment string      // its name, or ""
	started     atomic.Bool // the first invocation has come
}

// invoker runs a handler on a raw event.
type invoker func(ctx context.Context, event []byte) (response, error)

// response is what a handler answered: a reader where it streams, else its JSON.
type response struct {
	json   []byte
	reader io.Reader
}

// mode is how a handler answers.
type mode int

const (
	buffered   mode = iota // always JSON
	streamed               // perhaps an io.Reader
	streamHTTP             // an io.Reader that begins with the prelude of a streamed HTTP response
)

// bufferedHandler is a lambda.Handler. The Lambda library hands it the raw event, so that the event is decoded
// once, by the handler inside.
type bufferedHandler struct{ *wrapped }

// Invoke implements lambda.Handler.
func (h bufferedHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	r, err := h.invoke(ctx, event)
	return r.json, err
}

// stream is the signature of a handler that may answer with a reader. The Lambda library reads the event into
// a rawEvent, and sends a reader as it comes.
func (w *wrapped) stream(ctx context.Context, event rawEvent) (io.Reader, error) {
	r, err := w.invoke(ctx, event)
	switch {
	case err != nil:
		return nil, err
	case r.reader != nil:
		return passed(r.reader), nil
	}
	return answer(r.json, "application/json"), nil
}

func (w *wrapped) invoke(ctx context.Context, event []byte) (response, error) {
	now := time.Now()
	set := w.source.Faults(now)
	var fired *hits
	if w.marks && set != nil {
		fired = &hits{}
		ctx = context.WithValue(ctx, hitsKey{}, fired)
	}
	if !w.started.Load() {
		now = w.start(ctx, set, now)
	}
	if set == nil {
		return w.call(ctx, event)
	}
	r, err := w.rehearse(ctx, event, set, now)
	if fired != nil && err == nil {
		r = fired.mark(r, set, now)
	}
	return r, err
}

// rehearse is one invocation while a fault set is live.
func (w *wrapped) rehearse(ctx context.Context, event []byte, set *fault.Set, now time.Time) (response, error) {
	inv := invocationOf(ctx)
	inv.Event = event
	plan, set := source.Plan(ctx, w.source, set, inv, now)
	if set.HasOutgoing() || set.HasAWSCalls() {
		ctx = context.WithValue(ctx, invocationKey{}, lasting(inv, set))
	}
	if set.HasAWSCalls() {
		ctx = context.WithValue(ctx, callCounterKey{}, &callCounter{})
	}
	if plan.Empty() {
		return w.call(ctx, event)
	}
	return w.enact(ctx, plan, turn{event: event, lease: set.Expires()}, w.journal.of(set, inv.RequestID).noting(ctx))
}

// enact is an invocation that is hit.
func (w *wrapped) enact(ctx context.Context, plan fault.Plan, t turn, log record) (r response, err error) {
	defer func() { r = t.held.end(r) }()
	for _, injection := range plan.Before {
		if r, ended, err := w.before(ctx, injection, log, &t); ended {
			return r, err
		}
	}
	if t.denial != nil {
		ctx = context.WithValue(ctx, denialKey{}, t.denial)
	}
	if len(plan.After) == 0 {
		return w.call(ctx, t.event)
	}
	return w.after(ctx, t.event, plan.After, log)
}

// turn is what faults before the handler change for one invocation.
type turn struct {
	event []byte // what the handler gets
	held  holds

	lease  time.Time // of the fault set; zero: none
	denial *denial   // nil: no host is denied
}

// lasting is an invocation for a context, which may outlive it: the Lambda library then uses the event's memory
// for the next one.
func lasting(inv fault.Invocation, set *fault.Set) fault.Invocation {
	if set.NeedsEvent() {
		inv.Event = bytes.Clone(inv.Event)
	} else {
		inv.Event = nil
	}
	return inv
}

// invocationKey is where the context carries the invocation to Transport and AWSCalls.
type invocationKey struct{}

// invocationOf is what the context knows of the invocation; its event only inside of Wrap, and only while
// outgoing requests or calls may be hit.
func invocationOf(ctx context.Context) fault.Invocation {
	if inv, ok := ctx.Value(invocationKey{}).(fault.Invocation); ok {
		return inv
	}
	var inv fault.Invocation
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		inv.RequestID = lc.AwsRequestID
	}
	inv.Deadline, _ = ctx.Deadline()
	return inv
}
