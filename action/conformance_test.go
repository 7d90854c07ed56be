package action

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// The conformance suite: what every action owes the engine, run against every store.

func everywhere(t *testing.T, f func(t *testing.T, p place)) {
	for i, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, places(t)[i]) })
		})
	}
}

func params(run string) Params { return Params{Run: run, Lease: 15 * time.Second, Share: 100} }

// latency is a condition of 50 %.
func (p place) latency() experiment.Condition {
	return experiment.Condition{Name: "slow", Fault: "latency", Target: p.target, Percentage: 50,
		With: fault.Attributes{"min_latency": 100.0, "max_latency": 200.0}, Seed: 42, SampleBy: "headers.x-user-id"}
}

func (p place) exception() experiment.Condition {
	c := p.latency()
	c.Name, c.Fault, c.With = "wrong", "exception", fault.Attributes{"exception_msg": "boom"}
	return c
}

func (p place) action(t *testing.T, f *Factory, c experiment.Condition) *FaultSet {
	t.Helper()
	a, key, err := one(f.FaultSets(t.Context(), c, params("RUN")))
	if err != nil || key == "" {
		t.Fatalf("key %q, %v", key, err)
	}
	return a
}

// prepared is the action with its undo.
func (p place) prepared(t *testing.T, f *Factory, c experiment.Condition) (*FaultSet, json.RawMessage) {
	t.Helper()
	a := p.action(t, f, c)
	undo, err := a.Prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return a, undo
}

func (p place) applied(t *testing.T, f *Factory, c experiment.Condition) (*FaultSet, json.RawMessage) {
	t.Helper()
	a, undo := p.prepared(t, f, c)
	if err := a.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	return a, undo
}

// elsewhere reverts in a new process, which knows the undo as it was read back from a journal.
func (p place) elsewhere(t *testing.T, undo json.RawMessage) error {
	t.Helper()
	var copied json.RawMessage
	line, err := json.Marshal(undo)
	if err == nil {
		err = json.Unmarshal(line, &copied)
	}
	if err != nil {
		t.Fatal(err)
	}
	if p.keyless {
		p.deps.Signer = nil
	}
	a, err := p.factory().Restore("latency")
	if err != nil {
		t.Fatal(err)
	}
	return a.Revert(t.Context(), copied)
}

// is fails the test unless the document is the given one, byte for byte.
func (p place) is(t *testing.T, text string, exists bool) {
	t.Helper()
	if now, still := p.get(); now != text || still != exists {
		t.Errorf("the fault set is %q (exists: %v), want %q (%v)", now, still, text, exists)
	}
}

// set parses what a function would read.
func (p place) faults(t *testing.T) *fault.Set {
	t.Helper()
	text, _ := p.get()
	set, problems := fault.Parse(unsealed([]byte(text)))
	for _, problem := range problems {
		if !problem.Warning {
			t.Errorf("%s in %s", problem, text)
		}
	}
	return set
}

func TestExactRestore(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		a, undo := p.prepared(t, p.factory(), p.latency())
		p.is(t, text, exists)
		if err := a.Apply(t.Context(), undo); err != nil {
			t.Fatal(err)
		}
		set := p.faults(t)
		if left := time.Until(set.Expires()); set.Run() != "RUN" || left < 15*time.Second || left > 10*time.Minute {
			t.Errorf("run %q, lease of %s", set.Run(), left)
		}
		for range 2 { // twice is as good as once
			if err := a.Revert(t.Context(), undo); err != nil {
				t.Error(err)
			}
			p.is(t, text, exists)
		}
	})
}

func TestRevertWithoutApply(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		_, undo := p.prepared(t, p.factory(), p.latency())
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
		p.is(t, text, exists)
	})
}

func TestRevertFromAFreshProcess(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		a, undo := p.applied(t, p.factory(), p.latency())
		if err := a.Renew(t.Context(), undo, 20); err != nil { // another percentage than the undo knows
			t.Fatal(err)
		}
		for range 2 {
			if err := p.elsewhere(t, undo); err != nil {
				t.Error(err)
			}
			p.is(t, text, exists)
		}
	})
}

// TestTwoConditions puts two faults of one run on one target, and reverts them in both orders.
func TestTwoConditions(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		for _, order := range [][2]int{{0, 1}, {1, 0}} {
			f := p.factory()
			a, undoA := p.applied(t, f, p.latency())
			b, undoB := p.applied(t, f, p.exception())
			if err := errors.Join(a.Renew(t.Context(), undoA, 100), b.Renew(t.Context(), undoB, 50)); err != nil {
				t.Fatal(err)
			}
			undos := []json.RawMessage{undoA, undoB}
			if err := p.elsewhere(t, undos[order[0]]); err != nil {
				t.Error(err)
			}
			if now, _ := p.get(); now == text || p.faults(t).Run() != "RUN" {
				t.Errorf("one revert took both faults: %s", now)
			}
			if err := p.elsewhere(t, undos[order[1]]); err != nil {
				t.Error(err)
			}
			p.is(t, text, exists)
			if err := errors.Join(p.elsewhere(t, undoA), p.elsewhere(t, undoB)); err != nil {
				t.Error(err)
			}
			p.is(t, text, exists)
		}
	})
}

// TestConcurrentEdits: what others change meanwhile survives, is told, and is told again the second time.
func TestConcurrentEdits(t *testing.T) {
	edits := []struct {
		name string
		edit func(d document) document // nil: the document is removed
		want func(original, now document) bool
	}{
		{"another member", func(d document) document { d["timeout"] = json.RawMessage(`{"enabled":true}`); return d },
			func(original, now document) bool {
				return now["timeout"] != nil && canonical(now["latency"]) == canonical(original["latency"]) && canonical(now["firedrill"]) == canonical(original["firedrill"])
			}},
		{"our member", func(d document) document {
			d["latency"] = json.RawMessage(`{"enabled":true,"min_latency":7}`)
			return d
		},
			func(original, now document) bool {
				return strings.Contains(string(now["latency"]), "7") && canonical(now["firedrill"]) == canonical(original["firedrill"])
			}},
		{"our member removed", func(d document) document { delete(d, "latency"); return d },
			func(original, now document) bool {
				return now["latency"] == nil && canonical(now["firedrill"]) == canonical(original["firedrill"])
			}},
		{"the lease removed", func(d document) document { delete(d, "firedrill"); return d },
			func(original, now document) bool { return canonical(now["latency"]) == canonical(original["latency"]) }},
		{"everything replaced", func(document) document { return document{"cpu": json.RawMessage(`{"enabled":true}`)} },
			func(_, now document) bool { return len(now) == 1 && now["cpu"] != nil }},
		{"removed", func(document) document { return nil }, func(_, now document) bool { return len(now) == 0 }},
	}
	for _, edit := range edits {
		t.Run(edit.name, func(t *testing.T) {
			everywhere(t, func(t *testing.T, p place) {
				text, existed := p.get()
				original, err := parseDocument(unsealed([]byte(text)))
				if err != nil {
					t.Fatal(err)
				}
				_, undo := p.applied(t, p.factory(), p.latency())
				now, _ := p.get()
				d, err := parseDocument(unsealed([]byte(now)))
				if err != nil {
					t.Fatal(err)
				}
				if d = edit.edit(d); d == nil && p.remove == nil {
					return
				}
				if d == nil {
					p.remove()
				} else {
					edited, err := json.Marshal(d)
					if err != nil {
						t.Fatal(err)
					}
					p.set(p.seal(string(edited)))
				}
				err = p.elsewhere(t, undo)
				var drift *Drift
				after, exists := p.get()
				kept, parseErr := parseDocument(unsealed([]byte(after)))
				if parseErr != nil || !edit.want(original, kept) || (d == nil && exists) {
					t.Errorf("after the undo: %q (was %q)", after, text)
				}
				if original["firedrill"] == nil && edit.name == "the lease removed" && after == text {
					return // that is how it was before
				}
				told := errors.As(err, &drift)
				if back := after == text && exists == existed; told == back || (err != nil && !told) {
					t.Errorf("drift told: %v (%v), document back to what it was: %v", told, err, back)
				}
				if again := p.elsewhere(t, undo); again != nil && !errors.As(again, &drift) {
					t.Errorf("the second time: %v", again)
				}
				p.is(t, after, exists)
			})
		})
	}
}

// TestEveryCallFails lets each call to the world fail once, before and after its work, in each step. Whatever
// happened, a revert afterwards brings the exact original back.
func TestEveryCallFails(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				a, err := p.action(t, p.factory(), p.latency()), error(nil)
				undo, err := a.Prepare(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				p.calls.n, p.calls.at, p.calls.after = 0, at, after
				steps := errors.Join(a.Apply(t.Context(), undo), a.Renew(t.Context(), undo, 50), p.elsewhere(t, undo))
				finished := p.calls.n < at
				p.calls.at = 0
				if err := p.elsewhere(t, undo); err != nil {
					t.Errorf("call %d: %v after %v", at, err, steps)
				}
				p.is(t, text, exists)
				if finished {
					break
				}
			}
		}
	})
}

// TestCancelledContext: no step works, none does harm.
func TestCancelledContext(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		a, undo := p.applied(t, p.factory(), p.latency())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_ = a.Revert(ctx, undo)
		if err := a.Revert(t.Context(), undo); err != nil {
			t.Error(err)
		}
		p.is(t, text, exists)
	})
}

// TestOneOfTwoConditions: the second was prepared and never applied. Its undo is nobody's drift and takes nothing
// from the first.
func TestOneOfTwoConditions(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		text, exists := p.get()
		f := p.factory()
		_, undoA := p.applied(t, f, p.exception())
		_, undoB := p.prepared(t, f, p.latency())
		armed, _ := p.get()
		if err := p.elsewhere(t, undoB); err != nil {
			t.Error(err)
		}
		p.is(t, armed, true)
		if err := p.elsewhere(t, undoA); err != nil {
			t.Error(err)
		}
		p.is(t, text, exists)
	})
}

// TestEditBeforeApply: a member that was changed after it was read is not overwritten.
func TestEditBeforeApply(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		a, undo := p.prepared(t, p.factory(), p.latency())
		edited := `{"latency":{"enabled":true,"min_latency":9}}`
		p.set(edited)
		if err := a.Apply(t.Context(), undo); hint(err) == "" {
			t.Errorf("got %v", err)
		}
		p.is(t, edited, true)
		var drift *Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Errorf("the undo says %v", err)
		}
		p.is(t, edited, true)
	})
}
