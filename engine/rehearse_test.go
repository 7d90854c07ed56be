package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// tryable is an action whose undo can be tried.
type tryable struct {
	*fakeAction
	err error
}

func (a tryable) Rehearse(context.Context) error {
	return errors.Join(a.c.call("rehearse", a.target), a.err)
}

// TestRehearse: each way to stop the run leads to the undo of everything, on the engine itself, and the targets are read but not
// changed.
func TestRehearse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Conditions = append(x.Conditions,
			experiment.Condition{Name: "then", Fault: "exception", Target: experiment.Target{Functions: []string{"b", "c"}}, After: "slow", Delay: time.Minute, For: time.Second})
		x.Measures = append(x.Measures, experiment.Measure{Name: "up", Of: "command", Expect: expect(t, "value == 1")})
		for _, text := range []string{"error_rate > 25%", "p95 > 5s", "mean > 3s", "rate < 10/s", "rate > 500/s", "count < 3", "count > 300", "error_rate < 1%", "p50 < 1ms"} {
			x.Stop = append(x.Stop, experiment.StopRule{Of: "load.web", When: expect(t, text), For: 10 * time.Second})
		}
		x.Stop = append(x.Stop, experiment.StopRule{Of: "up", When: expect(t, "value != 1")}, experiment.StopRule{Of: "latency", When: expect(t, "p99 >= 2s")})
		x.Stop = append(x.Stop, experiment.StopRule{Alarm: experiment.Alarm{Name: "shop-critical"}, Every: 5 * time.Second})
		x.Guards = experiment.Guards{MaxDuration: time.Hour, Budget: experiment.Budget{Invocations: 5000, Errors: 3}}
		o := options(t, c)
		o.Registry.Alarms = func(_ context.Context, alarms []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
			return map[experiment.Alarm]verdict.AlarmState{alarms[0]: verdict.AlarmOK}, nil
		}
		o.Guards = []experiment.Guards{{File: "house.yaml", Budget: experiment.Budget{Errors: 1000}}}
		o.Registry = dress(o.Registry, func(t *Targeted) {
			if t.Key != "c" {
				t.Action = tryable{t.Action.(*fakeAction), nil}
			}
		})
		r, err := Rehearse(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		if !r.OK || len(r.Changes) != 3 || r.Changes[0].Undo != UndoProved || r.Changes[2].Undo != UndoUntold {
			t.Errorf("changes: %+v", r.Changes)
		}
		if want := 3 + len(x.Stop) + 4; len(r.Stops) != want {
			t.Errorf("%d ways, want %d", len(r.Stops), want)
		}
		for _, stop := range r.Stops {
			if stop.Error != "" || stop.Injected != 3 || stop.PutBack != 3 || stop.Took < 0 || stop.Bound != undoTimeout+noticed {
				t.Errorf("%+v", stop)
			}
		}
		if c.touched() {
			t.Errorf("calls: %v", c.calls)
		}
		if runs, err := o.State.Runs(t.Context()); err != nil || len(runs) > 0 {
			t.Errorf("the state holds %v, %v", runs, err)
		}
		pristine(t, c)
	})
}

// TestNoRehearsalUnderARun: writing what is there would write another run's fault.
func TestNoRehearsalUnderARun(t *testing.T) {
	c, x := newCloud(), example(t)
	o := options(t, c)
	run, claim, err := o.State.newRun(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release(true)
	if err := claim.Lock(t.Context(), []string{"a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Rehearse(t.Context(), x, o); err == nil || !strings.Contains(err.Error(), "in use by "+run) || HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	if len(c.calls) > 0 {
		t.Errorf("calls: %v", c.calls)
	}
}

// TestRehearsalFindsWhatIsWrong: a permission that is missing, a target that cannot be read, a rule that nothing makes come true. A
// run finds the first two as well, before anything is changed.
func TestRehearsalFindsWhatIsWrong(t *testing.T) {
	denied := &Refusal{Err: errors.New("access denied"), Tip: "firedrill policy FILE"}
	tests := []struct {
		name   string
		change func(c *cloud, x *experiment.Experiment, r *Registry)
		want   string
		inRun  bool
	}{
		{"the undo is not allowed", func(c *cloud, x *experiment.Experiment, r *Registry) {
			*r = dress(*r, func(t *Targeted) { t.Action = tryable{t.Action.(*fakeAction), denied} })
		}, "access denied", true},
		{"it cannot be read", func(c *cloud, x *experiment.Experiment, r *Registry) {
			c.fail = func(step, target string) error { return failAt("prepare a", step, target) }
		}, "no luck", true},
		{"a rule that never comes true", func(c *cloud, x *experiment.Experiment, r *Registry) {
			x.Stop = []experiment.StopRule{{Of: "load.web", When: verdict.Expectation{Text: "error_rate > 200%", Statistic: "error_rate", Op: ">", Threshold: 2, Unit: verdict.Ratio}}}
		}, "no observations were found", false},
		{"a rule that is always true", func(c *cloud, x *experiment.Experiment, r *Registry) {
			x.Stop = []experiment.StopRule{{Of: "load.web", When: verdict.Expectation{Text: "error_rate < 200%", Statistic: "error_rate", Op: "<", Threshold: 2, Unit: verdict.Ratio}}}
		}, "it would stop every run", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				o := options(t, c)
				test.change(c, x, &o.Registry)
				r, err := Rehearse(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				var told []string
				for _, ch := range r.Changes {
					told = append(told, ch.Error)
				}
				for _, stop := range r.Stops {
					told = append(told, stop.Error)
				}
				if r.OK || !strings.Contains(strings.Join(told, "\n"), test.want) {
					t.Errorf("ok %v: %q", r.OK, told)
				}
				if !test.inRun {
					return
				}
				got, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if got.Verdict != verdict.Error || !strings.Contains(got.Error, test.want) || c.touched() {
					t.Errorf("run: %s: %s, touched %v", got.Verdict, got.Error, c.touched())
				}
			})
		})
	}
}

// TestRunTriesAFewUndos: the first ones of each condition, so that a thousand targets do not take a thousand more writes.
func TestRunTriesAFewUndos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		var names []string
		for i := range 25 {
			names = append(names, string(rune('c'+i)))
		}
		x.Conditions[0].Target = experiment.Target{Functions: names}
		x.Conditions = append(x.Conditions, experiment.Condition{Name: "other", Fault: "exception", Target: experiment.Target{Lambda: "a"}})
		o := options(t, c)
		o.Registry = dress(o.Registry, func(t *Targeted) { t.Action = tryable{t.Action.(*fakeAction), ErrNotRehearsed} })
		if _, err := Run(t.Context(), x, o); err != nil {
			t.Fatal(err)
		}
		tries := 0
		for _, call := range c.calls {
			if strings.HasPrefix(call, "rehearse ") {
				tries++
			}
		}
		if tries != triedInRun+1 {
			t.Errorf("%d undos were tried, want %d", tries, triedInRun+1)
		}
	})
}

// TestRehearsalIsInterrupted: nobody mistakes a rehearsal that was cut short for one that went well.
func TestRehearsalIsInterrupted(t *testing.T) {
	c, x := newCloud(), example(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.fail = func(step, _ string) error {
		if step == "prepare" {
			cancel()
		}
		return nil
	}
	if r, err := Rehearse(ctx, x, options(t, c)); err == nil {
		t.Errorf("got %+v", r)
	}
}
