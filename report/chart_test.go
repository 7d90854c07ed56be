package report

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		top  float64
		want []float64
	}{
		{1, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}}, {2.9, []float64{0, 1, 2}}, {70, []float64{0, 20, 40, 60}},
		{0.022, []float64{0, 0.005, 0.01, 0.015, 0.02}}, {0, []float64{0}}, {-1, []float64{0}}, {math.Inf(1), []float64{0}}, {math.NaN(), []float64{0}},
	} {
		got := ticks(test.top, 5)
		if !slices.EqualFunc(got, test.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("ticks(%v) = %v, want %v", test.top, got, test.want)
		}
	}
}

func TestClock(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0 s", 59.6: "60 s", 90: "90 s", 120: "2 m", 150: "2:30", 3600: "1:00 h", 5400: "1:30 h"} {
		if got := clock(seconds); got != want {
			t.Errorf("clock(%v) = %q, want %q", seconds, got, want)
		}
	}
	for length, want := range map[float64]float64{5: 1, 20: 2, 100: 10, 600: 60, 86400: 7200} {
		if got := timeStep(length, 14); got != want {
			t.Errorf("timeStep(%v) = %v, want %v", length, got, want)
		}
	}
}

func TestCurvesHaveGaps(t *testing.T) {
	c := chart{id: "c", title: "T", until: 10, format: plain, lines: []curve{{name: "a", class: "p95", points: []sample{
		{t: 0, v: 1}, {t: 1, v: 2}, {t: 2, absent: true}, {t: 3, v: 3}, {t: 4, absent: true}, {t: 5, v: 1}, {t: 6, v: 1},
	}}}}
	drawn := string(c.draw(wide()))
	_, path, _ := strings.Cut(drawn, `class="curve p95" d="`)
	path, _, _ = strings.Cut(path, `"`)
	if n := strings.Count(path, "M"); n != 2 {
		t.Errorf("the line has %d stretches, want 2: %s", n, path)
	}
	if strings.Count(drawn, `class="dot p95"`) != 1 {
		t.Error("a point between gaps is not seen")
	}
}

func TestLimitFarAboveIsNamedNotDrawn(t *testing.T) {
	c := chart{id: "c", title: "T", until: 10, format: plain, limits: []limit{{1000, "p95 < 1000"}}, lines: []curve{{points: []sample{{t: 0, v: 1}}}}}
	if drawn := string(c.draw(wide())); strings.Contains(drawn, `class="limit"`) || !strings.Contains(drawn, "limit, above: p95 &lt; 1000") {
		t.Errorf("got %s", drawn)
	}
	c.limits[0].at = 10
	if drawn := string(c.draw(wide())); !strings.Contains(drawn, `class="limit"`) {
		t.Errorf("got %s", drawn)
	}
}

func TestLongRunsAreThinnedToTheirWorst(t *testing.T) {
	points := make([]sample, 100_000)
	for i := range points {
		points[i] = sample{t: float64(i), v: 1}
	}
	points[77_777].v = 9
	points[0].absent = true
	got := thin(points, maxPoints)
	if len(got) > maxPoints {
		t.Errorf("%d points are left", len(got))
	}
	if !slices.ContainsFunc(got, func(s sample) bool { return s.v == 9 }) {
		t.Error("the worst second is gone")
	}
	if got[0].absent {
		t.Error("a stretch with data counts as a gap")
	}
}

// TestPlateau says when a report speaks of a timeout.
func TestPlateau(t *testing.T) {
	calm := engine.TrafficStats{P50: 0.016, P90: 0.018, P95: 0.019, P99: 0.025}
	result := func(with map[string]any, timeout time.Duration) *engine.Result {
		return &engine.Result{
			Experiment: &experiment.Experiment{
				Conditions: []experiment.Condition{{With: with}}, Loads: []experiment.Load{{Name: "l", Timeout: timeout}},
			},
			Measures: []engine.MeasureResult{{Of: "load.l", Baseline: verdict.Finding{
				Expectation: verdict.Expectation{Statistic: "p95", Op: "<", Threshold: 1, Unit: verdict.Seconds},
			}}},
		}
	}
	busy := func(r *engine.Result) *engine.Result {
		r.Experiment.Conditions[0].Fault = "cpu"
		return r
	}
	for _, test := range []struct {
		name   string
		during engine.TrafficStats
		r      *engine.Result
		want   string // part of the sentence; empty: none
	}{
		{"some wait", engine.TrafficStats{P50: 0.017, P90: 2.01, P95: 2.02, P99: 2.04}, result(nil, 0), "10 % of the requests took almost the same time, about 2 s"},
		{"too long", engine.TrafficStats{P50: 0.017, P90: 2.01, P95: 2.02, P99: 2.04}, result(nil, 0), "longer than the limit of 1 s"},
		{"most wait", engine.TrafficStats{P50: 0.31, P90: 0.32, P95: 0.33, P99: 0.4}, result(nil, 0), "shorter than the limit of 1 s"},
		{"spread", engine.TrafficStats{P50: 0.4, P90: 0.8, P95: 1.1, P99: 1.9}, result(nil, 0), ""},
		{"calm", calm, result(nil, 0), ""},
		{"the fault itself", engine.TrafficStats{P50: 0.52, P90: 0.53, P95: 0.53, P99: 0.54}, result(map[string]any{"min_latency": 500.0, "max_latency": 500.0}, 0), ""},
		{"the fault itself, in short", engine.TrafficStats{P50: 0.52, P90: 0.53, P95: 0.53, P99: 0.54}, result(map[string]any{"min_latency": 500.0}, 0), ""},
		{"the fault itself, by its mean", engine.TrafficStats{P50: 0.52, P90: 0.53, P95: 0.53, P99: 0.54}, result(map[string]any{"mean": 500.0}, 0), ""},
		{"a busy processor", engine.TrafficStats{P50: 0.52, P90: 0.53, P95: 0.53, P99: 0.54}, busy(result(nil, 0)), ""},
		{"a fault that varies", engine.TrafficStats{P50: 0.52, P90: 0.53, P95: 0.53, P99: 0.54}, result(map[string]any{"min_latency": 100.0, "max_latency": 900.0}, 0), "about 520 ms"},
		{"a fault that varies little", engine.TrafficStats{P50: 0.08, P90: 0.097, P95: 0.1, P99: 0.102}, result(map[string]any{"min_latency": 50.0, "max_latency": 100.0}, 0), ""},
		{"the load gave up", engine.TrafficStats{P50: 10, P90: 10, P95: 10, P99: 10}, result(nil, 10*time.Second), ""},
	} {
		l := engine.LoadResult{Name: "l"}
		p, ok := findPlateau(test.r, l, calm, test.during)
		if ok != (test.want != "") {
			t.Errorf("%s: found is %v", test.name, ok)
		}
		if ok && !strings.Contains(p.sentence(test.r, l), test.want) {
			t.Errorf("%s: %q does not say %q", test.name, p.sentence(test.r, l), test.want)
		}
	}
}

func TestInterval(t *testing.T) {
	f := func(unit verdict.Unit, low, high float64) verdict.Finding {
		return verdict.Finding{Outcome: verdict.Held, Expectation: verdict.Expectation{Unit: unit}, Interval: verdict.Interval{Low: low, High: high, Confidence: 0.95}}
	}
	for want, finding := range map[string]verdict.Finding{
		"18–21 ms": f(verdict.Seconds, 0.018, 0.021), "990 ms – 1.2 s": f(verdict.Seconds, 0.99, 1.2), "0–1.06 %": f(verdict.Ratio, 0, 0.0106),
		"≥ 2 s": f(verdict.Seconds, 2, math.Inf(1)), "≤ 3": f(verdict.Number, math.Inf(-1), 3), "": f(verdict.Number, math.Inf(-1), math.Inf(1)),
		"53.1–66.2/s": f(verdict.PerSecond, 53.1, 66.2), "7": f(verdict.Number, 7, 7),
	} {
		if got := interval(finding); got != want {
			t.Errorf("interval(%v) = %q, want %q", finding.Interval, got, want)
		}
	}
}

// TestNumbersOfCountsAndValues claims no confidence where there is none, and does not repeat an estimate.
func TestNumbersOfCountsAndValues(t *testing.T) {
	judged := func(text string, values ...float64) verdict.Finding {
		e, err := verdict.ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		var obs []verdict.Observation
		for _, v := range values {
			obs = append(obs, verdict.Observation{Value: v})
		}
		return verdict.Judge(e, obs, time.Second)
	}
	for want, f := range map[string]verdict.Finding{
		"\nbaseline: 2, 2 samples, 0 errors\n":                                   judged("count > 1", 3, 4),
		"\nbaseline: 4 (range 3–4), 2 samples, 0 errors\n":                       judged("value > 1", 3, 4),
		"\nbaseline: 4 (≥ 4 at 95 % confidence), 2 samples, 0 errors\n":          judged("p99 > 1", 3, 4),
		"\nbaseline: 3.5 (-2.85–9.85 at 95 % confidence), 2 samples, 0 errors\n": judged("mean > 1", 3, 4),
	} {
		if got := numbers(engine.MeasureResult{Baseline: f}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTrafficWithoutAnswers has no latency: nothing took 0 ms.
func TestTrafficWithoutAnswers(t *testing.T) {
	r := &engine.Result{Phases: []engine.PhaseSpan{{Name: engine.PhaseBaseline}}}
	l := engine.LoadResult{Name: "shop", Phases: []engine.TrafficStats{{Due: 5, Errors: 5, Classes: map[string]int{"refused": 5}}}}
	for _, row := range newPageTraffic(r, l).Rows {
		if strings.Contains(row.Label, "p50") || row.Label == "slowest" || row.Label == "mean" {
			if row.Cells[0] != "–" {
				t.Errorf("%s is %s", row.Label, row.Cells[0])
			}
		}
	}
}

// TestEscapeBeginnings: a list, a heading's underline or a rule is markup by how it begins.
func TestEscapeBeginnings(t *testing.T) {
	for text, want := range map[string]string{
		"- a": `\- a`, "+ a": `\+ a`, "1. a": `1\. a`, "12) a": `12\) a`, "---": `\---`, "===": `\===`, "1.5 s": "1.5 s", "1.": `1\.`, "a - b": "a - b", "12": "12", "": "",
	} {
		if got := escape(text); got != want {
			t.Errorf("escape(%q) = %q, want %q", text, got, want)
		}
	}
}
