package load

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// Defaults for what a load leaves out.
const (
	DefaultTimeout     = 10 * time.Second
	DefaultMaxInFlight = 1000
)

// Deps are what a generator needs from its caller.
type Deps struct {
	// Transport sends HTTP requests; nil means one of the generator's own, without a proxy.
	Transport http.RoundTripper
	// Invoke invokes a Lambda function and waits for it; needed by loads that name one. It returns an error only if
	// Lambda gave no answer: refusals are statuses, and a function that failed has a FunctionError.
	Invoke func(ctx context.Context, name string, payload []byte) (Invoked, error)
}

// An Invoked is Lambda's answer to an invocation.
type Invoked struct {
	Status        int
	FunctionError string
	Mark          string // what the function's response says of the fault that hit it; see fault.ReadMark
	Version       string // that ran, empty if none did
}

// A Generator produces the traffic of one load.
type Generator struct {
	name        string
	schedule    Schedule
	sender      sender
	own         *http.Transport // nil if the caller brought one
	timeout     time.Duration
	maxInFlight int
	seed        uint64
}

// New checks a load and compiles its templates; nothing is sent. A load without a seed gets one of its own, so that two
// runs do not send the same identifiers; with a seed they do.
func New(l experiment.Load, d Deps) (*Generator, error) {
	g := &Generator{name: l.Name, timeout: l.Timeout, maxInFlight: l.MaxInFlight}
	if g.timeout <= 0 {
		g.timeout = DefaultTimeout
	}
	if g.maxInFlight <= 0 {
		g.maxInFlight = DefaultMaxInFlight
	}
	g.seed = seedOf(l)
	var err error
	if g.schedule, err = NewSchedule(l.Rate); err != nil {
		return nil, fmt.Errorf("load %s: %w", l.Name, err)
	}
	switch {
	case (l.HTTP == nil) == (l.Lambda == ""):
		err = fmt.Errorf("name either an HTTP request or a Lambda function to invoke")
	case l.HTTP != nil:
		transport := d.Transport
		if transport == nil {
			g.own = newTransport(g.maxInFlight)
			transport = g.own
		}
		g.sender, err = newHTTPSender(l.HTTP, l.Body, transport)
	case d.Invoke == nil:
		err = fmt.Errorf("there is nothing to invoke function %s with", l.Lambda)
	default:
		var payload text
		payload, err = parseText(l.Body)
		g.sender = &invokeSender{function: l.Lambda, payload: payload, invoke: d.Invoke}
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", l.Name, err)
	}
	return g, nil
}

// seedOf mixes the load's name in: two loads with one seed should not send the same identifiers.
func seedOf(l experiment.Load) uint64 {
	if l.Seed == 0 {
		return rand.Uint64()
	}
	h := fnv.New64a()
	h.Write([]byte(l.Name))
	return h.Sum64() ^ uint64(l.Seed)
}

// Run sends requests when they are due until ctx is done, then waits for those under way, each bounded by its timeout, and
// returns nil. It calls sink once for each request that was due, dropped ones included, from many goroutines. What
// happens to requests is data, never an error; but a panic of a transport, of Invoke or of sink ends the run with a *PanicError.
func (g *Generator) Run(ctx context.Context, sink func(verdict.Observation)) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	p := &pool{
		fail: fail,
		// Requests outlive ctx: cutting them off would report the end of the experiment as errors of the target.
		ctx:  context.WithoutCancel(ctx),
		g:    g,
		sink: sink,
		jobs: make(chan job, g.maxInFlight),
	}
	g.dispatch(ctx, p)
	p.close()
	if g.own != nil {
		g.own.CloseIdleConnections()
	}
	var panicked *PanicError
	if errors.As(context.Cause(ctx), &panicked) {
		return fmt.Errorf("load %s: %w", g.name, panicked)
	}
	return nil
}

// A PanicError is a panic of what a generator was given, in one of its goroutines.
type PanicError struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// Error tells what was panicked with, on one line, for reports.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// dispatch starts requests on time. It never waits for anything but the clock.
func (g *Generator) dispatch(ctx context.Context, p *pool) {
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for k := uint64(0); ; k++ {
		at, ok := g.schedule.At(k)
		if !ok { // a schedule that ends in silence; the run goes on
			<-ctx.Done()
			return
		}
		intended := start.Add(at)
		if wait := time.Until(intended); wait > 0 {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		} else if ctx.Err() != nil {
			return
		}
		p.start(job{seq: k, intended: intended})
	}
}

// A job is a request that is due.
type job struct {
	seq      uint64
	intended time.Time
}

// A pool runs requests in goroutines that it keeps, as many as were ever needed at once: a fresh one for each request would
// grow its stack again each time.
type pool struct {
	ctx      context.Context
	fail     context.CancelCauseFunc // ends the run
	g        *Generator
	sink     func(verdict.Observation)
	jobs     chan job // as large as inFlight can be, so sending never blocks
	inFlight atomic.Int64
	workers  int64 // at least inFlight; the dispatcher's own
	wg       sync.WaitGroup
}

// start hands a job to a worker, or drops it. It does not block.
func (p *pool) start(j job) {
	n := p.inFlight.Add(1)
	if n > int64(p.g.maxInFlight) {
		p.inFlight.Add(-1)
		p.sink(verdict.Observation{At: j.intended, Value: math.Inf(1), Failed: true, Class: ClassDropped, Late: time.Since(j.intended)})
		return
	}
	if n > p.workers {
		p.workers++
		p.wg.Go(p.work)
	}
	p.jobs <- j
}

func (p *pool) work() {
	defer func() {
		if v := recover(); v != nil {
			p.fail(&PanicError{v, debug.Stack()})
		}
	}()
	for j := range p.jobs {
		p.sink(p.one(j))
		p.inFlight.Add(-1)
	}
}

// one sends one request and observes it.
func (p *pool) one(j job) verdict.Observation {
	late := max(0, time.Since(j.intended))
	ctx, cancel := context.WithTimeout(p.ctx, p.g.timeout)
	defer cancel()
	a := p.g.sender.send(ctx, newDraw(p.g.seed, j.seq, j.intended))
	return a.observation(j.intended, late, time.Since(j.intended))
}

// close waits for the requests under way.
func (p *pool) close() {
	close(p.jobs)
	p.wg.Wait()
}
