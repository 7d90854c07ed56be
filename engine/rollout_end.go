package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// StepPhase is the name of a rollout's phases: one for each share that it has led elsewhere.
const StepPhase = "step"

// Phase begins a part of the rollout, for those who watch and for the report.
func (r *Rollout) Phase(share float64) error {
	now := time.Now()
	r.endPhase(now)
	stage := len(r.spans) + 1
	r.spans = append(r.spans, PhaseSpan{Name: StepPhase, Stage: stage, Share: share, Start: now})
	r.tell(Event{Kind: EventPhase, Phase: StepPhase, Stage: stage, Share: share})
	return r.journal.append(Record{Type: recordPhase, Phase: StepPhase, Stage: stage, Share: share}, false)
}

func (r *Rollout) endPhase(at time.Time) {
	if n := len(r.spans); n > 0 && r.spans[n-1].End.IsZero() {
		r.spans[n-1].End = at
	}
}

// Includes says that an experiment's run is part of the rollout.
func (r *Rollout) Includes(run string) error {
	if run == "" || slices.Contains(r.runs, run) {
		return nil
	}
	r.runs = append(r.runs, run)
	return r.journal.append(Record{Type: recordIncludes, Run: run}, false)
}

// Note keeps something that the reader of the report should know.
func (r *Rollout) Note(text string) {
	r.notes = append(r.notes, text)
	r.tell(Event{Kind: EventNote, Message: text})
}

// Rollback puts back what was there before the first step, the last change first. It is not cut short by the end of
// the context. What cannot be put back is residue of the result; what somebody else changed meanwhile is left alone, and
// left says that there was such a thing.
func (r *Rollout) Rollback() (left bool) {
	if stop := r.Stopped(); stop != nil && !r.kept && !r.told {
		r.told = true
		r.tell(Event{Kind: EventStop, Message: stop.Reason})
	}
	for _, ch := range slices.Backward(r.changes) {
		if !ch.undone && !r.kept {
			r.rollback(ch)
		}
		left = left || ch.result.Drift != ""
	}
	return left
}

func (r *Rollout) rollback(ch *rolled) {
	name, key := ch.step.Name, ch.step.Target.Key
	var drift string
	var err error
	if ch.begun {
		r.noteError(r.journal.append(Record{Type: recordReverting, Condition: name, Target: key}, false))
		ctx, cancel := context.WithTimeout(r.undo, slowly(ch.step.Target.Action, r.o.UndoTimeout))
		defer cancel()
		drift, err = revertWithRetries(ctx, r.claim, ch.step.Target.Action, ch.undo)
	}
	r.noteError(journalRevert(r.journal, name, key, drift, err))
	at := time.Now()
	if err != nil {
		ch.result.Error = err.Error()
		r.residue = append(r.residue, Residue{Condition: name, Target: key, Error: err.Error()})
		r.tell(Event{Kind: EventResidue, Condition: name, Target: key, Message: err.Error()})
		return
	}
	ch.undone, ch.result.Reverted, ch.result.Drift = true, &at, drift
	if drift != "" {
		r.Note(fmt.Sprintf("%s: somebody else changed the target meanwhile: %s", name, drift))
	}
	r.tell(Event{Kind: EventReverted, Condition: name, Target: key, Message: drift})
}

func (r *Rollout) noteError(err error) {
	if err != nil {
		r.Note("the undo could not be journaled: " + err.Error())
	}
}

// Keep makes the changes stay: from here on nobody takes them back, neither Rollback nor a recovery. After an error they
// are not kept; neither are they where somebody has said stop.
func (r *Rollout) Keep() error {
	if err := context.Cause(r.ctx); err != nil {
		return err
	}
	if stop := r.o.State.orders(r.ctx, r.run, r.claim); stop != nil { // nobody may have looked since it was given
		r.halt(stop)
		return context.Cause(r.ctx)
	}
	if err := r.journal.append(Record{Type: recordKept}, true); err != nil {
		return err
	}
	r.kept = true
	for _, ch := range r.changes {
		ch.result.Kept = true
		r.tell(Event{Kind: EventKept, Condition: ch.step.Name, Target: ch.step.Target.Key, Share: ch.step.Share})
	}
	return nil
}

// Changed says whether anything was changed, or may have been.
func (r *Rollout) Changed() bool {
	return slices.ContainsFunc(r.changes, func(ch *rolled) bool { return ch.begun })
}

// End ends the rollout with its outcome. What is neither kept nor put back yet is put back. An error says that the report
// could not be written.
func (r *Rollout) End(v verdict.Outcome, reason string) (*Result, error) {
	defer r.close()
	r.Rollback()
	now := time.Now()
	r.endPhase(now)
	res := &Result{
		Version: 1, Run: r.run, Started: r.started, Ended: now, Rollout: true, Verdict: v, Reason: reason, Stop: r.Stopped(),
		Experiment: &experiment.Experiment{File: r.o.File, Title: r.o.Title, Objective: r.o.Objective, Measures: []experiment.Measure{}, Conditions: []experiment.Condition{}, Stages: []float64{}},
		Phases:     append([]PhaseSpan{}, r.spans...), Measures: []MeasureResult{}, Conditions: []ConditionResult{},
		Residue: r.residue, Notes: unique(r.notes), Runs: r.runs,
	}
	for _, ch := range r.changes {
		res.Conditions = append(res.Conditions, ch.result)
	}
	if r.kept { // whoever said stop after that came too late
		res.Stop = nil
	}
	if len(r.residue) > 0 {
		res.Verdict, res.Error, res.Hint = verdict.Error, "it could not be put back: "+r.residue[0].Error, "try again: firedrill recover "+r.run
	} else if v == verdict.Error {
		res.Error = reason
	}
	errs := []error{r.journal.append(Record{Type: recordVerdict, Verdict: string(res.Verdict), Reason: res.Reason}, false)}
	errs = append(errs, r.o.State.writeReport(r.undo, res))
	if r.o.Finish != nil {
		errs = append(errs, safely(func() error { return r.o.Finish(res) }))
	}
	errs = append(errs, r.journal.append(Record{Type: recordEnd}, true))
	r.tell(Event{Kind: EventVerdict, Message: string(res.Verdict) + ": " + res.Reason, Result: res})
	return res, errors.Join(errs...)
}

func (r *Rollout) close() {
	r.rest()
	r.cancel(nil)
	r.claim.Release(len(r.residue) == 0)
}

// tell is as that of a run.
func (r *Rollout) tell(e Event) {
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
