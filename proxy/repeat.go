package proxy

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
)

const (
	// comesBack is how long a runtime that has answered may take to ask for its next event. One that waits for that
	// already, on another connection, does not ask again: the caller must not pay more than this for it.
	comesBack = 2 * time.Second
	// handsOver bounds the time that it takes to give Lambda a first answer to which no second came.
	handsOver = 2 * time.Second
)

// repeats is the invocation that is delivered twice: one at a time, so that what is held stays bounded.
type repeats struct {
	claimed atomic.Bool
	current atomic.Pointer[repeat] // once it has its first answer
}

// claim reserves the place until what was taken is released.
func (r *repeats) claim(taken *holds, deadline time.Time) bool {
	if !r.claimed.CompareAndSwap(false, true) {
		return false
	}
	taken.add(func() {
		r.current.Store(nil)
		r.claimed.Store(false)
	}, deadline)
	return true
}

// A repeat is an invocation whose event the runtime gets twice. Its first answer stays here; the runtime's next
// request for an event gets the same one again. Lambda gets one answer, as it would have.
type repeat struct {
	message  []byte // the event as it was delivered, head and all
	deadline time.Time

	mu    sync.Mutex
	state repeatState
	ctx   func() (context.Context, context.CancelFunc) // for handing over; outlives the connection's
	proxy *Proxy
	plan  pending
	first answer
	timer *time.Timer // ends the wait for the runtime
}

type repeatState int

const (
	unanswered repeatState = iota // the first delivery is with the runtime
	waiting                       // it is answered, and the second waits to be asked for
	delivered                     // the second delivery is with the runtime
	settled                       // Lambda gets its answer
)

// An answer is a response of the runtime, wholly in memory.
type answer struct {
	head    wire.Head
	content held
}

// wait has the second delivery wait to be asked for.
func (r *repeat) wait(ctx context.Context, p *Proxy, plan pending, first answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.proxy, r.plan, r.first, r.state = p, plan, first, waiting
	ctx = context.WithoutCancel(ctx)
	r.ctx = func() (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, handsOver) }
	r.timer = time.AfterFunc(r.patience(), func() { r.abandon(neverAsked) })
	p.repeats.current.Store(r)
}

// patience is how long the runtime is waited for: never so long that Lambda has no answer at the deadline.
func (r *repeat) patience() time.Duration {
	if r.deadline.IsZero() {
		return comesBack
	}
	return min(comesBack, time.Until(r.deadline)/2)
}

// deliver takes the second delivery; false if it is not, or no longer, waiting.
func (r *repeat) deliver() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.state != waiting {
		return false
	}
	r.timer.Stop()
	r.state = delivered
	r.proxy.plans.put(r.plan)
	return true
}

// takeBack has the second delivery wait again, because the runtime went away before it had the event.
func (r *repeat) takeBack() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.proxy.plans.take([]byte(r.plan.entry.id)); ok {
		r.state = waiting
		r.timer.Reset(r.patience())
	}
}

func (r *repeat) isDelivered() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state == delivered
}

// settle ends the second delivery, which has its answer, and returns the first one.
func (r *repeat) settle() answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state = settled
	return r.first
}

// abandon gives Lambda the first answer, if the second delivery still waits.
func (r *repeat) abandon(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp(reason)
}

// giveUp is abandon for who holds the lock.
func (r *repeat) giveUp(reason string) {
	if r.state != waiting {
		return
	}
	r.timer.Stop()
	r.state = settled
	plan := r.plan
	plan.entry.missed(fault.Redelivery, reason)
	plan.after = plan.after[1:]
	ctx, cancel := r.ctx()
	defer cancel()
	plan.held.release()
	_ = r.proxy.handOver(ctx, plan, r.first)       // recorded where it matters
	r.proxy.repeats.current.CompareAndSwap(r, nil) // it may have come after its deadline, when its place was given away
}

// close settles what can no longer come to pass: the runtime is gone.
func (r *repeat) close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.giveUp(errGone.Error())
	if r.state != delivered {
		return
	}
	plan, ok := r.proxy.plans.take([]byte(r.plan.entry.id))
	if !ok {
		return
	}
	r.state = settled
	i := plan.after[0]
	plan.after = plan.after[1:]
	ctx, cancel := r.ctx()
	defer cancel()
	_ = r.proxy.unanswered(ctx, plan, i, r.first) // recorded
}

// unanswered is a second delivery from which the runtime did not come back. A real one would be another
// invocation, which cannot take the first one's answer with it; if the second answer is the caller's, there is none.
func (p *Proxy) unanswered(ctx context.Context, plan pending, i fault.Injection, first answer) error {
	plan.held.release()
	plan.entry.noted(i.Kind, fault.AnsweredOnce)
	if i.Second {
		plan.missed(errGone.Error())
		return nil
	}
	return p.handOver(ctx, plan, first)
}

// handOver gives Lambda an answer in the stead of a runtime that is not there to hear what becomes of it.
func (p *Proxy) handOver(ctx context.Context, plan pending, a answer) error {
	near, far := net.Pipe()
	defer far.Close()
	stop := context.AfterFunc(ctx, func() { _ = near.Close() }) // what is awaited ends with that
	defer stop()
	go func() { _, _ = io.Copy(io.Discard, far) }() // ends with the pipe
	c := newConn(p, near)
	defer c.hangUp()
	defer near.Close()
	if err := c.dial(ctx); err != nil {
		plan.missed(lost(err))
		return err
	}
	c.req = a.head
	err := c.conclude(plan, a.content)
	if why := c.refusal(); err == nil && why != "" {
		p.journal.problem(fault.Problem{Field: string(fault.Redelivery), Value: plan.entry.id, Message: "the first answer was not taken: " + why})
	}
	return err
}
