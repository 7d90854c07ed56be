package firedrill

import (
	"bytes"
	"context"
	"io"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/firedrill-dev/firedrill/fault"
)

// before enacts an injection that stands before the handler. ended says that the handler must not run.
// Waits are recorded as they begin, because Lambda may end the process during them.
func (w *wrapped) before(ctx context.Context, i fault.Injection, log record, t *turn) (r response, ended bool, err error) {
	if i.Skip != "" {
		log.missed(i.Kind, i.Skip)
		return r, false, nil
	}
	if i.Ends() {
		t.denial.end()
		log.fired(i.Kind)
		if i.Status != 0 {
			return w.mode.answer(i), true, nil
		}
		return r, true, injectedError(i)
	}
	switch i.Kind {
	case fault.Latency, fault.Timeout:
		log.fired(i.Kind)
		// Cancelled or not, the handler runs: what a late start means is its own affair.
		_ = wait(ctx, i.Delay)
		return r, false, nil
	case fault.DiskSpace, fault.Memory, fault.CPU, fault.FileDescriptors:
		w.hold(ctx, i, log, &t.held)
		return r, false, nil
	case fault.Denylist:
		t.denial = &denial{deny: i.Deny, until: t.lease, log: log}
		t.held = append(t.held, t.denial.end)
		return r, false, nil
	case fault.Poison:
		changed := false
		if t.event, changed = i.PoisonEvent(t.event); !changed {
			log.missed(i.Kind, "the event has none of the fields")
		} else {
			log.fired(i.Kind)
		}
		return r, false, nil
	}
	log.missed(i.Kind, fault.Unsupported)
	return r, false, nil
}

// after runs the handler and enacts what stands after it.
func (w *wrapped) after(ctx context.Context, event []byte, injections []fault.Injection, log record) (response, error) {
	returned := false
	defer func() {
		if !returned {
			log.allMissed(injections, "the handler panicked")
		}
	}()
	kept := event
	if injections[0].Kind == fault.Redelivery {
		kept = bytes.Clone(event) // the handler may change what it was given
	}
	r, err := w.call(ctx, event)
	returned = true
	if err != nil {
		log.allMissed(injections, "the handler itself failed")
		return r, err
	}
	for n, i := range injections {
		switch {
		case i.Skip != "":
			log.missed(i.Kind, i.Skip)
		case i.Kind == fault.Redelivery:
			if r, err = w.redeliver(ctx, kept, r, i, log); err != nil {
				log.allMissed(injections[n+1:], "the handler itself failed")
				return r, err
			}
		case i.Kind == fault.FailAfter:
			r.discard()
			log.fired(i.Kind)
			return response{}, injectedError(i)
		case i.Kind == fault.Corruption || i.Kind == fault.StatusCode || i.Kind == fault.Batch:
			var reason string
			if r, reason = corrupt(r, i); reason != "" {
				log.missed(i.Kind, reason)
			} else {
				log.fired(i.Kind)
			}
		default:
			log.missed(i.Kind, fault.Unsupported)
		}
	}
	return r, nil
}

// injectedError is the error whose type and message the Lambda library reports as they are. It does so for
// this type only, and by value.
func injectedError(i fault.Injection) error {
	return messages.InvokeResponse_Error{Type: i.ErrorType, Message: i.ErrorMessage}
}

// answer is a status code in the form that the handler's own answers have.
func (m mode) answer(i fault.Injection) response {
	switch m {
	case streamHTTP:
		return response{reader: answer(i.StreamPayload(), fault.StreamContentType)}
	case streamed:
		return response{reader: answer(i.Payload, "application/json")}
	}
	return response{json: i.Payload}
}

// corrupt rewrites a response. A stream is read to its end first: what is not there cannot be mangled.
func corrupt(r response, i fault.Injection) (_ response, reason string) {
	const nothing = "the response has nothing to corrupt"
	if r.reader == nil {
		out, changed := i.Corrupt(r.json)
		if !changed {
			return r, nothing
		}
		return response{json: out}, ""
	}
	content, err := io.ReadAll(r.reader)
	if err != nil {
		replay := io.MultiReader(bytes.NewReader(content), failing{err})
		return response{reader: replaced(replay, r.reader)}, "the response ended in an error of its own"
	}
	out, changed := i.Corrupt(content)
	r = response{reader: replaced(bytes.NewReader(out), r.reader)}
	if !changed {
		return r, nothing
	}
	return r, ""
}
