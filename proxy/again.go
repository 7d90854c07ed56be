package proxy

import (
	"context"
	"errors"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
)

// Reasons for redeliveries that could not be enacted.
const (
	eventTooLarge = "the event is too large to hold"
	otherRepeats  = "another invocation is being delivered twice"
	neverAsked    = "the runtime did not ask for another event"
)

// acceptedHead begins Lambda's answer to a response.
const acceptedHead = "HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 15\r\n"

// repeated prepares a second delivery of an event that is about to be delivered, and holds it in memory for that. If
// none is planned, or it cannot be, it returns nil, and the plan has none any more.
func (c *conn) repeated(plan *fault.Plan, inv fault.Invocation, log entry, event *held, taken *holds) (_ *repeat, err error) {
	// It stands before all else that follows the handler.
	if len(plan.After) == 0 || plan.After[0].Kind != fault.Redelivery || plan.After[0].Skip != "" {
		return nil, nil
	}
	reason := ""
	if !c.p.repeats.claim(taken, inv.Deadline) {
		reason = otherRepeats
	} else if event.raw {
		if *event, err = c.p.spare.hold(event.body, c.resp.ContentLength); err != nil {
			return nil, err
		}
	}
	if reason == "" && !event.whole {
		reason = eventTooLarge
	}
	if reason != "" {
		log.missed(fault.Redelivery, reason)
		plan.After = plan.After[1:]
		return nil, nil
	}
	message := c.resp.AppendReframed(nil, "", len(event.data))
	return &repeat{message: append(message, event.data...), deadline: inv.Deadline}, nil
}

// answered takes an answer of the runtime to an event that is delivered twice.
func (c *conn) answered(ctx context.Context, plan pending, r route) error {
	switch {
	case plan.again.isDelivered():
		return c.second(ctx, plan, r)
	case r == failure:
		c.taken = plan.held
		plan.missed(handlerFailed)
		return c.forward()
	}
	return c.first(ctx, plan)
}

// first keeps the first answer and tells the runtime that all went well. What cannot be kept is sent on.
func (c *conn) first(ctx context.Context, plan pending) error {
	content, err := c.receive()
	reason := ""
	switch {
	case err != nil:
		c.taken = plan.held
		plan.missed(lost(err))
		return err
	case !content.whole:
		reason = tooLarge
	case content.failed():
		reason = handlerFailed
	}
	if reason != "" {
		c.taken = plan.held
		plan.entry.missed(fault.Redelivery, reason)
		plan.after = plan.after[1:]
		return c.conclude(plan, content)
	}
	plan.again.wait(ctx, c.p, plan, answer{c.req.Clone(), content})
	if err = c.accept(); err != nil {
		plan.again.abandon(errGone.Error())
	}
	return err
}

// receive reads the response whose head was just read.
func (c *conn) receive() (held, error) {
	c.req.Detach()
	body := wire.RequestBody(c.down.r, &c.req)
	if err := c.goAhead(&body); err != nil {
		return held{}, err
	}
	return c.p.spare.hold(&body, c.req.ContentLength)
}

// accept answers a response as Lambda does.
func (c *conn) accept() error {
	_, _ = c.down.w.Write([]byte(acceptedHead)) // the error sticks
	if c.last {
		_, _ = c.down.w.Write([]byte("Connection: close\r\n"))
	}
	_, _ = c.down.w.Write([]byte("\r\n" + `{"status":"OK"}`))
	return c.down.w.Flush()
}

// again delivers the event that waits to be delivered a second time; ok is false if there is none.
func (c *conn) again() (ok bool, err error) {
	r := c.p.repeats.current.Load()
	if r == nil || !r.deliver() {
		return false, nil
	}
	_, _ = c.down.w.Write(r.message) // the error sticks
	if err = c.down.w.Flush(); err != nil {
		r.takeBack()
	}
	return true, err
}

// second compares the second answer with the first, and sends the one that is the caller's.
func (c *conn) second(ctx context.Context, plan pending, r route) error {
	c.taken = plan.held
	first := plan.again.settle()
	i := plan.after[0]
	plan.after = plan.after[1:]
	if r == failure && i.Second {
		plan.entry.noted(i.Kind, fault.AnsweredOnce)
		plan.missed(handlerFailed)
		return c.forward()
	}
	content, err := c.receive()
	if err == nil && !content.whole && !i.Second {
		err = content.discard()
	}
	switch {
	case err != nil:
		return errors.Join(err, c.p.unanswered(ctx, plan, i, first))
	case r == failure || content.failed():
		plan.entry.noted(i.Kind, fault.AnsweredOnce)
	default:
		plan.entry.noted(i.Kind, fault.CompareAnswers(first.content.data, content.data))
	}
	if !i.Second {
		c.p.spare.give(content.data)
		c.req, content = first.head, first.content
	}
	return c.conclude(plan, content)
}
