package engine

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// killed leaves behind what a run leaves that was killed with a target in its hands.
func killed(t *testing.T, s *State, target string, records ...Record) string {
	t.Helper()
	run, claim, err := s.newRun(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	j := continued(claim, nil)
	for _, r := range append([]Record{{Type: recordRun, Run: run}}, records...) {
		if err := j.append(r, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := claim.Lock(t.Context(), []string{target}); err != nil {
		t.Fatal(err)
	}
	claim.Release(false)
	return run
}

// TestTargetOfAKilledRun: a run that found what a killed one left would take that for what was there before. The recovery of the first one
// would then see somebody else's change, leave it alone, and the second one would put the first one's fault back.
func TestTargetOfAKilledRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		dead := killed(t, o.State, "a", Record{Type: recordPrepared, Condition: "slow", Kind: "latency", Target: "a", Undo: json.RawMessage(`{"target":"a","value":"1"}`)})
		c.values["a"] = "broken by " + dead

		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Error || !strings.Contains(r.Error, "belongs to run "+dead) || !strings.Contains(r.Hint, "firedrill recover "+dead) || c.touched() {
			t.Fatalf("%s: %s (%s), touched %v", r.Verdict, r.Error, r.Hint, c.touched())
		}
		if got, err := o.State.Recover(t.Context(), "", RecoverOptions{Revert: o.Registry.Revert}); err != nil || len(got) != 1 || got[0].Failed() {
			t.Fatalf("%+v, %v", got, err)
		}
		if r, err = Run(t.Context(), x, o); err != nil || r.Verdict != verdict.Held {
			t.Fatalf("after the recovery: %+v, %v", r, err)
		}
		pristine(t, c)
	})
}

// TestTargetOfAHarmlessRun: one that was killed before it had changed anything, or put everything back, keeps nobody away. Nor does one
// whose folder somebody deleted.
func TestTargetOfAHarmlessRun(t *testing.T) {
	prepared := Record{Type: recordPrepared, Condition: "slow", Kind: "latency", Target: "a", Undo: json.RawMessage(`{}`)}
	for name, records := range map[string][]Record{
		"in the baseline": nil,
		"put back":        {prepared, {Type: recordReverted, Condition: "slow"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				o := options(t, c)
				killed(t, o.State, "a", records...)
				killed(t, o.State, "b", records...)
				for range 2 {
					if r, err := Run(t.Context(), x, o); err != nil || r.Verdict != verdict.Held {
						t.Fatalf("%+v, %v", r, err)
					}
				}
			})
		})
	}
}
