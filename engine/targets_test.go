package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// several makes the example's condition one on two targets.
func several(x *experiment.Experiment) {
	x.Conditions[0].Target = experiment.Target{Functions: []string{"a", "b"}}
}

// TestSeveralTargets: a condition on two targets is two changes, each with its own undo, and what comes after the
// condition comes after both.
func TestSeveralTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		several(x)
		x.Conditions[0].For = 5 * time.Second
		x.Conditions = append(x.Conditions, experiment.Condition{Name: "then", Fault: "exception", Target: experiment.Target{Lambda: "c"}, After: x.Conditions[0].Name})
		c.values["c"] = "3"
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil || r.Verdict != verdict.Held {
			t.Fatalf("%+v, %v", r, err)
		}
		if c.values["a"] != "1" || c.values["b"] != "2" || c.values["c"] != "3" {
			t.Errorf("not put back: %v", c.values)
		}
		var names []string
		for _, cond := range r.Conditions {
			names = append(names, cond.Name+"<"+cond.Condition)
			if cond.Applied == nil || cond.Reverted == nil {
				t.Errorf("%+v", cond)
			}
		}
		if want := []string{"slow: a<slow", "slow: b<slow", "then<"}; !slices.Equal(names, want) {
			t.Errorf("conditions %q, want %q", names, want)
		}
		then := slices.Index(c.calls, "apply c")
		if then < slices.Index(c.calls, "revert a") || then < slices.Index(c.calls, "revert b") {
			t.Errorf("the third came before the first two were over: %q", c.calls)
		}
	})
}

// TestOneOfSeveralTargets: if one cannot be prepared, or is protected, none is touched; if one cannot be applied,
// all are put back.
func TestOneOfSeveralTargets(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(c *cloud, x *experiment.Experiment)
		intact bool
	}{
		{"cannot be prepared", func(c *cloud, _ *experiment.Experiment) {
			c.fail = func(step, target string) error { return failAt("prepare b", step, target) }
		}, true},
		{"cannot be prepared any more", func(c *cloud, _ *experiment.Experiment) {
			n := 0
			c.fail = func(step, target string) error {
				if step == "prepare" && target == "b" {
					if n++; n > 1 {
						return errors.New("gone")
					}
				}
				return nil
			}
		}, true},
		{"protected", func(_ *cloud, x *experiment.Experiment) { x.Guards.Protected = []string{"b"} }, true},
		{"too many", func(_ *cloud, x *experiment.Experiment) { x.Guards.MaxTargets = 1 }, true},
		{"cannot be applied", func(c *cloud, _ *experiment.Experiment) {
			c.fail = func(step, target string) error { return failAt("apply b", step, target) }
		}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				several(x)
				test.change(c, x)
				r, err := Run(t.Context(), x, options(t, c))
				if err != nil || r.Verdict != verdict.Error {
					t.Fatalf("%+v, %v", r, err)
				}
				if c.touched() == test.intact || c.values["a"] != "1" || c.values["b"] != "2" {
					t.Errorf("calls %q, values %v", c.calls, c.values)
				}
			})
		})
	}
}

// TestManySlowTargets: targets that take a while to change keep their leases if they are worked on side by side, or if
// the leases are as long.
func TestManySlowTargets(t *testing.T) {
	for _, test := range []struct {
		parallel int
		lease    time.Duration
		want     verdict.Outcome
	}{{1, 0, verdict.Error}, {1, 100 * time.Second, verdict.Held}, {0, 0, verdict.Held}} {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			c.lease = test.lease
			several(x)
			for i := range 10 {
				name := strings.Repeat("c", i+1)
				x.Conditions[0].Target.Functions, c.values[name] = append(x.Conditions[0].Target.Functions, name), "3"
			}
			c.slow = 3 * time.Second
			o := options(t, c)
			o.Parallel = test.parallel
			r, err := Run(t.Context(), x, o)
			if err != nil || r.Verdict != test.want {
				t.Errorf("%+v: %s (%s), %v", test, r.Verdict, r.Reason, err)
			}
			if test.want == verdict.Error && !strings.Contains(r.Reason, `"slow: `) {
				t.Errorf("it is not said which: %s", r.Reason)
			}
		})
	}
}

// TestPlanOfSeveralTargets: each is listed.
func TestPlanOfSeveralTargets(t *testing.T) {
	c, x := newCloud(), example(t)
	several(x)
	p, err := Plan(t.Context(), x, Options{Registry: c.registry()})
	if err != nil || len(p.Conditions) != 2 || p.Conditions[1].Target != "b" || !strings.HasSuffix(p.Conditions[1].Name, ": b") {
		t.Errorf("%+v, %v", p, err)
	}
	x.Conditions = append(x.Conditions, experiment.Condition{Name: "slow: b", Fault: "exception", Target: experiment.Target{Lambda: "c"}})
	if _, err := Plan(t.Context(), x, Options{Registry: c.registry()}); err == nil {
		t.Error("two changes of one name: the journal could not tell them apart")
	}
}
