package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// RecoverOptions are what Recover needs.
type RecoverOptions struct {
	// Revert rebuilds an action from nothing but its undo record, as Registry.Revert.
	Revert func(kind string) (Action, error)
	// UndoTimeout bounds putting back one target, retries included. Default 30s.
	UndoTimeout time.Duration
	// Parallel is how many targets of a condition are put back at once. Default 16.
	Parallel int
	// Progress is told after each target how many of a run's are done, failed ones included; nil if nobody watches.
	// It is called from one goroutine at a time, and a slow one slows the recovery.
	Progress func(run string, done, all int)
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
	// NotUndone says that it cannot be put back, as the file says; what was still going on has ended.
	NotUndone bool   `json:"not_undone,omitempty"`
	Drift     string `json:"drift,omitempty"` // what somebody else changed meanwhile, which was kept
	Error     string `json:"error,omitempty"` // it is still there; call Recover again
	Hint      string `json:"hint,omitempty"`
}

// Failed says that something is still not put back.
func (r Recovered) Failed() bool {
	return slices.ContainsFunc(r.Conditions, func(c RecoveredCondition) bool { return c.Error != "" })
}

// Recover puts back what runs left whose process is gone: one run, or, with "", all of them, newest first. It
// works from the journals alone, and refuses a run that is live. When ctx ends, no further undo begins, those that
// are under way come to their end, and what is left is for the next call. The error is about runs that could not be
// worked on to their end; conditions that could not be put back are in the answer, which is there beside an error.
func (s *State) Recover(ctx context.Context, run string, o RecoverOptions) ([]Recovered, error) {
	if o.UndoTimeout <= 0 {
		o.UndoTimeout = undoTimeout
	}
	if run != "" {
		one, err := s.recoverRun(ctx, run, o)
		if err != nil && len(one.Conditions) == 0 {
			return nil, err
		}
		return []Recovered{one}, err
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
		}
		if err == nil || len(one.Conditions) > 0 {
			all = append(all, one)
		}
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
	j := continued(claim, c.records)
	if len(c.records) > 0 {
		result.Title = c.records[0].Title
	}
	if c.damaged > 0 {
		result.Notes = append(result.Notes, c.damage())
	}
	err = undoPending(ctx, j, c, o, &result)
	everything = err == nil && !result.Failed()
	return result, err
}

// clear ends a run whose process is gone, if its journal says for certain that there is nothing to put back.
func (s *State) clear(ctx context.Context, run string) bool {
	claim, err := s.home.Claim(ctx, run, false)
	if err != nil {
		return false
	}
	c, err := s.contents(ctx, run) // after the claim: nobody else adds to it any more
	clear := err == nil && c.damaged == 0 && !slices.ContainsFunc(Changes(c.records), Change.Pending)
	claim.Release(clear)
	return clear
}

// A recovery puts back what is pending of one run.
type recovery struct {
	o       RecoverOptions
	journal *journal
	result  *Recovered

	mu   sync.Mutex // of result, and of Progress
	done int
	all  int
}

// undoPending reverts what is pending as a run would: the last condition first, its targets side by side.
func undoPending(ctx context.Context, j *journal, c contents, o RecoverOptions, result *Recovered) error {
	pending := slices.DeleteFunc(Changes(c.records), func(c Change) bool { return !c.Pending() })
	side := Options{Parallel: o.Parallel}
	r := &recovery{o: o, journal: j, result: result, all: len(pending)}
	for _, group := range slices.Backward(byCondition(pending)) {
		slices.Reverse(group)
		lists := byKey(group, func(c Change) string { return c.Target })
		sideBySide(side.parallel(), lists, func(change Change) bool {
			if ctx.Err() == nil {
				r.undo(ctx, change, side.shared(o.UndoTimeout, len(group)))
			}
			return ctx.Err() == nil
		})
	}
	if r.done < r.all {
		return &Refusal{Err: fmt.Errorf("recover run %s: %w; %d of %d are left", result.Run, context.Cause(ctx), r.all-r.done, r.all), Tip: "go on: firedrill recover " + result.Run}
	}
	if result.Failed() || (len(result.Conditions) == 0 && c.damaged == 0) {
		return nil
	}
	if !slices.ContainsFunc(c.records, func(r Record) bool { return r.Type == recordVerdict }) {
		r.note(j.append(Record{Type: recordVerdict, Verdict: "error", Reason: "the run's process ended before the run did; everything was put back by recover"}, false))
	}
	r.note(j.append(Record{Type: recordEnd}, true))
	return nil
}

// byCondition parts changes, in the order of their preparation, into those of one condition each.
func byCondition(changes []Change) [][]Change {
	var groups [][]Change
	for i, c := range changes {
		if i > 0 && c.Of != "" && c.Of == changes[i-1].Of {
			last := len(groups) - 1
			groups[last] = append(groups[last], c)
			continue
		}
		groups = append(groups, []Change{c})
	}
	return groups
}

// undo puts one change back, under a time limit of its own that the end of ctx does not cut short.
func (r *recovery) undo(ctx context.Context, change Change, limit time.Duration) {
	out := RecoveredCondition{Name: change.Condition, Target: change.Target}
	var before error
	action, err := r.action(change.Kind)
	if err == nil {
		before = r.journal.append(Record{Type: recordReverting, Condition: change.Condition, Target: change.Target}, false)
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), slowly(action, limit))
		defer cancel()
		out.Drift, err = revertWithRetries(limited, r.journal.claim, action, change.Undo)
	}
	if err != nil {
		out.Error, out.Hint = err.Error(), HintOf(err)
	}
	out.NotUndone = err == nil && change.Irreversible && change.Applied
	after := journalRevert(r.journal, change.Condition, change.Target, out.Drift, err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Conditions = append(r.result.Conditions, out)
	r.note(before)
	r.note(after)
	r.done++
	if r.o.Progress != nil {
		r.o.Progress(r.result.Run, r.done, r.all)
	}
}

// action rebuilds what puts a change back; the registry is asked by one goroutine at a time.
func (r *recovery) action(kind string) (Action, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.o.Revert(kind)
}

// note keeps an error of the journal, which must not keep anything from being put back.
func (r *recovery) note(err error) {
	if err != nil && !slices.Contains(r.result.Notes, err.Error()) {
		r.result.Notes = append(r.result.Notes, err.Error())
	}
}
