package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// A Rollout is a change that stays if all goes well: traffic led to a new version, a flag that is switched on. It is a
// run like any other, with an id, a journal, locks on its targets and a report; whoever stops it, or recovers it after
// its process was killed, gets what was there before. Once it is kept, nobody takes it back any more.
//
//	r, err := engine.Begin(ctx, engine.RolloutOptions{State: state, Title: "..."})
//	err = r.Step(engine.Step{Name: "traffic", ...})   // as often as needed; r.Context() ends when somebody says stop
//	err = r.Keep()                                    // or r.Rollback()
//	result, err := r.End(verdict.Held, "why")
//
// Its methods are called from one goroutine, but for Context, Run and Stopped.
type Rollout struct {
	o       RolloutOptions
	run     string
	started time.Time
	claim   Claim
	journal *journal
	undo    context.Context // outlives the caller's
	ctx     context.Context
	cancel  context.CancelCauseFunc
	parent  context.Context
	rest    context.CancelFunc // ends the watch

	mu   sync.Mutex
	stop *Stop // of somebody's order

	changes []*rolled
	kept    bool
	told    bool // that it was stopped
	spans   []PhaseSpan
	runs    []string
	notes   []string
	residue []Residue
}

// RolloutOptions are what a rollout needs. State is required.
type RolloutOptions struct {
	State *State
	Title string
	// Objective says in a sentence what is wanted, for reports.
	Objective string
	File      string // for messages
	// Guards are those of guards files: they say what may be touched, and when. Registry is asked for what they name.
	Guards   []experiment.Guards
	Registry Registry
	// Longest is how long the rollout may take: all of it must lie in the time that guards allow.
	Longest time.Duration
	// Observer is told what happens; nil if nobody watches. A slow one slows the rollout.
	Observer func(Event)
	// UndoTimeout bounds putting back one target, retries included. Default 30s.
	UndoTimeout time.Duration
	// Finish is as that of Options.
	Finish func(*Result) error
}

// A Step is a change that a rollout makes. Steps with one name are one change, which goes on where the last step has led
// and is put back as a whole; the actions of all but the first must be Steppers.
type Step struct {
	Name   string
	Kind   string // as Registry.Revert knows it
	Target Targeted
	Share  float64 // in percent, of whatever is led elsewhere
}

// A Stepper is an Action that goes on from where an earlier one on the same target has led.
type Stepper interface {
	// Continue is Prepare for a further step. Undo is the record of the steps before it, and the answer takes its place:
	// it puts back what was there before the first step, from wherever any of them, the new one included, may have left
	// it. What somebody else did in between is a *Drift.
	Continue(ctx context.Context, undo json.RawMessage) (json.RawMessage, error)
}

// A Checker is an Action that can tell whether its change is still there as it was made. What somebody else did is a *Drift.
type Checker interface {
	Check(ctx context.Context, undo json.RawMessage) error
}

// rolled is one change of a rollout.
type rolled struct {
	step   Step // the last one
	undo   json.RawMessage
	begun  bool // an Apply was
	undone bool
	result ConditionResult
}

// Begin begins a rollout. Nothing is changed yet. The end of ctx is an order to stop.
func Begin(ctx context.Context, o RolloutOptions) (*Rollout, error) {
	if o.UndoTimeout <= 0 {
		o.UndoTimeout = undoTimeout
	}
	if err := o.State.released(ctx); err != nil {
		return nil, err
	}
	x := &experiment.Experiment{}
	if _, err := momentFor(ctx, x, o.options(), o.Longest); err != nil {
		return nil, err
	}
	now := time.Now()
	run, claim, err := o.State.newRun(ctx, now)
	if err != nil {
		return nil, &Refusal{Err: err, Tip: cmp.Or(HintOf(err), "nothing was changed; name a folder that can be written: --state DIR")}
	}
	r := &Rollout{o: o, run: run, started: now, claim: claim, journal: continued(claim, nil), undo: context.WithoutCancel(ctx), parent: ctx}
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	watching, rest := context.WithCancel(r.undo)
	r.rest = rest
	host, _ := os.Hostname() // only for people
	if err := r.journal.append(Record{Type: recordRun, Run: run, Title: o.Title, File: o.File, PID: os.Getpid(), Host: host}, true); err != nil {
		r.close()
		return nil, &Refusal{Err: err, Tip: "nothing was changed; is the disk full?"}
	}
	go r.watch(watching)
	return r, nil
}

func (o RolloutOptions) options() Options {
	return Options{State: o.State, Guards: o.Guards, Registry: o.Registry}
}

// Vacant is an error if a run has a target: a *TargetHeld, which names it.
func (s *State) Vacant(ctx context.Context, target string) error {
	run, err := s.home.Holder(ctx, target)
	if err != nil {
		return fmt.Errorf("find out whether target %s is in use: %w", target, err)
	}
	if run != "" {
		return &TargetHeld{Target: target, Run: run}
	}
	return nil
}

// Run is the rollout's id.
func (r *Rollout) Run() string { return r.run }

// Context ends when the rollout is to stop. Experiments run inside of it are stopped with it.
func (r *Rollout) Context() context.Context { return r.ctx }

// Stopped says why the rollout is to stop; nil if nobody said so.
func (r *Rollout) Stopped() *Stop {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop == nil && r.parent.Err() != nil {
		r.stop = &Stop{Kind: StopInterrupted, Reason: interruption(r.parent), At: time.Now()}
	}
	return r.stop
}

// Halt stops the rollout for a reason of the caller's. The first reason counts.
func (r *Rollout) Halt(kind StopKind, reason string) {
	r.halt(&Stop{Kind: kind, Reason: reason})
}

func (r *Rollout) halt(s *Stop) {
	if r.Stopped() != nil {
		return
	}
	s.At = time.Now()
	r.mu.Lock()
	r.stop = s
	r.mu.Unlock()
	r.cancel(errors.New(s.Reason))
}

// watch looks for orders to stop until ctx ends.
func (r *Rollout) watch(ctx context.Context) {
	ticks := time.NewTicker(r.o.State.Pace())
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if stop := r.o.State.orders(ctx, r.run, r.claim); stop != nil && ctx.Err() == nil {
			r.halt(stop)
			return
		}
	}
}

// Step makes a change, or one more step of it. Its undo is on disk before.
func (r *Rollout) Step(s Step) error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	ch := r.find(s.Name)
	if ch == nil {
		if err := r.take(s); err != nil {
			return err
		}
		ch = &rolled{step: s, result: ConditionResult{Name: s.Name, Kind: s.Kind, Target: s.Target.Key, Proof: Proof{}}}
	}
	undo, err := bounded(r.ctx, actionTimeout, func(ctx context.Context) (json.RawMessage, error) { return s.prepare(ctx, ch.undo) })
	if err == nil && !json.Valid(undo) {
		err = errors.New("the action's undo record is not JSON: it could not be read back")
	}
	if err == nil {
		err = r.journal.append(Record{Type: recordPrepared, Condition: s.Name, Kind: s.Kind, Target: s.Target.Key, Share: s.Share, Undo: undo}, true)
	}
	if err != nil {
		return naming(s.Name, "prepare", err)
	}
	if ch.undo == nil {
		r.changes = append(r.changes, ch)
	}
	ch.step, ch.undo = s, undo
	return naming(s.Name, "apply", r.apply(ch))
}

func (s Step) prepare(ctx context.Context, before json.RawMessage) (json.RawMessage, error) {
	if before == nil {
		return s.Target.Action.Prepare(ctx)
	}
	stepper, ok := s.Target.Action.(Stepper)
	if !ok {
		return nil, fmt.Errorf("a change of kind %s has one step alone", s.Kind)
	}
	return stepper.Continue(ctx, before)
}

func (r *Rollout) find(name string) *rolled {
	for _, ch := range r.changes {
		if ch.step.Name == name {
			return ch
		}
	}
	return nil
}

// take asks the guards for a step's target, and locks it.
func (r *Rollout) take(s Step) error {
	ch := newChange(experiment.Condition{Name: s.Name, Fault: s.Kind}, s.Target)
	f := &refusals{}
	for _, g := range r.o.Guards {
		f.checkTarget(r.ctx, g, ch)
	}
	if err := f.refusal(); err != nil {
		return err
	}
	return r.claim.Lock(r.ctx, []string{s.Target.Key})
}

func (r *Rollout) apply(ch *rolled) error {
	ch.begun = true
	limit := slowly(ch.step.Target.Action, actionTimeout)
	_, err := bounded(r.ctx, limit, func(ctx context.Context) (none, error) {
		if err := r.claim.Held(ctx); err != nil {
			return none{}, err
		}
		return none{}, ch.step.Target.Action.Apply(ctx, ch.undo)
	})
	at := time.Now()
	if ch.result.Applied == nil {
		ch.result.Applied = &at
	}
	if err != nil {
		return err
	}
	if err := r.journal.append(Record{Type: recordApplied, Condition: ch.step.Name, Target: ch.step.Target.Key, Share: ch.step.Share}, false); err != nil {
		return err
	}
	ch.result.Proof = Proof{Known: true, Planned: ch.result.Proof.Planned + 1, Fired: ch.result.Proof.Fired + 1}
	r.tell(Event{Kind: EventApplied, Condition: ch.step.Name, Target: ch.step.Target.Key, Share: ch.step.Share})
	return nil
}

// Check asks whether the changes are still as they were made; what somebody else did meanwhile is an error whose DriftOf
// says what.
func (r *Rollout) Check() error {
	for _, ch := range r.changes {
		checker, ok := ch.step.Target.Action.(Checker)
		if !ok {
			continue
		}
		_, err := bounded(r.ctx, actionTimeout, func(ctx context.Context) (none, error) { return none{}, checker.Check(ctx, ch.undo) })
		if err != nil {
			return naming(ch.step.Name, "look at", err)
		}
	}
	return nil
}

// DriftOf says what somebody else changed, if that is what an error is about.
func DriftOf(err error) (what string, ok bool) {
	var drifted interface {
		error
		Drift() string
	}
	if errors.As(err, &drifted) {
		return drifted.Drift(), true
	}
	return "", false
}
