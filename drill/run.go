package drill

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// Options are how a drill is run. Run is required.
type Options struct {
	// Width is how many jobs may run side by side; 1: all in order.
	Width int
	// Retries is how often a job is run again, at most, whose verdict is inconclusive.
	Retries int
	// FailFast begins no other job once one did not hold.
	FailFast bool
	Budget   Budget
	// Run runs one experiment, as engine.Run does; it is called from several goroutines. A nil result says that the run never began.
	Run func(ctx context.Context, j *Job, link Link) (*engine.Result, error)
	// Watch is told whenever a job began or is done, from one goroutine; nil if nobody watches.
	Watch func(Standing)
}

// A Link is what ties a run to its drill. Hand all of it to the engine.
type Link struct {
	Attempt int // 1, 2, ...
	Guards  []experiment.Guards
	Observe func(engine.Event)
	Wait    func(ctx context.Context, held *engine.TargetHeld) bool
}

// An Outcome is what came of one job.
type Outcome struct {
	*Job
	// Result is that of its last run; nil if there was none.
	Result  *engine.Result
	Earlier []*engine.Result // of runs that were tried again
	Err     error            // why a run could not even begin
	// Ending is why the drill ended this job before its time, or never began it; nil if it ended by itself.
	Ending error
	Beside []*Job // what ran at the same time, some of it
}

// Why a drill ends before its time. The error of an ended context is one more.
var (
	ErrOrdered  = errors.New("somebody said stop")
	ErrResidue  = errors.New("something could not be put back")
	ErrFailFast = errors.New("an experiment did not hold")
	ErrBudget   = errors.New("the budget is used up")
	ErrTooMuch  = errors.New("it would spend more than is left of the budget, or nobody knows what it costs")
)

// Standing is how far a drill is.
type Standing struct {
	Began, Ended *Outcome // what has changed: one of the two
	Done         int
	Running      int
	All          int
	Left         time.Duration // about
}

// Run runs jobs side by side where nothing keeps them apart, and returns what came of each, in their order. It ends when no run is
// left: each has put everything back. The error is that of a run that could not begin, which ends the drill.
func Run(ctx context.Context, jobs []Job, o Options) ([]Outcome, error) {
	d := &runner{o: o, jobs: jobs, schedule: newSchedule(apart(jobs), o.Width), outcomes: make([]Outcome, len(jobs)), lengths: lengths(jobs),
		began: map[int]time.Time{}, runs: map[string]chan struct{}{}, spent: ledger{used: map[int]Budget{}, sure: map[int]Budget{}}, done: make(chan ended)}
	for i := range jobs {
		d.outcomes[i].Job = &jobs[i]
	}
	d.ctx, d.end = context.WithCancelCause(ctx)
	defer d.end(nil)
	for d.begin(); len(d.schedule.running) > 0; d.begin() {
		d.took(<-d.done)
	}
	for _, i := range d.schedule.waiting {
		d.outcomes[i].Ending = d.ending()
	}
	return d.outcomes, d.err
}

// A runner is a drill that is going on. Its fields belong to the goroutine of Run, but for what is said to be shared.
type runner struct {
	o        Options
	jobs     []Job
	schedule *schedule
	outcomes []Outcome
	lengths  []time.Duration
	began    map[int]time.Time
	done     chan ended
	hold     error // why nothing more begins, though what is going on may end
	err      error

	ctx context.Context // shared; its end ends all runs
	end context.CancelCauseFunc

	mu    sync.Mutex               // shared, with what follows
	runs  map[string]chan struct{} // closed when the run is over
	spent ledger
}

// ended is the end of a job.
type ended struct {
	job     int
	result  *engine.Result
	earlier []*engine.Result
	cut     error // why the drill ended it
	err     error
}

// ending is why nothing more begins; nil if more may.
func (d *runner) ending() error {
	if d.ctx.Err() != nil {
		return context.Cause(d.ctx)
	}
	return d.hold
}

// begin begins what may begin.
func (d *runner) begin() {
	for d.ending() == nil {
		i, ok := d.schedule.next()
		if !ok {
			return
		}
		if !d.affordable(i) {
			d.outcomes[i].Ending = ErrTooMuch
			d.schedule.done(i)
			continue
		}
		d.began[i] = time.Now()
		for _, other := range d.schedule.running {
			if other != i {
				d.outcomes[i].Beside = append(d.outcomes[i].Beside, &d.jobs[other])
				d.outcomes[other].Beside = append(d.outcomes[other].Beside, &d.jobs[i])
			}
		}
		d.tell(Standing{Began: &d.outcomes[i]})
		go func() { d.done <- d.job(i) }()
	}
}

// took takes in what came of a job, and draws the consequences for the others.
func (d *runner) took(e ended) {
	d.schedule.done(e.job)
	out := &d.outcomes[e.job]
	out.Result, out.Earlier, out.Ending, out.Err = e.result, e.earlier, e.cut, e.err
	switch r := e.result; {
	case e.err != nil:
		d.err = errors.Join(d.err, fmt.Errorf("%s: %w", out.File, e.err))
		d.end(e.err)
	case r == nil:
	case len(r.Residue) > 0:
		d.end(ErrResidue)
	case ordered(r):
		d.end(ErrOrdered)
	case exhausted(r):
		d.end(ErrBudget)
	case d.o.FailFast && r.Verdict != verdict.Held && d.hold == nil:
		d.hold = ErrFailFast
	}
	d.tell(Standing{Ended: out})
}

// ordered says that a person ended the run, who means the whole drill.
func ordered(r *engine.Result) bool {
	return r.Stop != nil && slices.Contains([]engine.StopKind{engine.StopInterrupted, engine.StopRequested, engine.StopKillSwitch}, r.Stop.Kind)
}

// job runs one job, again if need be.
func (d *runner) job(i int) (e ended) {
	e.job = i
	for {
		result, err := d.attempt(i, len(e.earlier)+1)
		if result == nil {
			if d.ctx.Err() != nil { // it was ended before it began
				err = nil
			}
			e.err, e.cut = err, context.Cause(d.ctx)
			if n := len(e.earlier); n > 0 { // the last run that there was
				e.result, e.earlier = e.earlier[n-1], e.earlier[:n-1]
			}
			return e
		}
		e.result = result
		if result.Stop != nil && result.Stop.Kind == engine.StopInterrupted {
			e.cut = context.Cause(d.ctx)
		}
		again := result.Verdict == verdict.Inconclusive && len(result.Residue) == 0 && len(e.earlier) < d.o.Retries
		if !again || d.ctx.Err() != nil {
			return e
		}
		if !d.affordable(i) {
			e.cut = ErrTooMuch
			return e
		}
		e.earlier = append(e.earlier, result)
	}
}

func (d *runner) attempt(i, attempt int) (*engine.Result, error) {
	guards, left := d.allot()
	if !left {
		d.end(ErrBudget)
		return nil, nil
	}
	over := make(chan struct{})
	var run string
	defer func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		close(over)
	}()
	result, err := d.o.Run(d.ctx, &d.jobs[i], Link{Attempt: attempt, Guards: guards, Wait: d.wait, Observe: func(e engine.Event) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if run == "" {
			run = e.Run
			d.runs[run] = over
		}
		d.spending(i, e)
	}})
	d.settle(i, result)
	return result, err
}

// wait lets a run wait whose target another run of the same drill has, or had: it may be over by now.
func (d *runner) wait(ctx context.Context, held *engine.TargetHeld) bool {
	d.mu.Lock()
	over, ours := d.runs[held.Run]
	d.mu.Unlock()
	if !ours || ctx.Err() != nil {
		return false
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	}
}

func (d *runner) tell(s Standing) {
	if d.o.Watch == nil {
		return
	}
	s.Running, s.All = len(d.schedule.running), len(d.jobs)
	s.Done = s.All - s.Running - len(d.schedule.waiting)
	left := map[int]time.Duration{}
	for _, i := range d.schedule.running {
		left[i] = max(d.lengths[i]-time.Since(d.began[i]), 0)
	}
	s.Left = d.schedule.takes(d.lengths, left)
	d.o.Watch(s)
}
