package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A dial is a file that is set in steps.
type dial struct {
	path string
	to   string
}

// dialed is its undo record: what was there, and what the steps have written.
type dialed struct {
	Path   string   `json:"path"`
	Before string   `json:"before"`
	Ours   []string `json:"ours"`
}

// Prepare implements engine.Action.
func (d dial) Prepare(context.Context) (json.RawMessage, error) {
	now, err := os.ReadFile(d.path)
	if err != nil {
		return nil, err
	}
	return json.Marshal(dialed{d.path, string(now), []string{d.to}})
}

// Continue implements engine.Stepper.
func (d dial) Continue(ctx context.Context, undo json.RawMessage) (json.RawMessage, error) {
	var u dialed
	if err := errors.Join(json.Unmarshal(undo, &u), d.Check(ctx, undo)); err != nil {
		return nil, err
	}
	u.Ours = append(u.Ours, d.to)
	return json.Marshal(u)
}

// Check implements engine.Checker.
func (d dial) Check(_ context.Context, undo json.RawMessage) error {
	var u dialed
	if err := json.Unmarshal(undo, &u); err != nil {
		return err
	}
	now, err := os.ReadFile(u.Path)
	if err == nil && string(now) != u.Ours[len(u.Ours)-1] {
		return &action.Drift{What: "it is " + string(now)}
	}
	return err
}

// Apply implements engine.Action.
func (d dial) Apply(context.Context, json.RawMessage) error {
	return os.WriteFile(d.path, []byte(d.to), 0o640)
}

// Revert implements engine.Action.
func (d dial) Revert(_ context.Context, undo json.RawMessage) error {
	var u dialed
	if err := json.Unmarshal(undo, &u); err != nil {
		return err
	}
	now, err := os.ReadFile(u.Path)
	switch {
	case err != nil:
		return err
	case string(now) == u.Before:
		return nil
	case !slices.Contains(u.Ours, string(now)):
		return &action.Drift{What: "it is " + string(now)}
	}
	return os.WriteFile(u.Path, []byte(u.Before), 0o640)
}

// turn is a step of the dial.
func turn(path, to string, share float64) engine.Step {
	return engine.Step{Name: "dial", Kind: "dial", Share: share, Target: engine.Targeted{Action: dial{path, to}, Key: "dial:" + path}}
}

// rolledOut is what a rollout that is kept leaves.
const rolledOut = "100"

// rolloutVictim turns a dial in three steps, with an experiment's run inside, and keeps it.
func rolloutVictim(ctx context.Context, state *engine.State, dir string) error {
	r, err := engine.Begin(ctx, engine.RolloutOptions{State: state, Title: "roll out"})
	if err != nil {
		return err
	}
	for i, to := range []string{"5", "50", rolledOut} {
		share := []float64{5, 50, 100}[i]
		err = errors.Join(r.Phase(share), r.Step(turn(filepath.Join(dir, "present.json"), to, share)), r.Includes("01INSIDE"+to), r.Check())
		if err != nil {
			return err
		}
	}
	if err := r.Keep(); err != nil {
		return err
	}
	_, err = r.End(verdict.Held, "kept")
	return err
}

// TestKillRolloutAtEveryRecord kills a rollout with SIGKILL before and after every record of its journal, then recovers:
// what was there is there again, or, once it was kept, what was rolled out.
func TestKillRolloutAtEveryRecord(t *testing.T) {
	places(t, func(t *testing.T, d *disaster) {
		n := 1
		for d.killed(t, "rollout", d.newDir(t), "", n, d.early(n)) {
			n++
		}
		d.dirs = slices.Delete(d.dirs, n-1, n) // that one lived
		for _, state := range d.states() {
			dead(t, state)
			for range 2 {
				recoverAll(t, state)
			}
			if unfinished := dead(t, state); len(unfinished) > 0 {
				t.Errorf("still unfinished: %+v", unfinished)
			}
		}
		const kept = 1 + 3*4 + 1 // run; phase, prepared, applied, includes; kept
		for i, dir := range d.dirs {
			record, want := i+1, before
			if record > kept || record == kept && !d.early(record) {
				want = rolledOut
			}
			text, err := os.ReadFile(filepath.Join(dir, "present.json"))
			if err != nil || string(text) != want {
				t.Errorf("killed at record %d: %q, %v, want %q", record, text, err, want)
			}
		}
		if n != kept+3 { // verdict, end
			t.Errorf("%d records: this was no whole rollout", n-1)
		}
	})
}
