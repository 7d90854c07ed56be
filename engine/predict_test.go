package engine

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// predicted is an experiment of 50 requests a second: 20 s baseline, 20 s fault, 20 s recovery.
func predicted(t *testing.T, change func(x *experiment.Experiment)) *experiment.Experiment {
	x := example(t)
	x.Phases = experiment.Phases{Baseline: 20 * time.Second, Fault: 20 * time.Second, Recovery: 20 * time.Second}
	x.Stages = nil
	x.Loads[0].HTTP, x.Loads[0].Lambda = nil, "a"
	x.Conditions[0].With = fault.Attributes{"min_latency": 100.0, "max_latency": 300.0}
	change(x)
	return x
}

func TestPredict(t *testing.T) {
	inf := math.Inf(1)
	function := &Usual{Rate: Range{2, 3}, From: "CloudWatch", Memory: 0.5, Timeout: 10 * time.Second, Price: Price{GBSecond: 0.001, Request: 0.0001}}
	here := func(ch *change) { ch.account = OnThisMachine }
	inUse := func(ch *change) { ch.account, ch.usual = "111122223333", function }
	for _, test := range []struct {
		name                     string
		change                   func(x *experiment.Experiment)
		target                   func(ch *change)
		injections, failed, cost Range
	}{
		{"a function of ours that is invoked", func(*experiment.Experiment) {}, here, Range{1000, 1000}, Range{0, 1000}, Range{}},
		{"through an API", func(x *experiment.Experiment) { x.Loads[0].Lambda = "" }, here, Range{0, 1000}, Range{0, 1000}, Range{}},
		{"some of them", func(x *experiment.Experiment) { x.Conditions[0].Percentage = 25 }, here, around(250, 1000*.25*.75), Range{0, around(250, 1000*.25*.75).Most}, Range{}},
		{"an error for some of them", func(x *experiment.Experiment) { x.Conditions[0].Fault, x.Conditions[0].Percentage = "exception", 25 }, here, around(250, 1000*.25*.75), around(250, 1000*.25*.75), Range{}},
		{"those that match", func(x *experiment.Experiment) { x.Conditions[0].Match = []fault.Condition{{Path: "p"}} }, here, Range{0, 1000}, Range{0, 1000}, Range{}},
		{"in stages", func(x *experiment.Experiment) { x.Stages = []float64{10, 50} }, here, around(600, 90+250), Range{0, around(600, 90+250).Most}, Range{}},
		{"for a while", func(x *experiment.Experiment) {
			x.Conditions[0].Delay, x.Conditions[0].For = 5*time.Second, 10*time.Second
		}, here, Range{500, 500}, Range{0, 500}, Range{}},
		{"an error for sure", func(x *experiment.Experiment) { x.Conditions[0].Fault = "exception" }, here, Range{1000, 1000}, Range{1000, 1000}, Range{}},
		{"no load, nobody else", func(x *experiment.Experiment) { x.Loads = nil }, here, Range{}, Range{}, Range{}},
		{"a function that others use", func(*experiment.Experiment) {}, inUse, Range{1040, 1060}, Range{0, 1000}, Range{1040*.1*.0005 + .3, 1060*.3*.0005 + .3}},
		{"others alone", func(x *experiment.Experiment) { x.Loads, x.Conditions[0].Percentage = nil, 50 }, inUse, Range{around(20, 10).Least, around(30, 15).Most}, Range{}, Range{around(20, 10).Least * .1 * .0005, around(30, 15).Most * .3 * .0005}},
		{"others, and they must match", func(x *experiment.Experiment) {
			x.Loads, x.Conditions[0].Match = nil, []fault.Condition{{Path: "p"}}
		}, inUse, Range{0, 60}, Range{}, Range{0, 60 * .3 * .0005}},
		{"never longer than the function's timeout", func(x *experiment.Experiment) {
			x.Loads, x.Conditions[0].With = nil, fault.Attributes{"min_latency": 20000.0, "max_latency": 60000.0}
		}, inUse, Range{40, 60}, Range{}, Range{40 * 10 * .0005, 60 * 10 * .0005}},
		{"an error adds no time", func(x *experiment.Experiment) { x.Loads, x.Conditions[0].Fault = nil, "exception" }, inUse, Range{40, 60}, Range{}, Range{}},
		{"nobody knows who uses it", func(*experiment.Experiment) {}, func(*change) {}, Range{1000, inf}, Range{0, 1000}, Range{0, inf}},
		{"nobody knows who uses it, and nobody is hit", func(x *experiment.Experiment) { x.Conditions[0].Percentage = 0 }, func(*change) {}, Range{}, Range{}, Range{0, inf}},
		{"a change of the account", func(x *experiment.Experiment) { x.Conditions[0].Fault = "iam-deny" }, inUse, Range{1, 1}, Range{0, 1000}, Range{.3, .3}},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := predicted(t, test.change)
			ch := newChange(x.Conditions[0], Targeted{Names: []string{"a"}, Key: "a"})
			test.target(ch)
			p := predict(x, specOf(x, Options{}), []*change{ch})
			for what, pair := range map[string][2]Range{"injections": {p.Injections, test.injections}, "failed requests": {p.Failed, test.failed}, "cost": {p.Cost, test.cost}} {
				if !near(pair[0].Least, pair[1].Least) || !near(pair[0].Most, pair[1].Most) {
					t.Errorf("%s: %v, want %v", what, pair[0], pair[1])
				}
			}
			if x.Loads != nil && len(x.Stages) == 0 && !near(p.Requests, 3000) {
				t.Error(p.Requests, "requests")
			}
			text, err := json.Marshal(p)
			var back Prediction
			if err != nil || json.Unmarshal(text, &back) != nil || back.Injections != p.Injections || back.Cost != p.Cost {
				t.Error(string(text), err)
			}
		})
	}
}

// around is what chance makes of a mean.
func around(mean, variance float64) Range {
	by := 3 * math.Sqrt(variance)
	return Range{mean - by, mean + by}
}

// Two faults of one function make its requests fail, but none of them twice.
func TestPredictFailsNoRequestTwice(t *testing.T) {
	x := predicted(t, func(x *experiment.Experiment) {
		x.Conditions[0].Fault, x.Conditions[0].Delay, x.Conditions[0].For = "exception", 0, 10*time.Second
		x.Conditions = append(x.Conditions[:1:1], x.Conditions[0])
		x.Conditions[1].Fault = "timeout"
	})
	var changes []*change
	for _, c := range x.Conditions {
		changes = append(changes, newChange(c, Targeted{Names: []string{"a"}, Key: "a"}))
	}
	if p := predict(x, specOf(x, Options{}), changes); p.Failed != (Range{500, 1000}) {
		t.Error(p.Failed)
	}
}

func near(a, b float64) bool {
	return a == b || math.Abs(a-b) < 1e-9*math.Max(math.Abs(a), math.Abs(b))
}

// Predict asks nobody: a load through an API reaches the target as often as it may, and others do without end.
func TestPredictOfAFile(t *testing.T) {
	p := Predict(predicted(t, func(*experiment.Experiment) {}))
	if p.Injections.Least != 1000 || p.Injections.Known() || len(p.Unknown) == 0 {
		t.Error(p)
	}
}

// usualAction is a fake whose use can be told.
type usualAction struct {
	*fakeAction
	usual Usual
	err   error
}

func (a usualAction) Usual(context.Context) (Usual, error) { return a.usual, a.err }

// TestPredictionIsHeldAgainstBudgets: what is sure to be too much is refused before anything is armed, in plan and run.
func TestPredictionIsHeldAgainstBudgets(t *testing.T) {
	function := Usual{Rate: Range{10, 20}, From: "CloudWatch", Memory: 1, Timeout: 10 * time.Second, Price: Price{GBSecond: 0.01, Request: 0.001}}
	for _, test := range []struct {
		name    string
		budget  experiment.Budget
		usual   Usual
		err     error
		refusal string
		warning string
	}{
		{"enough", experiment.Budget{Invocations: 5000, Cost: 1000}, function, nil, "", ""},
		{"the usual use is too much", experiment.Budget{Invocations: 1100}, function, nil, "the loads and the targets' usual use bring about 1200 injections, but guards.budget.invocations is 1100", ""},
		{"it may be too much", experiment.Budget{Invocations: 1300}, function, nil, "", "the run may bring about 1400 injections, but guards.budget.invocations is 1300"},
		{"it costs too much", experiment.Budget{Cost: 5}, function, nil, "the run may cost $7.20, but guards.budget.cost is $5.00", ""},
		{"nobody knows what it costs", experiment.Budget{Cost: 5}, Usual{}, errors.New("access denied"), "it is not known what the run may cost, and guards.budget.cost is $5.00", ""},
		{"nobody knows who uses it", experiment.Budget{Invocations: 1100}, Usual{}, errors.New("access denied"), "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				x := predicted(t, func(x *experiment.Experiment) { x.Guards.Budget = test.budget })
				o := options(t, c)
				o.Registry.Actions = func(context.Context, experiment.Condition, ActionParams) ([]Targeted, error) {
					return []Targeted{{Action: usualAction{&fakeAction{c, "a"}, test.usual, test.err}, Key: "a", Names: []string{"a"}, Account: "111122223333"}}, nil
				}
				p, err := Plan(t.Context(), x, o)
				if (err == nil) != (test.refusal == "") || err != nil && !strings.Contains(err.Error(), test.refusal) {
					t.Fatalf("plan: %v, want %q", err, test.refusal)
				}
				if err == nil && (test.warning != "") != strings.Contains(strings.Join(p.Warnings, "\n"), "may bring about") {
					t.Errorf("warnings: %q", p.Warnings)
				}
				if err == nil && !strings.Contains(strings.Join(p.Warnings, "\n"), test.warning) {
					t.Errorf("warnings: %q", p.Warnings)
				}
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if test.refusal != "" {
					if c.touched() || !strings.Contains(r.Reason, test.refusal) || r.Prediction != nil {
						t.Error(r.Verdict, r.Reason, r.Prediction)
					}
					return
				}
				if r.Prediction == nil || r.Prediction.Requests == 0 {
					t.Error("the result does not say what was predicted")
				}
				text, err := o.State.home.(*folder).journal(r.Run)
				if err != nil || !strings.Contains(string(text), `"type":"predicted"`) {
					t.Error("nor does the journal", err)
				}
			})
		})
	}
}
