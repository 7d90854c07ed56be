package report_test

import (
	"fmt"
	"math"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

var start = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func timeAt(seconds float64) *time.Time { t := at(seconds); return &t }

var (
	latency = verdict.Expectation{Text: "p95 < 1s", Statistic: "p95", Op: "<", Threshold: 1, Unit: verdict.Seconds}
	errRate = verdict.Expectation{Text: "error_rate < 2%", Statistic: "error_rate", Op: "<", Threshold: 0.02, Unit: verdict.Ratio}
)

func found(e verdict.Expectation, o verdict.Outcome, low, estimate, high float64, samples, errors int, reason string) verdict.Finding {
	return verdict.Finding{
		Expectation: e, Outcome: o, Estimate: estimate, Interval: verdict.Interval{Low: low, High: high, Confidence: 0.95},
		Samples: samples, Errors: errors, Reason: reason,
	}
}

// wave is a series that differs from second to second and is the same in every test.
func wave(from, to int, level float64, failing int) []engine.Point {
	var out []engine.Point
	for i := from; i < to; i++ {
		p := func(k float64) *float64 { v := k * level * (1 + 0.1*math.Sin(float64(i))); return &v }
		out = append(out, engine.Point{T: float64(i), Count: 60, Errors: failing, Mean: p(1), P50: p(0.9), P95: p(1.2), P99: p(1.4), Max: p(1.5), Stat: p(1.2)})
	}
	return out
}

func stats(p50, p90, p95, p99 float64, due, errors int, classes map[string]int) engine.TrafficStats {
	return engine.TrafficStats{
		Due: due, Errors: errors, Classes: classes, LateP99: 0.0012, LateMax: 0.002,
		Mean: p50, P50: p50, P90: p90, P95: p95, P99: p99, P999: p99 * 1.1, Max: p99 * 1.2,
	}
}

func shop(title, objective string) *experiment.Experiment {
	return &experiment.Experiment{
		File: "experiments/payment.yaml", Title: title, Objective: objective,
		Loads: []experiment.Load{{
			Name: "purchase", HTTP: &experiment.HTTPRequest{Method: "POST", URL: "http://127.0.0.1:8080/purchase"},
			Rate: []experiment.RateStep{{From: 60, To: 60}}, Timeout: 10 * time.Second, MaxInFlight: 1000,
		}},
		Measures: []experiment.Measure{
			{Name: "purchase latency", Of: "load.purchase", Expect: latency, Line: 12},
			{Name: "purchase errors", Of: "load.purchase", Expect: errRate, Line: 13},
		},
		Conditions: []experiment.Condition{{
			Name: "hanging payment", Fault: "latency", Target: experiment.Target{Lambda: "payment"},
			With: fault.Attributes{"min_latency": 4000.0, "max_latency": 4000.0}, Percentage: 25, Line: 16,
		}},
		Phases: experiment.Phases{Baseline: 6 * time.Second, BaselineMax: 18 * time.Second, Fault: 10 * time.Second, Recovery: 8 * time.Second},
		Stages: []float64{100},
		Stop:   []experiment.StopRule{{Of: "load.purchase", When: verdict.Expectation{Text: "error_rate > 25%"}, For: 3 * time.Second, Line: 25}},
		Lease:  15 * time.Second,
	}
}

// disproved is a whole run: the demo's third.
func disproved() *engine.Result {
	return &engine.Result{
		Version: 1, Run: "01JD7ZTESTRUN0000000000003",
		Experiment: shop("Purchases survive a hanging payment", "A purchase answers within 1 s while one payment in four hangs"),
		Verdict:    verdict.Disproved, Reason: "purchase latency: p95 is 2.02 s (95 % interval 2.01 s to 2.03 s, 600 samples), which violates < 1s",
		Started: start, Ended: at(20),
		Phases: []engine.PhaseSpan{
			{Name: engine.PhaseBaseline, Start: at(0), End: at(6)},
			{Name: engine.PhaseFault, Stage: 1, Share: 100, Start: at(6), End: at(16)},
			{Name: engine.PhaseRecovery, Start: at(16), End: at(20)},
		},
		Measures: []engine.MeasureResult{
			{
				Name: "purchase latency", Of: "load.purchase",
				Baseline: found(latency, verdict.Held, 0.0185, 0.0191, 0.0204, 360, 0, "p95 is 19.1 ms, which satisfies < 1s"),
				Fault:    found(latency, verdict.Disproved, 2.01, 2.02, 2.03, 600, 0, "p95 is 2.02 s (95 % interval 2.01 s to 2.03 s, 600 samples), which violates < 1s"),
				Recovery: found(latency, verdict.Held, 0.0211, 0.0233, 0.0301, 240, 0, "p95 is 23.3 ms, which satisfies < 1s"),
				Series:   append(append(wave(0, 6, 0.016, 0), wave(6, 16, 1.68, 0)...), wave(16, 20, 0.02, 0)...),
			},
			{
				Name: "purchase errors", Of: "load.purchase",
				Baseline: found(errRate, verdict.Held, 0, 0, 0.0106, 360, 0, "error_rate is 0 %, which satisfies < 2%"),
				Fault:    found(errRate, verdict.Held, 0, 0, 0.0064, 600, 0, "error_rate is 0 %, which satisfies < 2%"),
				Recovery: found(errRate, verdict.Held, 0, 0, 0.0158, 240, 0, "error_rate is 0 %, which satisfies < 2%"),
				Series:   wave(0, 20, 0, 0),
			},
		},
		Conditions: []engine.ConditionResult{{
			Name: "hanging payment", Kind: "latency", Target: "file:/srv/faults/payment.json",
			Applied: timeAt(6.01), Reverted: timeAt(16.02), Proof: engine.Proof{Known: true, Planned: 153, Fired: 153},
		}},
		Loads: []engine.LoadResult{{
			Name: "purchase",
			Phases: []engine.TrafficStats{
				stats(0.0161, 0.0182, 0.0191, 0.0251, 360, 0, map[string]int{"200": 360}),
				stats(0.0173, 2.012, 2.021, 2.041, 600, 0, map[string]int{"200": 447, "202": 153}),
				stats(0.0169, 0.0201, 0.0233, 0.0313, 240, 0, map[string]int{"200": 240}),
			},
			Series: append(append(wave(0, 6, 0.016, 0), wave(6, 16, 1.68, 0)...), wave(16, 20, 0.02, 0)...),
		}},
		Recovery: engine.Recovery{Recovered: true, Seconds: seconds(1)},
	}
}

func seconds(x float64) *float64 { return &x }

// held is a whole run that went well, in two stages, with a fault that did not always fire and a measure that only gates
// the start.
func held() *engine.Result {
	r := disproved()
	r.Run = "01JD7ZTESTRUN0000000000001"
	r.Experiment = shop("Purchases survive a slow inventory", "A purchase answers within 1 s while inventory answers 200-600 ms late")
	r.Experiment.Conditions[0] = experiment.Condition{
		Name: "slow inventory", Fault: "latency", Target: experiment.Target{Lambda: "inventory"},
		With: fault.Attributes{"min_latency": 200.0, "max_latency": 600.0}, Percentage: 100,
	}
	r.Experiment.Stages = []float64{25, 100}
	r.Experiment.Measures = append(r.Experiment.Measures, experiment.Measure{Name: "health", Of: "http", BaselineOnly: true})
	r.Verdict, r.Reason = verdict.Held, "every measure held while the fault was there, and the steady state was back 1 s after it was gone"
	r.Phases = []engine.PhaseSpan{
		{Name: engine.PhaseBaseline, Start: at(0), End: at(6)},
		{Name: engine.PhaseFault, Stage: 1, Share: 25, Start: at(6), End: at(11)},
		{Name: engine.PhaseFault, Stage: 2, Share: 100, Start: at(11), End: at(16)},
		{Name: engine.PhaseRecovery, Start: at(16), End: at(20)},
	}
	l := &r.Loads[0]
	l.Phases = []engine.TrafficStats{
		l.Phases[0], stats(0.021, 0.312, 0.318, 0.331, 300, 0, map[string]int{"200": 300}),
		stats(0.314, 0.318, 0.322, 0.351, 300, 2, map[string]int{"200": 298, "503": 2}), l.Phases[2],
	}
	l.Series = append(append(wave(0, 6, 0.016, 0), wave(6, 16, 0.26, 0)...), wave(16, 20, 0.02, 0)...)
	m := &r.Measures[0]
	m.Fault = found(latency, verdict.Held, 0.319, 0.322, 0.34, 300, 2, "p95 is 322 ms, which satisfies < 1s")
	m.Stages = []verdict.Finding{found(latency, verdict.Held, 0.315, 0.318, 0.325, 300, 0, "p95 is 318 ms, which satisfies < 1s"), m.Fault}
	m.Series = l.Series
	health := verdict.Expectation{Text: "error_rate < 50%", Statistic: "error_rate", Op: "<", Threshold: 0.5, Unit: verdict.Ratio}
	r.Measures = append(r.Measures, engine.MeasureResult{
		Name: "health", Of: "http", Baseline: found(health, verdict.Held, 0, 0, 0.39, 6, 0, "error_rate is 0 %, which satisfies < 50%"),
		Series: wave(0, 6, 0.002, 0),
	})
	r.Conditions = []engine.ConditionResult{{
		Name: "slow inventory", Kind: "latency", Target: "file:/srv/faults/inventory.json",
		Applied: timeAt(6.01), Reverted: timeAt(16.02), Proof: engine.Proof{Known: true, Planned: 380, Fired: 372},
	}}
	r.Notes = []string{"8 planned injections of slow inventory did not fire: the client went away"}
	return r
}

// notSteady is a run in which nothing was injected.
func notSteady() *engine.Result {
	r := disproved()
	r.Run = "01JD7ZTESTRUN0000000000004"
	r.Verdict = verdict.NotSteady
	r.Reason = "nothing was injected, because the steady state does not hold: purchase latency: p95 is 1.3 s, which violates < 1s"
	r.Ended, r.Phases = at(6), r.Phases[:1]
	r.Measures[0].Baseline = found(latency, verdict.Disproved, 1.2, 1.3, 1.6, 360, 0, "p95 is 1.3 s, which violates < 1s")
	for i := range r.Measures {
		r.Measures[i].Fault, r.Measures[i].Recovery = verdict.Finding{}, verdict.Finding{}
		r.Measures[i].Series = r.Measures[i].Series[:6]
	}
	r.Loads[0].Phases, r.Loads[0].Series = r.Loads[0].Phases[:1], r.Loads[0].Series[:6]
	r.Conditions[0] = engine.ConditionResult{Name: "hanging payment", Kind: "latency", Target: "payment"}
	r.Recovery = engine.Recovery{}
	return r
}

// unproven is a run whose fault never fired, and whose last measure has too few samples.
func unproven() *engine.Result {
	r := disproved()
	r.Run = "01JD7ZTESTRUN0000000000005"
	r.Verdict, r.Reason = verdict.Inconclusive, "condition hanging payment fired not once: there is no proof that the fault was there"
	r.Conditions[0].Proof = engine.Proof{Known: true}
	r.Measures[0].Fault = found(latency, verdict.Held, 0.0185, 0.0191, 0.0204, 600, 0, "p95 is 19.1 ms, which satisfies < 1s")
	few := found(errRate, verdict.Inconclusive, 0, 0, 0.11, 30, 0, "error_rate is 0 %, and 30 samples do not say whether it is < 2%")
	few.Missing = 159
	r.Measures[1].Fault = few
	r.Loads[0].Phases[1] = r.Loads[0].Phases[0]
	r.Recovery = engine.Recovery{}
	return r
}

// failed is a run that ended before it began.
func failed() *engine.Result {
	return &engine.Result{
		Version: 1, Run: "01JD7ZTESTRUN0000000000006", Experiment: shop("Purchases survive a hanging payment", "A purchase answers within 1 s"),
		Verdict: verdict.Error, Reason: "the run itself failed: function payment does not exist", Error: "function payment does not exist",
		Hint: "functions here: inventory, purchase", Started: start, Ended: at(0.12),
		Measures: []engine.MeasureResult{
			{Name: "purchase latency", Of: "load.purchase", Series: []engine.Point{{}}},
			{Name: "purchase errors", Of: "load.purchase", Series: []engine.Point{{}}},
		},
		Conditions: []engine.ConditionResult{{Name: "hanging payment", Kind: "latency", Target: "payment"}},
		Loads:      []engine.LoadResult{{Name: "purchase", Series: []engine.Point{{}}}},
		Stop:       &engine.Stop{Kind: engine.StopError, Reason: "function payment does not exist", At: at(0.12)},
	}
}

// leftBehind is a run that was stopped and could not put everything back.
func leftBehind() *engine.Result {
	r := disproved()
	r.Run = "01JD7ZTESTRUN0000000000007"
	r.Verdict, r.Reason = verdict.Error, "not everything could be put back: hanging payment on payment: permission denied"
	r.Stop = &engine.Stop{Kind: engine.StopRule, Reason: "load.purchase: error_rate > 25% for 3s", At: at(12)}
	r.Residue = []engine.Residue{{Condition: "hanging payment", Target: "file:/srv/faults/payment.json", Error: "permission denied"}}
	r.Conditions[0].Reverted, r.Conditions[0].Error = nil, "permission denied"
	r.Phases = r.Phases[:2]
	r.Phases[1].End, r.Ended = at(12), at(12.5)
	r.Loads[0].Phases = r.Loads[0].Phases[:2]
	r.Loads[0].Phases[1].Dropped, r.Loads[0].Phases[1].LateP99 = 7, 0.35
	r.Loads[0].Series = r.Loads[0].Series[:12]
	for i := range r.Measures {
		r.Measures[i].Recovery = verdict.Finding{}
		r.Measures[i].Series = r.Measures[i].Series[:12]
	}
	r.Recovery = engine.Recovery{}
	return r
}

// blind is a run of a probe that could not read while the fault was there.
func blind() *engine.Result {
	r := disproved()
	depth := verdict.Expectation{Text: "value < 100", Statistic: "value", Op: "<", Threshold: 100, Unit: verdict.Number}
	r.Run = "01JD7ZTESTRUN0000000000008"
	r.Verdict, r.Reason, r.Loads = verdict.Inconclusive, "queue depth: there is no data", nil
	none := found(depth, verdict.Inconclusive, math.Inf(-1), math.NaN(), math.Inf(1), 0, 10, "there is no data")
	series := append(wave(0, 6, 12, 0), wave(6, 16, 0, 1)...)
	for i := range series[6:] {
		series[6+i] = engine.Point{T: float64(6 + i), Count: 1, Errors: 1}
	}
	series[10] = wave(10, 11, 50, 0)[0] // alone between gaps
	r.Measures = []engine.MeasureResult{{
		Name: "queue depth", Of: "prometheus", Baseline: found(depth, verdict.Held, 11, 12, 13, 6, 0, "value is 12, which satisfies < 100"),
		Fault: none, Series: append(series, wave(16, 20, 14, 0)...),
	}}
	r.Experiment.Measures = nil
	return r
}

// stopped is a run that a stop rule ended; halted says who did it instead.
func stopped() *engine.Result {
	r := leftBehind()
	r.Run, r.Residue = "01JD7ZTESTRUN0000000000009", nil
	r.Verdict, r.Reason = verdict.Stopped, "load.purchase: error_rate > 25% for 3s"
	r.Conditions[0].Reverted, r.Conditions[0].Error = timeAt(12.4), ""
	r.Stop.Line = 25
	return r
}

func halted(kind engine.StopKind) *engine.Result {
	r := stopped()
	r.Stop = &engine.Stop{Kind: kind, Reason: "the kill switch was engaged: lunch", At: at(12)}
	return r
}

// stuck is a run after which the system did not come back.
func stuck() *engine.Result {
	r := disproved()
	r.Run = "01JD7ZTESTRUN0000000000010"
	r.Reason = "the steady state did not come back"
	r.Measures[0].Fault = found(latency, verdict.Held, 0.0185, 0.0191, 0.0204, 600, 0, "p95 is 19.1 ms, which satisfies < 1s")
	r.Measures[0].Recovery = found(latency, verdict.Disproved, 1.2, 1.3, 1.6, 240, 0, "p95 is 1.3 s, which violates < 1s")
	r.Recovery = engine.Recovery{}
	return r
}

// everything is a drill in which all went wrong that can.
func everything() report.Drill {
	d := report.Of(held(), disproved(), notSteady(), unproven(), failed(), leftBehind(), blind(), stopped(), halted(engine.StopKillSwitch), stuck())
	for i := range d {
		d[i].Path = fmt.Sprintf("drills/%02d %s", i, "a,b%c:d.yaml")
		d[i].Report = fmt.Sprintf(".firedrill/runs/%s/report.html", d[i].Result.Run)
	}
	d[3].Earlier = []*engine.Result{blind(), unproven()}
	return append(d,
		report.Drilled{File: "drills/later.yaml", Title: "Its turn did not come"},
		report.Drilled{File: "drills/denied.yaml", Title: "A guard refuses it", Refused: "target payment is protected", Hint: "ask who protects it"},
		report.Drilled{File: "/abroad/wrong.yaml", Problems: []experiment.Problem{
			{File: "/abroad/wrong.yaml", Line: 3, Column: 7, Field: "phases.fault", Value: "10 parsecs", Message: "is no duration", Hint: "such as 10s"},
			{File: "/abroad/wrong.yaml", Line: 4, Field: "lease", Message: "is short", Warning: true},
			{File: "/abroad/wrong.yaml", Message: "has no measures"},
		}},
	)
}

var fixtures = map[string]func() *engine.Result{
	"held": held, "disproved": disproved, "not-steady": notSteady, "unproven": unproven, "failed": failed,
	"left-behind": leftBehind, "blind": blind, "nothing": func() *engine.Result { return &engine.Result{} },
}
