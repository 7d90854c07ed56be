package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const (
	resolveTimeout = 10 * time.Minute // of finding all targets, which may be a thousand at a few calls a second
	actionTimeout  = 30 * time.Second // of one call to prepare, apply or renew
	undoTimeout    = 30 * time.Second // of putting one target back, unless Options say otherwise
	proofTimeout   = 4 * time.Second
	logTimeout     = 15 * time.Second // of one look into a log, once nothing waits for it any more
)

// pauses lie between the attempts to put a change back.
var pauses = [...]time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second}

// operation is the work of an asynchronous command: a function that touches nothing of the runner but its
// shared fields, and returns the event that tells its end.
func (r *runner) operation(c command) func() event {
	switch c.op {
	case opResolve:
		return r.resolveOperation()
	case opGuard:
		return r.guardOperation()
	}
	g := r.groups[c.cond]
	switch c.op {
	case opPrepare:
		return r.prepareOperation(g, r.m.prepared == 0)
	case opApply:
		return func() event {
			err := r.work(r.inject, g.changes, false, r.applyStep)
			return event{kind: evDone, err: err, book: func(e *event) { e.leases = g.leases() }}
		}
	case opRenew:
		return r.renewOperation(g, c.share)
	default:
		changes := g.prepared()
		return func() event {
			var late atomic.Bool
			return event{kind: evDone, err: r.work(r.undo, changes, true, func(ch *change) (func(), error) { return r.revertStep(ch, &late) })}
		}
	}
}

type none struct{}

// naming puts the condition's name and the step before an error.
func naming(name, step string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", step, name, err)
}

func (ch *change) failed(err error) {
	if err != nil && ch.result.Error == "" {
		ch.result.Error = err.Error()
	}
}

// prepareOperation reads a condition's undo. Before the first one it asks once more whether this is the moment: a baseline may take long, and
// longer where the machine was suspended.
func (r *runner) prepareOperation(g *group, first bool) func() event {
	remaining := r.m.remaining(time.Now())
	return func() event {
		var notes []string
		var err error
		if first {
			notes, err = momentFor(r.inject, r.x, r.o, remaining)
		}
		if err == nil {
			err = r.work(r.inject, g.changes, false, r.prepareStep)
		}
		return event{kind: evDone, err: err, book: func(*event) { r.noteAll(notes) }}
	}
}

// prepareStep reads the undo and has it on disk before anything is changed.
func (r *runner) prepareStep(ch *change) (book func(), err error) {
	undo, err := bounded(r.inject, r.limit(actionTimeout, ch), ch.action.Prepare)
	if err == nil && !json.Valid(undo) {
		err = errors.New("the action's undo record is not JSON: it could not be read back")
	}
	if err == nil {
		err = r.journal.append(Record{Type: recordPrepared, Condition: ch.Name, Of: ch.result.Condition, Kind: ch.Fault, Target: ch.key, Undo: undo, Irreversible: ch.Irreversible}, true)
	}
	return func() {
		ch.undo, ch.prepared = undo, err == nil
		ch.failed(err)
	}, naming(ch.Name, "prepare", err)
}

// change does something to a target, if the run is this process's for certain.
func (r *runner) change(limit time.Duration, do func(context.Context) error) error {
	_, err := bounded(r.inject, limit, func(ctx context.Context) (none, error) {
		if err := r.claim.Held(ctx); err != nil {
			return none{}, err
		}
		return none{}, do(ctx)
	})
	return err
}

func (r *runner) applyStep(ch *change) (book func(), err error) {
	ch.begun = true
	err = r.change(slowly(ch.action, r.limit(actionTimeout, ch)), func(ctx context.Context) error { return ch.action.Apply(ctx, ch.undo) })
	at := time.Now()
	if err == nil {
		err = r.journal.append(Record{Type: recordApplied, Condition: ch.Name, Target: ch.key}, false)
	}
	return func() { r.bookApply(ch, at, err) }, naming(ch.Name, "apply", err)
}

// renewOperation extends the leases of a condition. One that cannot be extended keeps no other from it.
func (r *runner) renewOperation(g *group, share float64) func() event {
	lease := r.m.spec.lease
	return func() event {
		var missed []error
		renewed := func(ch *change) (func(), error) {
			err := r.renew(ch, share, lease)
			at := time.Now()
			return func() {
				ch.extended(at, err)
				if err != nil {
					missed = append(missed, fmt.Errorf("%s: the lease was not renewed: %w", ch.Name, err))
				}
			}, naming(ch.Name, "renew the lease of", err)
		}
		err := r.work(r.inject, g.renewable(), true, renewed)
		if err == nil {
			err = r.journal.append(Record{Type: recordRenewed, Condition: g.name, Share: share}, false)
		}
		return event{kind: evDone, err: err, book: func(e *event) {
			e.leases = g.leases()
			r.noteSome(missed)
		}}
	}
}

func (r *runner) renew(ch *change, share float64, lease time.Duration) error {
	renewer := ch.action.(Renewer)
	return r.change(min(r.limit(actionTimeout, ch), lease), func(ctx context.Context) error { return renewer.Renew(ctx, ch.undo, share) })
}

// revertStep puts one change back, if there may be anything to put back. What it has injected is counted before, because some of that cannot be seen any more
// afterwards; but not if the condition's logs are late, and nothing comes before the undo of a run that was stopped.
func (r *runner) revertStep(ch *change, late *atomic.Bool) (book func(), err error) {
	if !ch.begun { // for certain; whoever only has the journal cannot know, and undoes it
		journalErr := journalRevert(r.journal, ch.Name, ch.key, "", nil)
		return func() { r.noteError(ch.Name+": the undo could not be journaled", journalErr) }, nil
	}
	var proof Proof
	var proofErr error
	if r.calm.Err() == nil && !late.Load() {
		proof, proofErr = r.proof(r.calm, ch.action, proofTimeout)
		if proof.Late || errors.Is(proofErr, context.DeadlineExceeded) { // nor is the next one waited for
			late.Store(true)
		}
		if r.calm.Err() != nil {
			proofErr = nil // cut short by us
		}
	}
	drift, journalErr, err := r.revert(ch)
	at := time.Now()
	return func() {
		if !proof.Late { // else it is counted again
			r.noteError(ch.Name+": injections could not be counted", proofErr)
		}
		r.noteError(ch.Name+": the undo could not be journaled", journalErr)
		ch.prove(proof)
		r.bookRevert(ch, at, drift, err)
	}, naming(ch.Name, "put back", err)
}

// revert puts one change back, trying again after failures. A journal that cannot be written never keeps it
// from undoing: its error comes back beside, and a later recover would only revert once more.
func (r *runner) revert(ch *change) (drift string, journal, err error) {
	before := r.journal.append(Record{Type: recordReverting, Condition: ch.Name, Target: ch.key}, false)
	ctx, cancel := context.WithTimeout(r.undo, slowly(ch.action, r.limit(r.o.UndoTimeout, ch)))
	defer cancel()
	drift, err = revertWithRetries(ctx, r.claim, ch.action, ch.undo)
	return drift, errors.Join(before, journalRevert(r.journal, ch.Name, ch.key, drift, err)), err
}

// journalRevert records how an undo ended.
func journalRevert(j *journal, name, key, drift string, err error) error {
	record := Record{Type: recordReverted, Condition: name, Target: key}
	switch {
	case err != nil:
		record.Type, record.Detail = recordRevertFailed, err.Error()
	case drift != "":
		record.Type, record.Detail = recordDrift, drift
	}
	return j.append(record, true)
}

// revertWithRetries calls Revert until it succeeds, reports drift, or ctx and the pauses are used up. Doubt about whose
// run it is does not keep it from undoing; knowing that it is somebody else's does, for what it would undo may be new.
func revertWithRetries(ctx context.Context, claim Claim, a Action, undo json.RawMessage) (drift string, err error) {
	for attempt := 0; ; attempt++ {
		if err := claim.Held(ctx); errors.Is(err, ErrLost) {
			return "", err
		}
		_, err = bounded(ctx, timeLeft(ctx), func(ctx context.Context) (none, error) { return none{}, a.Revert(ctx, undo) })
		var drifted interface {
			error
			Drift() string
		}
		if errors.As(err, &drifted) {
			return drifted.Drift(), nil
		}
		if err == nil || attempt == len(pauses) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", err
		case <-time.After(pauses[attempt]):
		}
	}
}

// slowly is how long an action's Apply may take, or its undo, retries included.
func slowly(a Action, usual time.Duration) time.Duration {
	if slow, ok := a.(Slow); ok {
		return max(usual, slow.UndoTime())
	}
	return usual
}

func timeLeft(ctx context.Context) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return actionTimeout
	}
	return time.Until(deadline)
}

// proof asks an action what it has injected so far.
func (r *runner) proof(ctx context.Context, a Action, limit time.Duration) (Proof, error) {
	prover, ok := a.(Prover)
	if !ok {
		return Proof{}, nil
	}
	return bounded(ctx, limit, prover.Proof)
}

func (r *runner) bookApply(ch *change, at time.Time, err error) {
	ch.result.Applied = &at
	ch.extended(at, nil) // even after an error: it may have begun
	ch.failed(err)
	if err == nil {
		ch.in.applied++
		r.tell(Event{Kind: EventApplied, Condition: ch.Name, Target: ch.key, Of: ch.of, Done: ch.in.applied, All: len(ch.in.changes)})
	}
}

func (r *runner) bookRevert(ch *change, at time.Time, drift string, err error) {
	if err != nil {
		ch.failed(err)
		r.residue = append(r.residue, Residue{Condition: ch.Name, Target: ch.key, Error: err.Error()})
		r.tell(Event{Kind: EventResidue, Condition: ch.Name, Target: ch.key, Message: err.Error()})
		return
	}
	if ch.Irreversible && ch.result.Applied != nil {
		ch.result.NotUndone = true
		r.tell(Event{Kind: EventLeft, Condition: ch.Name, Target: ch.key, Message: NotUndone})
		return
	}
	ch.result.Reverted = &at
	if drift != "" {
		ch.result.Drift = drift
		r.note(fmt.Sprintf("%s: somebody else changed the target meanwhile: %s", ch.Name, drift))
	}
	ch.in.reverted++
	r.tell(Event{Kind: EventReverted, Condition: ch.Name, Target: ch.key, Message: drift, Of: ch.of, Done: ch.in.reverted, All: len(ch.in.prepared())})
}

// prove keeps the largest counts that were seen: a host may forget when it restarts, but what fired has fired.
func (ch *change) prove(p Proof) {
	have := &ch.result.Proof
	have.Known = have.Known || p.Known
	have.Planned, have.Fired = max(have.Planned, p.Planned), max(have.Fired, p.Fired)
}
