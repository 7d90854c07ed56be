package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// TestIrreversible: what the file says cannot be undone is told before, during and after the run, and is no residue. A
// failure to end what is still going on is.
func TestIrreversible(t *testing.T) {
	irreversible := func(t *testing.T) (*cloud, *experiment.Experiment, Options) {
		c, x := newCloud(), example(t)
		x.Conditions[0].Irreversible = true
		return c, x, options(t, c)
	}
	t.Run("run", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, x, o := irreversible(t)
			var told []EventKind
			var notes []string
			o.Observer = func(e Event) {
				told = append(told, e.Kind)
				if e.Kind == EventNote {
					notes = append(notes, e.Message)
				}
			}
			p, err := Plan(t.Context(), x, o)
			if err != nil || !p.Conditions[0].Irreversible {
				t.Errorf("plan: %+v, %v", p, err)
			}
			r, err := Run(t.Context(), x, o)
			if err != nil {
				t.Fatal(err)
			}
			got := r.Conditions[0]
			if r.Verdict != verdict.Held || len(r.Residue) > 0 || !got.NotUndone || got.Reverted != nil || got.Applied == nil {
				t.Errorf("%s: %s; %+v; residue %v", r.Verdict, r.Reason, got, r.Residue)
			}
			if slices.Contains(told, EventReverted) || !slices.Contains(told, EventLeft) || !strings.Contains(strings.Join(notes, "\n"), "IRREVERSIBLE: slow on a") {
				t.Errorf("told %v, notes %q", told, notes)
			}
			if info := o.State.Info(t.Context(), r.Run); info.Unfinished() || len(info.Pending) > 0 {
				t.Errorf("status: %+v", info)
			}
		})
	})
	t.Run("never applied", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, x, o := irreversible(t)
			x.Conditions = append(x.Conditions, experiment.Condition{Name: "other", Fault: "latency", Target: experiment.Target{Lambda: "b"}})
			first := true
			c.fail = func(step, target string) error {
				if step == "prepare" && target == "b" && !first {
					return errors.New("no luck")
				}
				first = first && !(step == "prepare" && target == "b")
				return nil
			}
			r, err := Run(t.Context(), x, o)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Conditions[0]; r.Verdict != verdict.Error || got.NotUndone || got.Applied != nil {
				t.Errorf("%s: %s; %+v", r.Verdict, r.Reason, got)
			}
		})
	})
	t.Run("cannot be ended", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, x, o := irreversible(t)
			c.fail = func(step, target string) error { return failAt("revert a", step, target) }
			r, err := Run(t.Context(), x, o)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Residue) != 1 || r.Conditions[0].NotUndone {
				t.Errorf("%+v, residue %+v", r.Conditions[0], r.Residue)
			}
			c.fail = nil
			got, err := o.State.Recover(t.Context(), r.Run, RecoverOptions{Revert: c.registry().Revert})
			if err != nil || len(got) != 1 || !got[0].Conditions[0].NotUndone || got[0].Failed() {
				t.Errorf("recover: %+v, %v", got, err)
			}
		})
	})
	t.Run("guard", func(t *testing.T) {
		_, x, o := irreversible(t)
		o.Guards = []experiment.Guards{{File: "house.yaml", ReversibleOnly: true}}
		if _, err := Plan(t.Context(), x, o); err == nil || !strings.Contains(err.Error(), "cannot be undone, and guards.reversible_only of house.yaml") {
			t.Errorf("got %v", err)
		}
	})
}
