package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// Options are what a run needs beside the experiment. Registry and State are required.
type Options struct {
	Registry Registry
	State    *State
	// Guards are those of guards files, which count beside the experiment's own.
	Guards []experiment.Guards
	// Observer is told what happens, from one goroutine; nil if nobody watches. A slow one slows the run.
	Observer func(Event)
	// UndoTimeout bounds putting back one target, retries included. It is not cut short by the end of the
	// context. Default 30s.
	UndoTimeout time.Duration
	// Parallel is how many targets of a condition are worked on at once. Default 16.
	Parallel int
	// Within is the rollout of which the run is a part; empty for others.
	Within string
	// UntilDisproved ends the fault phase as soon as it is certain that a measure of a load does not hold: for those who want
	// the verdict, and no more harm than that takes.
	UntilDisproved bool
	// Source is the text of the experiment file; its SHA-256 goes into the journal.
	Source []byte
	// Wait is asked when a target is in use by another run: true says that it is worth another try by now. It may take its time, until
	// ctx ends. Nil: the run ends. A run that waits keeps none of its own targets from others in a folder, and only those that come before in a table.
	Wait func(ctx context.Context, held *TargetHeld) bool
	// Experiment is where the file is in its repository, by which its runs are recognized. Default: the experiment's File.
	Experiment string
	// Labels say what is under test, and where: see the labels of package history.
	Labels map[string]string
	// Finish is called once with the finished result, after report.json is written and before the journal is
	// closed: the place to write more reports into State.RunDir.
	Finish func(*Result) error
}

// Run runs one experiment and returns when everything is put back. The end of ctx is an order to stop: undo
// still runs to its end. The result is nil only if the run never began, and the error says why; once there is
// a result, an error says that its reports could not be written.
func Run(ctx context.Context, x *experiment.Experiment, o Options) (*Result, error) {
	r, err := newRunner(ctx, x, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	r.tell(Event{Kind: EventBegan})
	r.loop(ctx)
	return r.result, r.reportErr
}

// A runner is the shell around one machine. Its fields belong to the goroutine of loop, but for what is said
// to be shared.
type runner struct {
	x *experiment.Experiment
	o Options
	m *machine

	run      string
	started  time.Time
	claim    Claim     // shared
	journal  *journal  // shared
	groups   []*group  // as the machine's conditions
	conds    []*change // of all groups
	traffic  traffic
	watch    watcher
	budgets  []Spent
	spending spending
	events   chan event

	inject       context.Context // of everything but undo and traffic
	cancelInject context.CancelFunc
	undo         context.Context // outlives the caller's
	calm         context.Context // ends with the first reason to stop
	cancelCalm   context.CancelFunc
	stopWatching context.CancelFunc

	spans     []PhaseSpan
	baseline  []judged // per measure, frozen when the baseline was judged
	notes     []string
	residue   []Residue
	recovery  Recovery
	predicted *Prediction // once the guards have agreed
	enough    bool        // nobody waits any longer for what is known late
	result    *Result
	reportErr error
}

// A change is one condition on one of its targets, with its action. The shell's goroutine owns it: an operation only
// reads what was booked before it began.
type change struct {
	experiment.Condition        // its name is the change's own, if the condition has several targets
	of                   string // the condition's name in the experiment
	names                []string
	account, region      string
	tags                 map[string]string // nil: not read yet
	tagsErr              error
	usual                *Usual // of the target, before the run; nil: not known
	usualErr             error
	group                int    // how many its group has; 0: it was named itself
	in                   *group // with the condition's other changes
	action               Action
	key                  string
	fixed                bool
	undo                 []byte
	prepared             bool      // undo is on disk
	begun                bool      // its Apply was
	renewed, failing     time.Time // as in leases
	result               ConditionResult
}

func newRunner(ctx context.Context, x *experiment.Experiment, o Options) (*runner, error) {
	if o.UndoTimeout <= 0 {
		o.UndoTimeout = undoTimeout
	}
	if err := o.State.released(ctx); err != nil {
		return nil, err
	}
	now := time.Now()
	run, claim, err := o.State.newRun(ctx, now)
	if err != nil {
		return nil, &Refusal{Err: err, Tip: cmp.Or(HintOf(err), "nothing was injected; name a folder that can be written: --state DIR")}
	}
	r := &runner{
		x: x, o: o, run: run, started: now, claim: claim,
		m:       newMachine(specOf(x, o)),
		events:  make(chan event, len(x.Loads)+4),
		undo:    context.WithoutCancel(ctx),
		budgets: budgetsOf(x, o),
	}
	r.inject, r.cancelInject = context.WithCancel(ctx)
	r.calm, r.cancelCalm = context.WithCancel(r.undo)
	watching, stop := context.WithCancel(r.undo)
	r.stopWatching = stop
	if err := r.beginJournal(); err != nil {
		r.close()
		return nil, &Refusal{Err: err, Tip: "nothing was injected; is the disk full?"}
	}
	go r.watchOrders(watching)
	return r, nil
}

// beginJournal writes the journal's first record: from now on the run exists for other processes.
func (r *runner) beginJournal() error {
	r.journal = continued(r.claim, nil)
	host, _ := os.Hostname() // only for people
	record := Record{Type: recordRun, Run: r.run, Within: r.o.Within, Title: r.x.Title, File: r.x.File, Lease: r.x.Lease, PID: os.Getpid(), Host: host, Experiment: r.identity(), Labels: r.o.Labels}
	if r.o.Source != nil {
		sum := sha256.Sum256(r.o.Source)
		record.Source = "sha256:" + hex.EncodeToString(sum[:])
	}
	return r.journal.append(record, true)
}

func (r *runner) close() {
	r.cancelInject()
	r.cancelCalm()
	r.stopWatching()
	r.claim.Release(len(r.residue) == 0)
}

// specOf is the part of an experiment that the machine acts on.
func specOf(x *experiment.Experiment, o Options) spec {
	longest, _ := maxDuration(guardsOf(x, o))
	s := spec{
		baseline: x.Phases.Baseline, baselineMax: x.Phases.BaselineMax, fault: x.Phases.Fault, recovery: x.Phases.Recovery,
		lease: x.Lease, maxDuration: longest, stages: x.Stages, late: x.Lateness(),
	}
	if len(s.stages) == 0 {
		s.stages = []float64{100}
	}
	if s.lease <= 0 {
		s.lease = 15 * time.Second
	}
	return s
}

// loop feeds the machine until it has finished.
func (r *runner) loop(ctx context.Context) {
	ticks := time.NewTicker(watchStep)
	defer ticks.Stop()
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	interrupted := ctx.Done()
	r.handle(event{kind: evStart, at: r.started})
	for r.m.state != finished {
		alarm.Reset(r.untilWake())
		select {
		case <-interrupted:
			interrupted = nil
			r.halt(StopInterrupted, interruption(ctx))
		case e := <-r.events:
			e.at = time.Now()
			if e.book != nil {
				e.book(&e)
			}
			r.handle(e)
		case <-alarm.C:
			r.handle(event{kind: evTick, at: time.Now()})
		case <-ticks.C:
			r.look()
		}
	}
	r.finish(ctx)
}

func (r *runner) untilWake() time.Duration {
	wake := r.m.Wake()
	if wake.IsZero() {
		return time.Hour
	}
	return time.Until(wake)
}

// interruption says why the caller's context ended.
func interruption(ctx context.Context) string {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return "interrupted: " + cause.Error()
	}
	return "interrupted"
}

func (r *runner) halt(kind StopKind, reason string) {
	r.handle(event{kind: evStop, at: time.Now(), stop: &Stop{Kind: kind, Reason: reason}})
}

// handle gives one event to the machine and carries out its commands, and those that their answers bring.
func (r *runner) handle(e event) {
	queue := []event{e}
	for len(queue) > 0 {
		e, queue = queue[0], queue[1:]
		stopped := r.m.stop
		commands := r.m.Step(e)
		if r.m.stop != stopped {
			r.cancelCalm()
			r.tell(Event{Kind: EventStop, Message: r.m.stop.Reason})
		}
		for _, c := range commands {
			if answer, ok := r.do(c, e.at); ok {
				queue = append(queue, answer)
			}
		}
	}
}

// do starts or carries out one command. The answer, if there is one, is the machine's next event.
func (r *runner) do(c command, at time.Time) (answer event, ok bool) {
	if c.op.asynchronous() {
		perform := r.operation(c)
		go func() { r.events <- perform() }()
		return event{}, false
	}
	switch c.op {
	case opCancel:
		r.cancelInject()
	case opEnter:
		if err := r.enter(c, at); err != nil {
			return r.journalFailed(at, err), true
		}
	case opLeave:
		r.spans[len(r.spans)-1].End = at
	case opJudge:
		return event{kind: evJudged, at: at, judgment: r.judgeWindow(at)}, true
	case opCheck:
		if rec, _ := r.recovered(at); rec.Recovered {
			r.recovery = rec
			return event{kind: evSteady, at: at}, true
		}
	}
	return event{}, false
}

// enter begins a phase; the first one starts the traffic.
func (r *runner) enter(c command, at time.Time) error {
	r.traffic.phase.Store(&at)
	if c.phase == PhaseBaseline {
		r.startTraffic(at)
	}
	r.spans = append(r.spans, PhaseSpan{Name: c.phase, Stage: c.stage, Share: c.share, Start: at})
	err := r.journal.append(Record{Type: recordPhase, Phase: c.phase, Stage: c.stage, Share: c.share}, false)
	length := map[string]time.Duration{PhaseBaseline: r.x.Phases.Baseline, PhaseFault: r.x.Phases.Fault, PhaseRecovery: r.x.Phases.Recovery}[c.phase]
	r.tell(Event{Kind: EventPhase, Phase: c.phase, Stage: c.stage, Share: c.share, Length: length})
	return err
}

// journalFailed ends the run, because what comes next could not be undone by another process.
func (r *runner) journalFailed(at time.Time, err error) event {
	r.note(err.Error())
	return event{kind: evStop, at: at, stop: &Stop{Kind: StopError, Reason: err.Error(), err: err}}
}

func (r *runner) note(text string) {
	r.notes = append(r.notes, text)
	r.tell(Event{Kind: EventNote, Message: text})
}

func (r *runner) noteAll(texts []string) {
	for _, text := range texts {
		r.note(text)
	}
}

// noteError is note for an error that may be nil.
func (r *runner) noteError(what string, err error) {
	if err != nil {
		r.note(what + ": " + err.Error())
	}
}

// noteSome notes the first of errors that are much alike, and how many there were.
func (r *runner) noteSome(errs []error) {
	switch n := len(errs); n {
	case 0:
	case 1:
		r.note(errs[0].Error())
	default:
		r.note(fmt.Sprintf("%s (and %d more)", errs[0], n-1))
	}
}

// tell reports live progress. An observer that panics is not called again: it must not keep anything from
// being put back.
func (r *runner) tell(e Event) {
	if r.o.Observer == nil {
		return
	}
	e.At, e.Run = time.Now(), r.run
	e.Elapsed = e.At.Sub(r.started)
	if err := safely(func() error { r.o.Observer(e); return nil }); err != nil {
		r.o.Observer = nil
		r.notes = append(r.notes, "the progress observer failed: "+err.Error())
	}
}
