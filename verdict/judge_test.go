package verdict

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// many repeats an observation.
func many(n int, o Observation) []Observation { return slices.Repeat([]Observation{o}, n) }

func TestJudge(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	ok, slow := Observation{Value: 0.1, Class: "200"}, Observation{Value: 2, Class: "200"}
	dropped := Observation{Value: inf, Failed: true, Class: "dropped"}
	timeout := Observation{Value: 1, Failed: true, Class: TimedOut}
	failedReading := Observation{Value: nan, Failed: true, Class: "error"}
	tests := []struct {
		name   string
		text   string
		obs    []Observation
		want   Outcome
		reason string // a part of it
	}{
		{"no data", "p95 < 400ms", nil, Inconclusive, "no observations"},
		{"no data is not a low count", "count < 5", nil, Inconclusive, "no observations"},
		{"no data is not a low rate", "rate < 5/s", nil, Inconclusive, "no observations"},
		{"no data is not the absence of errors", "error_rate < 5%", nil, Inconclusive, "no observations"},

		{"quantile held", "p95 < 400ms", many(72, ok), Held, "p95 is 100 ms (95 % interval 100 ms to 100 ms, 72 samples), which satisfies < 400ms"},
		{"quantile with one too few", "p95 < 400ms", many(71, ok), Inconclusive, "interval 100 ms to ∞, 71 samples): that leaves open whether it is < 400ms; about 1 more like these would settle it"},
		{"quantile disproved", "p95 < 400ms", many(72, slow), Disproved, "which violates < 400ms"},
		{"quantile disproved by few", "p95 < 400ms", many(2, slow), Disproved, "interval 2 s to ∞"},
		{"limit itself, strict", "p95 < 100ms", many(72, ok), Disproved, "violates"},
		{"limit itself, included", "p95 <= 100ms", many(72, ok), Held, "satisfies"},
		{"lower bound held", "p50 > 1s", many(6, slow), Held, "satisfies > 1s"},
		{"lower bound disproved", "p50 > 1s", many(6, ok), Disproved, "violates > 1s"},
		{"half and half", "p50 < 1s", append(many(50, ok), many(50, slow)...), Inconclusive, "95 % interval 100 ms to 2 s, 100 samples"},
		{"unanswered requests are slow, however few need be", "p95 < 400ms", append(many(95, ok), many(9, dropped)...), Inconclusive, "to ∞"},
		{"unanswered requests", "p95 < 400ms", append(many(60, ok), many(40, dropped)...), Disproved, "p95 is ∞ (95 % interval ∞ to ∞"},
		{"too few unanswered to matter", "p95 < 400ms", append(many(999, ok), dropped), Held, "satisfies"},
		{"error answers count with their latency", "p95 < 400ms", many(72, Observation{Value: 0.1, Failed: true, Class: "503"}), Held, "satisfies"},
		{"timeouts count with the time waited", "p95 < 400ms", many(72, timeout), Disproved, "p95 is 1 s"},
		{"timeouts shorter than the limit may be longer", "p95 < 5s", many(72, timeout), Disproved, "p95 is ∞"},
		{"a latency that was not measured is unbounded", "p95 < 5s", many(72, failedReading), Disproved, "p95 is ∞"},

		{"numbers", "p95 < 3", many(72, Observation{Value: 2}), Held, "p95 is 2 ("},
		{"a few failed readings might be anything", "p95 < 3", append(many(72, Observation{Value: 2}), failedReading), Inconclusive, "about 69 more"},
		{"the same with more", "p95 < 3", append(many(110, Observation{Value: 2}), failedReading), Held, "satisfies"},
		{"only failed readings", "p95 < 3", many(72, failedReading), Inconclusive, "not one of 72 observations gave a number"},
		{"a failed reading with a value", "value == 2", []Observation{{Value: 2, Failed: true}}, Inconclusive, "not one of 1 observation gave"},

		{"mean held", "mean <= 1s", many(5, ok), Held, "mean is 100 ms (95 % interval 100 ms to 100 ms, 5 samples)"},
		{"mean disproved", "mean <= 1s", many(5, slow), Disproved, "violates"},
		{"mean of one", "mean <= 1s", many(1, ok), Inconclusive, "about 1 more"},
		{"mean with an unanswered request", "mean <= 1s", append(many(50, ok), dropped), Inconclusive, "mean is ∞ (95 % interval 100 ms to ∞"},
		{"mean too large even without them", "mean <= 1s", append(many(50, slow), dropped), Disproved, "violates"},
		{"mean of nothing but unanswered ones", "mean <= 1s", many(3, dropped), Disproved, "mean is ∞"},
		{"mean with a failed reading", "mean < 3", append(many(50, Observation{Value: 2}), failedReading), Inconclusive, "1 of 51 readings failed and might have been anything"},

		{"error rate held", "error_rate < 1%", failures(0, 381), Held, "error_rate is 0 % (95 % interval 0 % to 0.998 %, 381 samples)"},
		{"error rate, one too few", "error_rate < 1%", failures(0, 380), Inconclusive, "about 1 more"},
		{"error rate disproved", "error_rate < 1%", failures(10, 100), Disproved, "violates"},
		{"error rate open", "error_rate < 1%", failures(1, 100), Inconclusive, "no reasonable number"},
		{"no errors cannot be shown", "error_rate <= 0%", failures(0, 1000), Inconclusive, "no reasonable number"},

		{"rate held", "rate >= 10/s", failures(0, 200), Held, "rate is 20/s"},
		{"rate disproved", "rate >= 30/s", failures(0, 200), Disproved, "violates"},
		{"rate open", "rate >= 19/s", failures(0, 200), Inconclusive, "more like these"},
		{"all failed: no throughput", "rate >= 10/s", failures(50, 50), Disproved, "rate is 0/s"},

		{"count held", "count >= 30", failures(5, 35), Held, "count is 30 (of 35 samples)"},
		{"count disproved", "count >= 30", failures(6, 35), Disproved, "count is 29"},
		{"count equal", "count == 3", failures(0, 3), Held, "satisfies == 3"},
		{"count unequal", "count != 3", failures(0, 3), Disproved, "violates != 3"},

		{"value held", "value == 0", values(0, 0, 0), Held, "value is 0 (in 3 readings), which satisfies == 0"},
		{"value disproved", "value == 0", values(1, 2), Disproved, "value is 2 (range 1 to 2 in 2 readings), which violates == 0"},
		{"value that changed", "value == 0", values(0, 1), Inconclusive, "some readings satisfy == 0 and some do not"},
		{"value astride", "value == 1", values(0, 2), Inconclusive, "range 0 to 2"},
		{"value different", "value != 1", values(2, 3), Held, "satisfies"},
		{"value not different", "value != 1", values(1, 1), Disproved, "violates"},
		{"value below", "value < 5", values(1, 4), Held, "range 1 to 4"},
		{"value with a failed reading", "value == 0", append(values(0, 0), failedReading), Inconclusive, "1 of 3 readings failed"},
		{"value in seconds", "value < 1s", values(0.2), Held, "value is 200 ms (in 1 reading)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := Judge(expect(t, tt.text), tt.obs, 10*time.Second)
			if f.Outcome != tt.want || !strings.Contains(f.Reason, tt.reason) {
				t.Errorf("%s: %s; want %s: ... %s", f.Outcome, f.Reason, tt.want, tt.reason)
			}
		})
	}
}

func TestJudgeWithoutSense(t *testing.T) {
	if f := Judge(Expectation{Statistic: "mode", Op: "<"}, failures(0, 3), time.Second); f.Outcome != Inconclusive || !strings.Contains(f.Reason, `"mode"`) {
		t.Errorf("an unknown statistic: %+v", f)
	}
	if f := Judge(expect(t, "rate > 1/s"), failures(0, 3), 0); f.Outcome != Inconclusive || !strings.Contains(f.Reason, "window has no length") {
		t.Errorf("an empty window: %+v", f)
	}
	for _, confidence := range []float64{0, 1, -3, math.NaN()} {
		if f := JudgeAt(expect(t, "p50 < 1"), values(1, 2, 3), time.Second, confidence); f.Interval.Confidence != DefaultConfidence {
			t.Errorf("confidence %v: %+v", confidence, f)
		}
	}
}

// TestValueIsTheLatest, whatever the order of arrival.
func TestValueIsTheLatest(t *testing.T) {
	obs := values(1, 2, 3)
	slices.Reverse(obs)
	if x, ok := Estimate(expect(t, "value < 9"), obs, time.Second); !ok || x != 3 {
		t.Errorf("got %v, %v; want 3", x, ok)
	}
}

func TestSamplesNeeded(t *testing.T) {
	best := func(e Expectation, n int) []Observation {
		up := e.Op == ">" || e.Op == ">="
		obs := values(make([]float64, n)...)
		for i := range obs {
			switch {
			case e.Statistic == "error_rate":
				obs[i].Failed = up
			case up:
				obs[i].Value = 1e6
			}
		}
		return obs
	}
	for text, want := range map[string]int{
		"p50 < 1s": 6, "p90 < 1s": 36, "p95 < 1s": 72, "p99 < 1s": 368, "p99.9 < 1s": 3688, "p95 > 1s": 2, "p50 >= 1s": 6,
		"error_rate < 1%": 381, "error_rate <= 5%": 73, "error_rate > 25%": 2, "error_rate <= 0%": 0, "error_rate >= 100%": 0,
		"mean < 1s": 2, "rate >= 1/s": 1, "count >= 30": 30, "count > 30": 31, "count == 0": 1, "count == 4": 4, "count < 3": 1, "value == 0": 1,
	} {
		e := expect(t, text)
		n := SamplesNeeded(e)
		if n != want {
			t.Errorf("%s: %d; want %d", text, n, want)
		}
		if n == 0 || e.Statistic == "count" && e.Op == "==" {
			continue
		}
		if f := Judge(e, best(e, n), time.Duration(n)*time.Millisecond); f.Outcome != Held {
			t.Errorf("%s with %d: %s", text, n, f.Reason)
		}
		if f := Judge(e, best(e, n-1), time.Duration(n)*time.Millisecond); f.Outcome == Held {
			t.Errorf("%s with %d: %s", text, n-1, f.Reason)
		}
	}
	if n := SamplesNeeded(Expectation{Statistic: "mode"}); n != 0 {
		t.Errorf("an unknown statistic needs %d", n)
	}
}

// drawn is a random expectation with random observations.
func drawn(t *rapid.T) (Expectation, []Observation) {
	e, err := ParseExpectation(rapid.SampledFrom([]string{
		"p50 < 1s", "p95 <= 1s", "p99 > 1s", "p90 >= 1s", "p50 < 1", "p95 > 1", "mean < 1s", "mean > 1", "rate >= 5/s", "rate < 5/s",
		"count >= 20", "count == 20", "count != 20", "error_rate < 10%", "error_rate > 10%", "value < 1", "value == 1", "value != 1s",
	}).Draw(t, "expectation"))
	if err != nil {
		t.Fatal(err)
	}
	value := rapid.OneOf(rapid.Float64Range(0, 3), rapid.Just(1.0), rapid.Just(math.Inf(1)), rapid.Just(math.NaN()))
	failed := rapid.SampledFrom([]bool{false, false, false, true})
	obs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Observation {
		o := Observation{At: time.Unix(rapid.Int64Range(0, 100).Draw(t, "at"), 0), Value: value.Draw(t, "value"), Failed: failed.Draw(t, "failed")}
		if math.IsInf(o.Value, 0) || math.IsNaN(o.Value) {
			o.Failed = true
		}
		o.Class = rapid.SampledFrom([]string{"200", TimedOut}).Draw(t, "class")
		return o
	}), 0, 120).Draw(t, "observations")
	return e, obs
}

func TestFindingsMakeSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, obs := drawn(t)
		f := Judge(e, obs, 10*time.Second)
		x, ok := Estimate(e, obs, 10*time.Second)
		if same := f.Estimate == x || math.IsNaN(x) && math.IsNaN(f.Estimate); !same || ok == math.IsNaN(x) {
			t.Fatalf("estimates differ: %v, %v and %v", x, ok, f.Estimate)
		}
		if ok && !(f.Interval.Low <= x && x <= f.Interval.High) {
			t.Fatalf("the interval does not hold the estimate: %+v", f)
		}
		if f.Reason == "" || f.Samples != len(obs) {
			t.Fatalf("%+v", f)
		}
		switch f.Outcome {
		case Held:
			if len(obs) == 0 || !e.Satisfied(x) || !e.Satisfied(f.Interval.Low) || !e.Satisfied(f.Interval.High) {
				t.Fatalf("held: %+v", f)
			}
		case Disproved:
			if len(obs) == 0 || e.Satisfied(x) {
				t.Fatalf("disproved: %+v", f)
			}
		case Inconclusive:
			return
		default:
			t.Fatalf("outcome %q", f.Outcome)
		}
		if f.Missing != 0 {
			t.Fatalf("settled, and %d missing", f.Missing)
		}
	})
}

// TestOppositesDisagree: what holds of one expectation is disproved of its negation, and doubt is doubt either way.
func TestOppositesDisagree(t *testing.T) {
	negation := map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
	opposite := map[Outcome]Outcome{Held: Disproved, Disproved: Held, Inconclusive: Inconclusive}
	rapid.Check(t, func(t *rapid.T) {
		e, obs := drawn(t)
		not := e
		not.Op = negation[e.Op]
		if a, b := Judge(e, obs, time.Second), Judge(not, obs, time.Second); b.Outcome != opposite[a.Outcome] {
			t.Fatalf("%s but %s", a.Reason, b.Reason)
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, obs := drawn(t)
		for i := range obs {
			obs[i].At = time.Unix(int64(i), 0)
		}
		a := Judge(e, obs, time.Second)
		shuffled := rapid.Permutation(obs).Draw(t, "shuffled")
		b := Judge(e, shuffled, time.Second)
		close := func(x, y float64) bool { // sums of floats depend on their order in the last digits
			return x == y || math.IsNaN(x) && math.IsNaN(y) || math.Abs(x-y) < 1e-9
		}
		if a.Outcome != b.Outcome || !close(a.Estimate, b.Estimate) || !close(a.Interval.Low, b.Interval.Low) || !close(a.Interval.High, b.Interval.High) {
			t.Fatalf("%+v and, shuffled, %+v", a, b)
		}
	})
}

// TestMoreOfTheSameNarrows: four times the same observations never give a wider interval, and never unsettle a finding.
func TestMoreOfTheSameNarrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, obs := drawn(t)
		if e.Statistic == "count" {
			return
		}
		one, four := Judge(e, obs, time.Second), Judge(e, slices.Repeat(obs, 4), 4*time.Second)
		const rounding = 1e-9
		if four.Interval.Low < one.Interval.Low-rounding || four.Interval.High > one.Interval.High+rounding {
			t.Fatalf("%d: %+v; %d: %+v", len(obs), one.Interval, 4*len(obs), four.Interval)
		}
		if one.Outcome != Inconclusive && four.Outcome != one.Outcome {
			t.Fatalf("%s but %s", one.Reason, four.Reason)
		}
	})
}

// TestMissingSettles: as many more observations, distributed alike, do settle it.
func TestMissingSettles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, obs := drawn(t)
		f := Judge(e, obs, time.Second)
		if f.Missing == 0 || e.Statistic == "mean" && len(obs) == 1 {
			return
		}
		s := newSample(e, obs, time.Second)
		s.sort()
		if in := statisticOf(e).interval(&s, s.n+f.Missing, DefaultConfidence); outcome(e, in) == Inconclusive {
			t.Fatalf("%s; but then %+v", f.Reason, in)
		}
	})
}

func TestFindingsSurviveJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, obs := drawn(t)
		f := Judge(e, obs, time.Second)
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var back Finding
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(back)
		if err != nil || string(again) != string(text) {
			t.Fatalf("%s became %s, %v", text, again, err)
		}
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		if !same(back.Estimate, f.Estimate) || !same(back.Interval.Low, f.Interval.Low) || !same(back.Interval.High, f.Interval.High) {
			t.Fatalf("%s: %+v became %+v", text, f, back)
		}
		if back.Outcome != f.Outcome || back.Reason != f.Reason || back.Expectation != f.Expectation || back.Missing != f.Missing {
			t.Fatalf("%+v became %+v", f, back)
		}
	})
}

func TestJSONOfInfinity(t *testing.T) {
	text, err := json.Marshal(Finding{Outcome: Inconclusive, Estimate: math.Inf(1), Interval: Interval{Low: 1, High: math.Inf(1), Confidence: 0.95}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"estimate":null`, `"interval":{"low":1,"high":null,"confidence":0.95}`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s lacks %s", text, want)
		}
	}
	if n := strings.Count(string(text), `"estimate"`); n != 1 {
		t.Errorf("%s has %d estimates", text, n)
	}
	var f Finding
	if err := json.Unmarshal(text, &f); err != nil || !math.IsNaN(f.Estimate) || !math.IsInf(f.Interval.High, 1) {
		t.Errorf("%+v, %v", f, err)
	}
	for _, bad := range []string{`{"interval":3}`, `{"estimate":"x"}`} {
		if err := json.Unmarshal([]byte(bad), &f); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	for _, text := range []string{"p99 < 400ms", "error_rate < 1%", "rate >= 10/s", "mean < 1s"} {
		b.Run(strings.Fields(text)[0], func(b *testing.B) {
			e := expect(b, text)
			obs := make([]Observation, 20_000)
			for i := range obs {
				obs[i].Value = float64(i*7919%20_000) / 50_000
			}
			b.ReportAllocs()
			for range b.N {
				Judge(e, obs, 10*time.Second)
			}
		})
	}
}
