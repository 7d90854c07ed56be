package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/sweep"
	"github.com/firedrill-dev/firedrill/verdict"
)

// huntFor is a sweep over a path that has made no run yet.
func huntFor(t *testing.T, over string) *hunt {
	t.Helper()
	s, err := experiment.ParseSetting(over)
	if err != nil {
		t.Fatal(err)
	}
	scale, err := sweep.ParseScale(s.Value)
	if err != nil {
		t.Fatal(err)
	}
	return &hunt{a: &app{output: "text", quiet: true, stderr: &bytes.Buffer{}}, over: s.Path, search: sweep.Search{Scale: scale, Ask: math.NaN()}}
}

// runOf is a run as the engine tells of it.
func runOf(outcome verdict.Outcome, stop engine.StopKind) *engine.Result {
	at := time.Unix(1, 0)
	r := &engine.Result{Run: "01R", Verdict: outcome, Reason: "so it is", Experiment: &experiment.Experiment{Measures: []experiment.Measure{{Name: "m"}}},
		Conditions: []engine.ConditionResult{{Name: "c", Applied: &at}}}
	limit := verdict.Expectation{Text: "p95 < 1s", Statistic: "p95", Op: "<", Threshold: 1, Unit: verdict.Seconds}
	f := verdict.Finding{Expectation: limit, Outcome: outcome, Estimate: 0.8, Samples: 100, Missing: 50}
	r.Measures = []engine.MeasureResult{{Name: "m", Fault: f, Baseline: f}}
	if outcome == verdict.NotSteady {
		r.Measures[0].Baseline.Outcome, r.Measures[0].Fault = verdict.Disproved, verdict.Finding{}
	}
	if stop != "" {
		r.Stop = &engine.Stop{Kind: stop, Reason: "because"}
	}
	return r
}

// TestSweepAnswers says what each way for a run to end means for the sweep.
func TestSweepAnswers(t *testing.T) {
	const delay, traffic = "conditions[0].with.max=0ms..2s", "load.shop.rate=10/s..90/s"
	residue := runOf(verdict.Error, "")
	residue.Residue = []engine.Residue{{Target: "t"}}
	idle := runOf(verdict.Stopped, engine.StopRule)
	idle.Conditions[0].Applied = nil
	for _, test := range []struct {
		name, over string
		run        *engine.Result
		want       sweep.Answer
		goesOn     bool
		code       int // if it does not
	}{
		{"held", delay, runOf(verdict.Held, ""), sweep.Held, true, 0},
		{"disproved", delay, runOf(verdict.Disproved, ""), sweep.Broken, true, 0},
		{"inconclusive", delay, runOf(verdict.Inconclusive, ""), sweep.Undecided, true, 0},
		{"a stop rule is a limit, too", delay, runOf(verdict.Stopped, engine.StopRule), sweep.Broken, true, 0},
		{"a stop rule before the fault", delay, idle, "", false, exitStopped},
		{"one run that is not steady", delay, runOf(verdict.NotSteady, ""), sweep.Undecided, true, 0},
		{"traffic that is too much by itself", traffic, runOf(verdict.NotSteady, ""), sweep.Broken, true, 0},
		{"somebody says stop", delay, runOf(verdict.Stopped, engine.StopRequested), "", false, exitStopped},
		{"the kill switch", delay, runOf(verdict.Stopped, engine.StopKillSwitch), "", false, exitStopped},
		{"a budget", delay, runOf(verdict.Stopped, engine.StopBudget), "", false, exitStopped},
		{"Ctrl-C", delay, runOf(verdict.Stopped, engine.StopInterrupted), "", false, exitInterrupted},
		{"an error", delay, runOf(verdict.Error, ""), "", false, exitError},
		{"what is left behind", delay, residue, "", false, exitUndo},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := huntFor(t, test.over)
			h.traffic = test.over == traffic
			on := h.add(sweep.Trial{Value: h.search.Scale.To, Effort: 1}, test.run)
			got := h.report.Runs[0].Reading
			if got.Answer != test.want || on != test.goesOn || (h.report.Early == "") != on {
				t.Errorf("answer %q, goes on %v, early %q", got.Answer, on, h.report.Early)
			}
			if test.want == sweep.Undecided && test.run.Verdict == verdict.Inconclusive && got.Need != 1.5 {
				t.Errorf("needs %g times the samples", got.Need)
			}
			if test.want == "" && len(h.readings()) != 0 {
				t.Error("a run that says nothing is read")
			}
			if !on {
				h.report.Conclusion = h.search.Conclude(h.readings())
				if f, ok := h.outcome().(*failure); !ok || f.code != test.code {
					t.Errorf("outcome %v", h.outcome())
				}
			}
		})
	}
}

// Two runs in a row without a steady state end a sweep; one with a run between them does not.
func TestSweepOfUnsteadySystem(t *testing.T) {
	h := huntFor(t, "conditions[0].with.max=0ms..2s")
	for i, test := range []struct {
		outcome verdict.Outcome
		goesOn  bool
	}{{verdict.NotSteady, true}, {verdict.Held, true}, {verdict.NotSteady, true}, {verdict.NotSteady, false}} {
		if got := h.add(sweep.Trial{Value: float64(i), Effort: 1}, runOf(test.outcome, "")); got != test.goesOn {
			t.Errorf("run %d: goes on %v", i, got)
		}
	}
	h.report.Conclusion = h.search.Conclude(h.readings())
	if f, ok := h.outcome().(*failure); !ok || f.code != exitUnsettled || !strings.Contains(h.report.Early, "steady state did not hold") {
		t.Errorf("%v, %q", h.outcome(), h.report.Early)
	}
}

func TestMargin(t *testing.T) {
	of := func(op string, limit, estimate float64) sweep.Measured {
		return sweep.Measured{Finding: verdict.Finding{Expectation: verdict.Expectation{Statistic: "mean", Op: op, Threshold: limit}, Estimate: estimate}}
	}
	for _, test := range []struct {
		measures []sweep.Measured
		want     float64 // NaN: it says nothing
	}{
		{[]sweep.Measured{of("<", 10, 8)}, 0.2},
		{[]sweep.Measured{of(">", 10, 12)}, 0.2},
		{[]sweep.Measured{of("<", 10, 8), of("<", 10, 15)}, -0.5},
		{[]sweep.Measured{of("<", 10, math.NaN())}, math.NaN()},
		{[]sweep.Measured{of("<", 0, 1)}, math.NaN()},
		{[]sweep.Measured{of("<", 10, math.Inf(1))}, math.Inf(-1)},
	} {
		got := margin(test.measures)
		if math.Abs(got-test.want) > 1e-12 || math.IsNaN(got) != math.IsNaN(test.want) {
			t.Errorf("%v: %g, want %g", test.measures, got, test.want)
		}
	}
}

// However a load is named, or meant by a variable: it is known that the traffic varies.
func TestSweepKnowsTraffic(t *testing.T) {
	const file = "version: 1\ntitle: T\nobjective: O\nvars: {pace: 5/s}\nload: {shop: {http: GET http://127.0.0.1/, rate: \"${pace}\"}}\n" +
		"measures: [{name: m, of: load.shop, expect: p50 < 1s}]\nconditions: [{name: c, fault: latency, target: {lambda: f}, with: {min: 1ms}}]\nphases: {baseline: 10s, fault: 10s}\n"
	for over, want := range map[string]bool{
		"load.shop.rate=1/s..9/s": true, `load["shop"].rate=1/s..9/s`: true, "pace=1/s..9/s": true, "conditions[0].with.min=1ms..2s": false,
	} {
		h := huntFor(t, over)
		h.a.lookupEnv = func(string) (string, bool) { return "", false }
		h.file, h.source, h.world = "x.yaml", []byte(file), &session{}
		if err := h.check(); err != nil || h.traffic != want {
			t.Errorf("%s: %v, %v", over, h.traffic, err)
		}
	}
}

// An undecided run is made longer only where nothing that is swept says how long it is.
func TestSweepKnowsWhatCannotBeMadeLonger(t *testing.T) {
	const file = "version: 1\ntitle: T\nobjective: O\nvars: {length: 9s}\nload: {shop: {http: GET http://127.0.0.1/, rate: 5/s}}\n" +
		"measures: [{name: m, of: load.shop, expect: p50 < 1s}]\nconditions: [{name: c, fault: latency, target: {lambda: f}, with: {min: 1ms}, delay: 0s}]\nphases: {baseline: 10s, fault: \"${length}\"}\n"
	for over, want := range map[string]float64{
		"conditions[0].with.min=1ms..2s": 4, "phases.fault=10s..60s": 1, "length=10s..60s": 1, "conditions[0].delay=0s..5s": 1, "conditions[0].for=9s..2s": 1,
	} {
		h := huntFor(t, over)
		h.a.lookupEnv = func(string) (string, bool) { return "", false }
		h.file, h.source, h.world, h.search.Patience = "x.yaml", []byte(file), &session{}, 4
		if err := h.check(); err != nil || h.search.Patience != want {
			t.Errorf("%s: %v, patience %g", over, err, h.search.Patience)
		}
	}
}
