package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestHolm(t *testing.T) {
	nan := math.NaN()
	for _, tt := range []struct{ p, want []float64 }{
		{nil, []float64{}},
		{[]float64{0.03}, []float64{0.03}},
		// J. P. Shaffer, Annual Review of Psychology 46 (1995), works Holm's procedure through; adjusted by hand: 4·0.005, 3·0.01, then 2·0.03 and no less.
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{[]float64{0.02, 0.02, 0.02}, []float64{0.06, 0.06, 0.06}},
		{[]float64{0, 1, 2, -1}, []float64{0, 1, 1, 0}},
		{[]float64{nan, 0.01}, []float64{1, 0.02}},
	} {
		got := Holm(tt.p)
		if !slices.EqualFunc(got, tt.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) {
			t.Errorf("%v: %v; want %v", tt.p, got, tt.want)
		}
	}
}

func TestCorrect(t *testing.T) {
	relative := Expectation{Statistic: "p95", Relative: RatioTo}
	findings := []Finding{
		{Expectation: relative, Outcome: Disproved, P: 0.02, Reason: "x"},
		{Expectation: relative, Outcome: Disproved, P: 1e-6},
		{Expectation: relative, Outcome: Held},
		{Expectation: relative, Outcome: Inconclusive, Cause: TooFewSamples},
		{Expectation: Expectation{Statistic: "p95"}, Outcome: Disproved},
	}
	got := Correct(findings, 0)
	var outcomes []Outcome
	for _, f := range got {
		outcomes = append(outcomes, f.Outcome)
	}
	if want := []Outcome{Inconclusive, Disproved, Held, Inconclusive, Disproved}; !slices.Equal(outcomes, want) {
		t.Errorf("%v; want %v", outcomes, want)
	}
	if f := got[0]; f.Cause != TooManyComparisons || !strings.Contains(f.Reason, "among 4 comparisons") || !strings.Contains(f.Reason, "p = 0.02, 0.06 after") {
		t.Errorf("%+v", f)
	}
	if findings[0].Outcome != Disproved {
		t.Error("the caller's findings were changed")
	}
	if got := Correct(findings[:1], 0.95); got[0].Outcome != Disproved {
		t.Errorf("alone: %+v", got[0])
	}
}

// TestFamilyWiseError: of twenty comparisons without a difference, one too many is found in 40 of 100 runs; corrected, in 2.5 at most.
func TestFamilyWiseError(t *testing.T) {
	const runs, measures = 200, 20
	r := rand.New(rand.NewPCG(20, 1))
	e := expect(t, "error_rate <= +0%")
	draw := func() []Observation { return failures(int(100+r.NormFloat64()*math.Sqrt(90)), 1000) }
	alone, corrected := 0, 0
	for range runs {
		findings := make([]Finding, measures)
		for i := range findings {
			findings[i] = JudgeAgainst(e, draw(), draw(), Versus{})
		}
		guilty := func(fs []Finding) bool {
			return slices.ContainsFunc(fs, func(f Finding) bool { return f.Outcome == Disproved })
		}
		if guilty(findings) {
			alone++
		}
		if guilty(Correct(findings, 0.95)) {
			corrected++
		}
	}
	if alone < runs/5 || float64(corrected)/runs > 0.025+3*math.Sqrt(0.025/runs) {
		t.Errorf("%d of %d found guilty alone, %d corrected", alone, runs, corrected)
	}
}
