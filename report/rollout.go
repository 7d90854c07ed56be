package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
)

// noun is what the conditions of a run are: those of a rollout are no faults.
func noun(r *engine.Result) string {
	if r.Rollout {
		return "change"
	}
	return "fault"
}

// stays says of a change why it was not put back; empty if it was, or should have been.
func stays(c engine.ConditionResult) string {
	switch {
	case c.NotUndone:
		return engine.NotUndone
	case c.Kept:
		return engine.Kept
	}
	return ""
}

// way is the way of a rollout, step by step, and which runs verified it.
func way(r *engine.Result) []string {
	var out, steps []string
	for _, p := range r.Phases {
		if p.Name == engine.StepPhase {
			steps = append(steps, fmt.Sprintf("%g %% for %s", p.Share, p.End.Sub(p.Start).Round(time.Second)))
		}
	}
	if len(steps) > 0 {
		after := "then put back"
		switch {
		case len(r.Residue) > 0:
			after = "then not put back"
		case slices.ContainsFunc(r.Conditions, func(c engine.ConditionResult) bool { return c.Kept }):
			after = "and kept"
		}
		out = append(out, "Its way: "+strings.Join(steps, ", ")+", "+after+".")
	}
	if len(r.Runs) > 0 {
		out = append(out, "What the experiments showed on the way: "+clean(strings.Join(r.Runs, ", "))+".")
	}
	return out
}
