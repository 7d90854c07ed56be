package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// A Rehearsal is what became of trying the way back before anything is injected.
type Rehearsal struct {
	Title    string            `json:"title"`
	Changes  []RehearsedChange `json:"changes"`
	Stops    []RehearsedStop   `json:"stops"`
	Warnings []string          `json:"warnings,omitempty"`
	OK       bool              `json:"ok"` // nothing has failed
}

// A RehearsedChange is one change whose undo was tried.
type RehearsedChange struct {
	Name   string      `json:"name"`
	Kind   string      `json:"kind"`
	Target string      `json:"target"`
	Undo   UndoOutlook `json:"undo"`
	Error  string      `json:"error,omitempty"`
	Hint   string      `json:"hint,omitempty"`
}

// UndoOutlook says what is known of an undo before it is needed.
type UndoOutlook string

// The outlooks of an undo.
const (
	UndoProved UndoOutlook = "proved"        // what it does was tried, and is allowed
	UndoUntold UndoOutlook = "not rehearsed" // it can be read what was there; trying to write it would have an effect
	UndoNone   UndoOutlook = "irreversible"  // there is none, as the file says
	UndoFails  UndoOutlook = "fails"
)

// Rehearse tries the way back of an experiment without injecting anything. Each target is read, and its undo tried where that
// has no effect. Then the experiment is run by this engine, its phases cut short and its actions replaced by some that only
// note what is done to them, once for each way in which it can be stopped. An error means that there is nothing to
// rehearse; what a rehearsal finds is in its answer.
func Rehearse(ctx context.Context, x *experiment.Experiment, o Options) (*Rehearsal, error) {
	s := specOf(x, o)
	b, err := build(ctx, x, o.Registry, ActionParams{Run: "rehearsal", Lease: s.lease, Share: s.stages[0]})
	if err != nil {
		return nil, err
	}
	if err := checkGuards(ctx, x, o, b.changes); err != nil {
		return nil, err
	}
	if err := free(ctx, o.State, keys(b.changes)); err != nil {
		return nil, err
	}
	out := &Rehearsal{Title: x.Title, Changes: make([]RehearsedChange, len(b.changes)), OK: true}
	notes, refused := checkMoment(ctx, x, o)
	more, unread := checkStopAlarms(ctx, x, o.Registry)
	out.Warnings = append(notes, more...)
	if err := errors.Join(refused, unread); err != nil {
		out.Warnings = append(out.Warnings, "a run would refuse to start just now: "+err.Error())
	}
	at := map[*change]int{}
	for i, ch := range b.changes {
		at[ch] = i
	}
	lists := byKey(b.changes, func(ch *change) string { return ch.key })
	sideBySide(o.parallel(), lists, func(ch *change) bool {
		out.Changes[at[ch]] = rehearseChange(ctx, ch, o.shared(actionTimeout, len(b.changes)))
		return ctx.Err() == nil
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("the rehearsal was cut short: %w", context.Cause(ctx))
	}
	out.Stops = rehearseStops(ctx, x, o, b.changes)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("the rehearsal was cut short: %w", context.Cause(ctx))
	}
	for _, c := range out.Changes {
		out.OK = out.OK && c.Undo != UndoFails
	}
	for _, stop := range out.Stops {
		out.OK = out.OK && stop.Error == ""
	}
	return out, nil
}

// free is an error while a run has one of the targets: what a rehearsal would write again could be its fault, right after it was put back.
func free(ctx context.Context, state *State, targets []string) error {
	for _, key := range targets {
		switch run, err := state.home.Holder(ctx, key); {
		case err != nil:
			return fmt.Errorf("find out whether target %s is in use: %w", key, err)
		case run != "":
			return &TargetHeld{Target: key, Run: run}
		}
	}
	return nil
}

// rehearseChange tries the undo of one change.
func rehearseChange(ctx context.Context, ch *change, limit time.Duration) RehearsedChange {
	out := RehearsedChange{Name: ch.Name, Kind: ch.Fault, Target: ch.key, Undo: UndoProved}
	_, err := bounded(ctx, limit, ch.action.Prepare)
	if err == nil {
		err = tryUndo(ctx, ch, limit)
	}
	switch {
	case errors.Is(err, ErrNotRehearsed):
		out.Undo = UndoUntold
	case err != nil:
		out.Undo, out.Error, out.Hint = UndoFails, err.Error(), HintOf(err)
	}
	if ch.Irreversible && out.Undo != UndoFails {
		out.Undo = UndoNone
	}
	return out
}

// tryUndo shows that a change that was prepared could be put back, or is ErrNotRehearsed.
func tryUndo(ctx context.Context, ch *change, limit time.Duration) error {
	rehearser, ok := ch.action.(Rehearser)
	if !ok {
		return ErrNotRehearsed
	}
	_, err := bounded(ctx, limit, func(ctx context.Context) (none, error) { return none{}, rehearser.Rehearse(ctx) })
	return err
}

// triedInRun is how many targets of a condition have their undo tried at the start of a run. A permission that is missing is
// mostly missing for all of them, and each try is a write less before AWS's limits.
const triedInRun = 10

// tried are the changes whose undo a run tries before the baseline: the first ones of each condition.
func tried(groups []*group) map[*change]bool {
	out := map[*change]bool{}
	for _, g := range groups {
		for _, ch := range g.changes[:min(triedInRun, len(g.changes))] {
			out[ch] = true
		}
	}
	return out
}

// prepareForGuard finds out early what cannot be undone, within a limit for each call.
func (r *runner) prepareForGuard(ch *change, limit time.Duration, try bool) error {
	if _, err := bounded(r.inject, limit, ch.action.Prepare); err != nil {
		return fmt.Errorf("condition %q cannot be prepared: %w", ch.Name, err)
	}
	if !try {
		return nil
	}
	if err := tryUndo(r.inject, ch, limit); err != nil && !errors.Is(err, ErrNotRehearsed) {
		return fmt.Errorf("condition %q could not be put back: %w", ch.Name, err)
	}
	return nil
}

// ways are the ways in which a run of the experiment can be stopped.
func ways(x *experiment.Experiment, o Options) []way {
	out := []way{
		{name: "firedrill stop", kind: StopRequested, trip: func(ctx context.Context, s *stage, run string) error {
			return s.state.RequestStop(ctx, run, "rehearsal")
		}},
		{name: "kill switch", kind: StopKillSwitch, trip: func(ctx context.Context, s *stage, _ string) error { return s.state.Engage(ctx, "rehearsal") }},
		{name: "Ctrl-C", kind: StopInterrupted, trip: func(_ context.Context, s *stage, _ string) error { s.interrupt(); return nil }},
	}
	for _, rule := range x.Stop {
		out = append(out, ruleWay(rule))
	}
	for _, g := range guardsOf(x, o) {
		if g.MaxDuration > 0 {
			out = append(out, way{name: said(g, "max_duration"), kind: StopDeadline, guards: experiment.Guards{MaxDuration: rehearsedLimit}})
		}
		if n := g.Budget.Errors; n > 0 {
			out = append(out, way{name: said(g, "budget.errors"), kind: StopBudget, guards: experiment.Guards{Budget: experiment.Budget{Errors: min(n, rehearsedBudget)}}, tripping: failing()})
		}
		if n := g.Budget.Invocations; n > 0 {
			out = append(out, way{name: said(g, "budget.invocations"), kind: StopBudget, guards: experiment.Guards{Budget: experiment.Budget{Invocations: min(n, rehearsedBudget)}}})
		}
	}
	return out
}

// rehearseStops runs the experiment once for each way to stop it.
func rehearseStops(ctx context.Context, x *experiment.Experiment, o Options, changes []*change) []RehearsedStop {
	all := ways(x, o)
	out := make([]RehearsedStop, len(all))
	each := make([][]int, len(all))
	for i := range each {
		each[i] = []int{i}
	}
	sideBySide(rehearsedAtOnce, each, func(i int) bool {
		out[i] = all[i].rehearse(ctx, x, o, changes)
		return true
	})
	return out
}

// rehearsedAtOnce is how many runs a rehearsal has at a time.
const rehearsedAtOnce = 8
