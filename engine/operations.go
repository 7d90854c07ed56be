package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	actionTimeout = 30 * time.Second // of one call to prepare, apply or renew
	proofTimeout  = 2 * time.Second
	logTimeout    = 15 * time.Second // of one look into a log, once nothing waits for it any more
)

// pauses lie between the attempts to put a condition back.
var pauses = [...]time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second}

// operation is the work of an asynchronous command: a function that touches nothing of the runner but its
// shared fields, and returns the event that tells its end.
func (r *runner) operation(c command) func() event {
	done := func(err error, book func()) event { return event{kind: evDone, err: err, book: book} }
	switch c.op {
	case opResolve:
		return r.resolveOperation()
	case opGuard:
		return r.guardOperation()
	}
	ch := r.conds[c.cond]
	action, undo, name := ch.action, json.RawMessage(ch.undo), ch.Name
	switch c.op {
	case opPrepare:
		record := Record{Type: recordPrepared, Condition: name, Kind: ch.Fault, Target: ch.key}
		return func() event {
			undo, err := r.prepare(action, record)
			return done(naming(name, "prepare", err), func() {
				ch.undo = undo
				ch.failed(err)
			})
		}
	case opApply:
		return func() event {
			err := r.change(actionTimeout, func(ctx context.Context) error { return action.Apply(ctx, undo) })
			at := time.Now()
			if err == nil {
				err = r.journal.append(Record{Type: recordApplied, Condition: name, Target: ch.key}, false)
			}
			return done(naming(name, "apply", err), func() { r.bookApply(ch, at, err) })
		}
	case opRenew:
		return func() event {
			err := r.renew(action, undo, name, c.share)
			return done(naming(name, "renew the lease of", err), func() {
				r.noteError(name+": the lease was not renewed", err)
			})
		}
	default:
		calm := r.m.stop == nil
		return func() event {
			var proof Proof
			var proofErr error
			if calm { // nothing comes before the undo of a run that was stopped
				proof, proofErr = r.proof(r.undo, action, proofTimeout)
			}
			drift, journalErr, err := r.revert(action, undo, name, ch.key)
			at := time.Now()
			return done(naming(name, "put back", err), func() {
				if !proof.Late { // else it is counted again
					r.noteError(ch.Name+": injections could not be counted", proofErr)
				}
				r.noteError(ch.Name+": the undo could not be journaled", journalErr)
				ch.prove(proof)
				r.bookRevert(ch, at, drift, err)
			})
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

// prepare reads the undo and has it on disk before anything is changed.
func (r *runner) prepare(a Action, record Record) (json.RawMessage, error) {
	undo, err := bounded(r.inject, actionTimeout, a.Prepare)
	if err != nil {
		return nil, err
	}
	if !json.Valid(undo) {
		return nil, errors.New("the action's undo record is not JSON: it could not be read back")
	}
	record.Undo = undo
	return undo, r.journal.append(record, true)
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

func (r *runner) renew(a Action, undo json.RawMessage, name string, share float64) error {
	renewer, ok := a.(Renewer)
	if !ok {
		return errors.New("this kind of fault cannot change its share")
	}
	err := r.change(min(actionTimeout, r.m.spec.lease), func(ctx context.Context) error { return renewer.Renew(ctx, undo, share) })
	if err != nil {
		return err
	}
	return r.journal.append(Record{Type: recordRenewed, Condition: name, Share: share}, false)
}

// revert puts one condition back, trying again after failures. A journal that cannot be written never keeps it
// from undoing: its error comes back beside, and a later recover would only revert once more.
func (r *runner) revert(a Action, undo json.RawMessage, name, key string) (drift string, journal, err error) {
	ctx, cancel := context.WithTimeout(r.undo, r.o.UndoTimeout)
	defer cancel()
	before := r.journal.append(Record{Type: recordReverting, Condition: name, Target: key}, false)
	drift, err = revertWithRetries(ctx, r.claim, a, undo)
	return drift, errors.Join(before, journalRevert(r.journal, name, key, drift, err)), err
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
	ch.failed(err)
	if err == nil {
		r.tell(Event{Kind: EventApplied, Condition: ch.Name, Target: ch.key})
	}
}

func (r *runner) bookRevert(ch *change, at time.Time, drift string, err error) {
	if err != nil {
		ch.failed(err)
		r.residue = append(r.residue, Residue{Condition: ch.Name, Target: ch.key, Error: err.Error()})
		r.tell(Event{Kind: EventResidue, Condition: ch.Name, Target: ch.key, Message: err.Error()})
		return
	}
	ch.result.Reverted = &at
	if drift != "" {
		ch.result.Drift = drift
		r.note(fmt.Sprintf("%s: somebody else changed the target meanwhile: %s", ch.Name, drift))
	}
	r.tell(Event{Kind: EventReverted, Condition: ch.Name, Target: ch.key, Message: drift})
}

// prove keeps the largest counts that were seen: a host may forget when it restarts, but what fired has fired.
func (ch *change) prove(p Proof) {
	have := &ch.result.Proof
	have.Known = have.Known || p.Known
	have.Planned, have.Fired = max(have.Planned, p.Planned), max(have.Fired, p.Fired)
}
