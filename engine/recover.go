package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RecoverOptions are what Recover needs.
type RecoverOptions struct {
	// Revert rebuilds an action from nothing but its undo record, as Registry.Revert.
	Revert func(kind string) (Action, error)
	// UndoTimeout bounds putting back one condition, retries included. Default 30s.
	UndoTimeout time.Duration

	journalHook func(seq int, written bool)
}

// Recovered is what Recover did about one run.
type Recovered struct {
	Run        string               `json:"run"`
	Title      string               `json:"title"`
	Conditions []RecoveredCondition `json:"conditions"`
	// Notes say what was wrong with the journal.
	Notes []string `json:"notes,omitempty"`
}

// RecoveredCondition is one condition that was pending.
type RecoveredCondition struct {
	Name   string `json:"name"`
	Target string `json:"target"`
	Drift  string `json:"drift,omitempty"` // what somebody else changed meanwhile, which was kept
	Error  string `json:"error,omitempty"` // it is still there; call Recover again
	Hint   string `json:"hint,omitempty"`
}

// Failed says that something is still not put back.
func (r Recovered) Failed() bool {
	return slices.ContainsFunc(r.Conditions, func(c RecoveredCondition) bool { return c.Error != "" })
}

// Recover puts back what runs left whose process is gone: one run, or, with "", all of them, newest first. It
// works from the journals alone, can be interrupted and called again, and refuses a run that is live. The error is
// about runs that could not be worked on; conditions that could not be put back are in the answer.
func (s *State) Recover(ctx context.Context, run string, o RecoverOptions) ([]Recovered, error) {
	if o.UndoTimeout <= 0 {
		o.UndoTimeout = 30 * time.Second
	}
	if run != "" {
		one, err := s.recoverRun(ctx, run, o)
		if err != nil {
			return nil, err
		}
		return []Recovered{one}, nil
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var all []Recovered
	var errs []error
	for _, info := range slices.Backward(runs) {
		if !info.Unfinished() {
			continue
		}
		one, err := s.recoverRun(ctx, info.Run, o)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, one)
	}
	return all, errors.Join(errs...)
}

// recoverRun holds the run's claim, so that neither the run nor another recovery is at it.
func (s *State) recoverRun(ctx context.Context, run string, o RecoverOptions) (Recovered, error) {
	result := Recovered{Run: run}
	if _, err := s.contents(ctx, run); err != nil {
		return result, fmt.Errorf("recover run %s: %w", run, err)
	}
	claim, err := s.home.Claim(ctx, run, false)
	if errors.Is(err, ErrHeld) {
		return result, &Refusal{Err: fmt.Errorf("run %s is still running", run), Tip: cmp.Or(HintOf(err), "end it first: firedrill stop "+run)}
	}
	if err != nil {
		return result, fmt.Errorf("recover run %s: %w", run, err)
	}
	everything := false
	defer func() { claim.Release(everything) }()
	c, err := s.contents(ctx, run) // nobody else adds to it any more
	if err != nil {
		return result, fmt.Errorf("recover run %s: %w", run, err)
	}
	j := continued(claim, c.records, o.journalHook)
	if len(c.records) > 0 {
		result.Title = c.records[0].Title
	}
	if c.damaged > 0 {
		result.Notes = append(result.Notes, c.damage())
	}
	err = s.undoPending(ctx, j, c, o, &result)
	everything = err == nil && !result.Failed()
	return result, err
}

// undoPending reverts what is pending, last change first.
func (s *State) undoPending(ctx context.Context, j *journal, c contents, o RecoverOptions, result *Recovered) error {
	for _, change := range slices.Backward(Changes(c.records)) {
		if change.Undone {
			continue
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("recover run %s: %w", result.Run, context.Cause(ctx))
		}
		result.Conditions = append(result.Conditions, undoOne(ctx, j, change, o, result))
	}
	if result.Failed() || (len(result.Conditions) == 0 && c.damaged == 0) {
		return nil
	}
	if !slices.ContainsFunc(c.records, func(r Record) bool { return r.Type == recordVerdict }) {
		noteTo(result, j.append(Record{Type: recordVerdict, Verdict: "error", Reason: "the run's process ended before the run did; everything was put back by recover"}, false))
	}
	noteTo(result, j.append(Record{Type: recordEnd}, true))
	return nil
}

func undoOne(ctx context.Context, j *journal, change Change, o RecoverOptions, result *Recovered) RecoveredCondition {
	out := RecoveredCondition{Name: change.Condition, Target: change.Target}
	action, err := o.Revert(change.Kind)
	if err == nil {
		noteTo(result, j.append(Record{Type: recordReverting, Condition: change.Condition, Target: change.Target}, false))
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.UndoTimeout)
		defer cancel()
		out.Drift, err = revertWithRetries(limited, j.claim, action, change.Undo)
	}
	if err != nil {
		out.Error, out.Hint = err.Error(), HintOf(err)
	}
	noteTo(result, journalRevert(j, change.Condition, change.Target, out.Drift, err))
	return out
}

// noteTo keeps an error of the journal, which must not keep anything from being put back.
func noteTo(result *Recovered, err error) {
	if err != nil && !slices.Contains(result.Notes, err.Error()) {
		result.Notes = append(result.Notes, err.Error())
	}
}
