package local

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// settleGrace is how long an invocation waits for an environment that has just answered, before it has another
	// one started. A runtime is back in well under a millisecond, unless the machine is busy, and then a cold start only
	// makes it busier.
	settleGrace = 100 * time.Millisecond
	// deliveries bounds how often an event is offered to environments that turn out to be dead.
	deliveries = 5
	// idleFor is how long an environment may wait for work before it is ended.
	idleFor = 5 * time.Minute
)

// A function is one function of the host: what its versions and aliases share. All but its name, latest and queue is
// guarded by Host.mu.
type function struct {
	name      string
	latest    *version
	published []*version // by number
	aliases   map[string]*alias

	queue       chan struct{} // a place for each asynchronous event
	concurrency *int          // reserved; nil is none. Never changed in place
	inFlight    int
}

// An invocation is one event with what its caller asked for.
type invocation struct {
	id            string
	arn           string // that the caller invoked, with its qualifier
	payload       []byte
	traceID       string
	clientContext string // JSON
	tail          bool   // the caller wants the end of the log
}

// invoke has the version serve one event. It fails with an *apiError if the event was refused; a function that
// fails is an outcome, not an error. The caller's going away does not end an invocation, as in Lambda.
func (h *Host) invoke(v *version, in invocation) (outcome, error) {
	if err := h.admit(v.fn); err != nil {
		return outcome{}, err
	}
	defer h.leave(v.fn)
	for range deliveries {
		env, err := h.environmentFor(v, in.id)
		if err != nil {
			var f *failure
			if errors.As(err, &f) {
				return outcome{result: f.result()}, nil
			}
			return outcome{}, err
		}
		out, err := env.run(h.life, h, in)
		if err != nil { // it died while it was idle, before it saw the event
			continue
		}
		h.settle(env)
		return out, nil
	}
	return outcome{}, serviceError("the function's environments end before they take an event")
}

// admit counts the invocation in, or refuses it.
func (h *Host) admit(fn *function) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch reserved := fn.concurrency; {
	case h.closing:
		return serviceError(errClosing.Error())
	case reserved != nil && fn.inFlight >= *reserved:
		return throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
	case h.inFlight >= h.cfg.MaxEnvironments:
		return throttled("ConcurrentInvocationLimitExceeded")
	}
	fn.inFlight++
	h.inFlight++
	return nil
}

func (h *Host) leave(fn *function) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn.inFlight--
	h.inFlight--
}

// environmentFor returns an environment that waits for an event: an idle one, one that is about to be idle, or a
// new one. Its error is an *apiError or a *failure.
func (h *Host) environmentFor(v *version, requestID string) (*environment, error) {
	h.mu.Lock()
	if n := len(v.idle); n > 0 {
		env := v.idle[n-1]
		v.idle = v.idle[:n-1]
		env.idle = false
		h.mu.Unlock()
		return env, nil
	}
	if v.settling > len(v.waiters) {
		waiter := make(chan *environment, 1)
		v.waiters = append(v.waiters, waiter)
		h.mu.Unlock()
		if env := h.await(v, waiter); env != nil {
			return env, nil
		}
		h.mu.Lock()
	}
	if h.environments >= h.cfg.MaxEnvironments && !h.evict() {
		h.mu.Unlock()
		return nil, throttled("ConcurrentInvocationLimitExceeded")
	}
	h.environments++
	spec, generation := v.spec.clone(), v.generation
	h.mu.Unlock()
	return h.coldStart(v, spec, generation, requestID)
}

func (h *Host) coldStart(v *version, spec Function, generation int, requestID string) (*environment, error) {
	env, err := h.startEnvironment(v, spec, generation)
	if err != nil {
		h.mu.Lock()
		h.environments--
		h.mu.Unlock()
		if errors.Is(err, errClosing) {
			return nil, serviceError(err.Error())
		}
		h.log.line(v.label(), []byte("firedrill: "+err.Error()))
		return nil, newFailure(errEntrypoint, "RequestId: "+requestID+" Error: "+err.Error())
	}
	if err := env.initialize(h.life, h, requestID); err != nil {
		h.mu.Lock()
		h.discount(env)
		h.mu.Unlock()
		return nil, err
	}
	return env, nil
}

// await returns the environment that settles for this waiter, or nil if none does in time.
func (h *Host) await(v *version, waiter chan *environment) *environment {
	timer := time.NewTimer(settleGrace)
	defer timer.Stop()
	select {
	case env := <-waiter:
		return env
	case <-timer.C:
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(v.waiters, waiter); i >= 0 {
		v.waiters = slices.Delete(v.waiters, i, i+1)
		return nil
	}
	return <-waiter // it came at the same moment
}

// evict makes room for a process by ending the environment that has been idle longest, of whichever version;
// false if none is idle. The room is given at once, though the process may take a moment to go.
func (h *Host) evict() bool {
	var oldest *environment
	for v := range h.versions() {
		if len(v.idle) > 0 && (oldest == nil || v.idle[0].idleSince.Before(oldest.idleSince)) {
			oldest = v.idle[0]
		}
	}
	if oldest == nil {
		return false
	}
	h.retire(oldest)
	return true
}

// retire ends an idle environment. Host.mu is held.
func (h *Host) retire(env *environment) {
	env.version.idle = slices.DeleteFunc(env.version.idle, func(e *environment) bool { return e == env })
	env.idle = false
	env.kill()
	h.discount(env)
}

// settle lets the environment return to its pool when the function asks for its next event. The time until then is the
// function's own: Lambda bills it, and ends it at the timeout.
func (h *Host) settle(env *environment) {
	h.mu.Lock()
	env.version.settling++
	env.settled = make(chan struct{})
	h.mu.Unlock()
	if !h.join() {
		h.settled(env, false)
		return
	}
	go func() {
		defer h.running.Done()
		ctx, cancel := context.WithTimeout(h.life, env.spec.Timeout)
		defer cancel()
		h.settled(env, env.server.WaitIdle(ctx) == nil)
	}()
}

func (h *Host) settled(env *environment, alive bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := env.version
	v.settling--
	close(env.settled)
	switch {
	case !alive || h.closing || env.generation != v.generation:
		env.kill()
		h.discount(env)
		if n := len(v.waiters); n > v.settling {
			v.waiters[n-1] <- nil
			v.waiters = v.waiters[:n-1]
		}
	case len(v.waiters) > 0:
		v.waiters[0] <- env
		v.waiters = v.waiters[1:]
	default:
		env.idle, env.idleSince = true, time.Now()
		v.idle = append(v.idle, env)
	}
}

// gone takes a process that has ended out of the books.
func (h *Host) gone(env *environment) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if env.idle {
		env.version.idle = slices.DeleteFunc(env.version.idle, func(e *environment) bool { return e == env })
		env.idle = false
	}
	h.discount(env)
	delete(h.all, env)
}

// discount gives the place of an environment that is ending to the next. Host.mu is held.
func (h *Host) discount(env *environment) {
	if !env.uncounted {
		env.uncounted = true
		h.environments--
	}
}

// recycle ends the idle environments of a version whose configuration has changed; busy ones end when they
// have answered. Host.mu is held.
func (h *Host) recycle(v *version) {
	v.generation++
	for len(v.idle) > 0 {
		h.retire(v.idle[0])
	}
}

// retireUnused ends the environments that have had no work for a while.
func (h *Host) retireUnused(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for v := range h.versions() {
		for len(v.idle) > 0 && now.Sub(v.idle[0].idleSince) > idleFor {
			h.retire(v.idle[0])
		}
	}
}
