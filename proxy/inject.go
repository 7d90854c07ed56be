package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
	"github.com/firedrill-dev/firedrill/source"
)

// maxHeld bounds the event or response that the proxy holds in memory, in bytes. Lambda's own limit is 6 MB;
// what is larger passes through unharmed.
const maxHeld = 16 << 20

// next serves a request for the next event. An invocation that a fault ends never reaches the runtime: the
// proxy answers it and asks for another one.
func (c *conn) next(ctx context.Context) error {
	if body := wire.RequestBody(c.down.r, &c.req); !body.Empty() {
		return c.forward() // no runtime does that
	}
	if again, err := c.again(); again {
		return err
	}
	if err := c.start(ctx); err != nil {
		return err
	}
	c.request = c.req.Append(c.request[:0], c.p.upstream, false)
	for {
		_, _ = c.up.w.Write(c.request) // the error sticks
		if err := c.up.w.Flush(); err != nil {
			return err
		}
		if err := c.await(); err != nil {
			return err
		}
		ended, err := c.event(ctx)
		if err != nil || !ended {
			return err
		}
		if err := c.dial(ctx); err != nil {
			return err
		}
	}
}

// event delivers the event whose head was just read, with the faults that come before the handler; ended says
// that one of them has answered it instead.
func (c *conn) event(ctx context.Context) (ended bool, err error) {
	now := time.Now()
	set := c.p.source.Faults(now)
	if set.Empty() || c.resp.Status != 200 {
		return false, c.reply(false)
	}
	id := string(c.resp.Get(fieldRequestID))
	if !plainID(id) {
		return false, c.reply(false)
	}
	if set.HasOutgoing() {
		c.p.outgoing.Do(c.warnOutgoing)
	}
	if set.HasAWSCalls() {
		c.p.awsCalls.Do(c.warnAWSCalls)
	}
	inv := fault.Invocation{RequestID: id, Deadline: deadlineOf(&c.resp)}
	body := c.respBody(false)
	if !set.NeedsEvent() {
		plan, set := source.Plan(ctx, c.p.source, set, inv, now)
		if plan.Empty() && !c.p.marks {
			return false, c.reply(false)
		}
		c.resp.Detach()
		return c.enact(ctx, plan, inv, set.Expires(), c.entry(set, id, now), held{body: &body, raw: true})
	}
	c.resp.Detach()
	event, err := c.p.spare.hold(&body, c.resp.ContentLength)
	if err != nil {
		return false, err
	}
	defer c.p.spare.give(event.data)
	if event.whole {
		inv.Event = event.data
	} else {
		c.p.journal.problem(fault.Problem{Field: "event", Value: id, Message: "is too large to be matched, it passes through"})
	}
	plan, set := source.Plan(ctx, c.p.source, set, inv, now)
	return c.enact(ctx, plan, inv, set.Expires(), c.entry(set, id, now), event)
}

func (c *conn) entry(set *fault.Set, id string, now time.Time) entry {
	return entry{c.p.journal, set.Run(), id, c.p.marker(set, now)}
}

// enact carries out a plan on an event that is still with us, and delivers it if it survives. What it holds is
// released with the response, or here if the event never gets so far.
func (c *conn) enact(ctx context.Context, plan fault.Plan, inv fault.Invocation, lease time.Time, log entry, event held) (ended bool, err error) {
	var taken holds
	defer func() {
		if ended || err != nil {
			taken.release()
		}
	}()
	for n, i := range plan.Before {
		switch {
		case i.Skip != "":
			log.missed(i.Kind, i.Skip)
		case i.Kind == fault.Latency || i.Kind == fault.Timeout:
			if !c.delay(i, log) {
				pending{entry: log, after: append(plan.Before[n+1:], plan.After...)}.missed(errGone.Error())
				return false, errGone
			}
		case i.Kind == fault.DiskSpace || i.Kind == fault.Memory || i.Kind == fault.CPU:
			taken.take(ctx, c.p.taker, i, inv.Deadline, log)
		case i.Kind == fault.FileDescriptors:
			c.limit(i, inv, log, &taken)
		case i.Kind == fault.Denylist:
			taken.deny(&c.p.denials, i, inv.Deadline, lease, log)
		case i.Kind == fault.Poison:
			log.settle(i.Kind, event.poison(i))
		case i.Ends():
			return true, c.answer(ctx, i, event, log)
		default:
			log.missed(i.Kind, fault.Unsupported)
		}
	}
	again, err := c.repeated(&plan, inv, log, &event, &taken)
	if err != nil {
		pending{entry: log, after: plan.After}.missed(lost(err))
		return false, err
	}
	if _, marked := log.marker.mark(); marked || len(plan.After) > 0 || len(taken) > 0 {
		c.p.plans.put(pending{log, plan.After, taken, again})
	}
	return false, c.deliver(event)
}

// deliver sends an event on, as raw as it still is.
func (c *conn) deliver(event held) error {
	if event.raw {
		return c.reply(false)
	}
	err := c.finish(event.send(c.down.w, &c.resp, "", false))
	c.leave(event.body)
	return err
}

// delay records the wait and holds the event back; false if the runtime goes away meanwhile. It is recorded as it
// begins, as the SDK does: a wait may outlast the run that counts it, or the environment itself.
func (c *conn) delay(i fault.Injection, log entry) bool {
	until := time.Now().Add(i.Delay)
	log.fired(i.Kind)
	return c.hold(until)
}

// answer ends an invocation in the runtime's stead.
func (c *conn) answer(ctx context.Context, i fault.Injection, event held, log entry) error {
	err := event.discard()
	if err == nil {
		c.leave(event.body)
		err = c.dial(ctx)
	}
	if err == nil {
		if i.Status == 0 {
			err = c.post(log.id, suffixError, i.ErrorType, i.ErrorBody())
		} else {
			log.marker.note(i.Kind)
			err = c.post(log.id, suffixResponse, "", log.marker.answer(i.Payload))
		}
	}
	if err == nil {
		err = c.await()
	}
	if err != nil {
		log.missed(i.Kind, lost(err))
		return err
	}
	log.settle(i.Kind, c.refusal())
	body := c.respBody(false)
	_, err = io.Copy(io.Discard, &body)
	c.leave(&body)
	return err
}

// leave hangs up if upstream will not use the connection again after the answer with that body. The runtime's
// connection need not end with it.
func (c *conn) leave(body *wire.Body) {
	if c.resp.Close || body.UntilClose() {
		c.hangUp()
	}
}

// post sends a request of our own upstream.
func (c *conn) post(id, suffix, errorType string, body []byte) error {
	head := make([]byte, 0, 512)
	head = append(append(append(append(head, "POST "+pathInvocation...), id...), suffix...), " HTTP/1.1\r\nHost: "...)
	head = append(append(head, c.p.upstream...), "\r\nContent-Type: application/json\r\n"...)
	if errorType != "" {
		head = append(append(append(head, "Lambda-Runtime-Function-Error-Type: "...), visible(errorType)...), "\r\n"...)
	}
	head = strconv.AppendInt(append(head, "Content-Length: "...), int64(len(body)), 10)
	_, _ = c.up.w.Write(append(head, "\r\n\r\n"...)) // the error sticks
	_, _ = c.up.w.Write(body)
	return c.up.w.Flush()
}

// refusal says why upstream did not take what was posted, or "".
func (c *conn) refusal() string {
	if c.resp.Status/100 == 2 {
		return ""
	}
	return fmt.Sprintf("the Runtime API answered %d", c.resp.Status)
}

// lost is the reason recorded for an injection whose exchange broke.
func lost(err error) string {
	if errors.Is(err, errGone) {
		return errGone.Error()
	}
	return "the exchange failed: " + err.Error()
}

func (c *conn) warnOutgoing() {
	c.p.journal.problem(fault.Problem{Field: string(fault.Outgoing), Message: "is enabled, but only the SDK can enact it: the proxy sees no outgoing requests",
		Hint: "wrap the function's HTTP transport with firedrill.Transport", Warning: true})
}

func (c *conn) warnAWSCalls() {
	c.p.journal.problem(fault.Problem{Field: string(fault.AWSCall), Message: "is enabled, but only the Go SDK can enact it: the proxy sees no calls to AWS",
		Hint: "install awsfault in the function's AWS configuration", Warning: true})
}

func deadlineOf(h *wire.Head) time.Time {
	ms, err := strconv.ParseInt(string(h.Get(fieldDeadline)), 10, 64)
	if err != nil || ms <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// plainID reports whether id can stand in a path as it is.
func plainID(id string) bool {
	for _, c := range []byte(id) {
		if c <= ' ' || c >= 0x7f || c == '/' || c == '?' || c == '#' || c == '%' {
			return false
		}
	}
	return id != "" && len(id) <= 256
}

// visible makes text fit for a field's value: a fault set must not be able to write headers.
func visible(text string) string {
	out := []byte(text)
	for i, c := range out {
		if c < ' ' || c >= 0x7f {
			out[i] = '?'
		}
	}
	return string(out[:min(len(out), 256)])
}
