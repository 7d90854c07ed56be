package engine

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// TestHarmEndsTheStage: what a canary does under the fault is known before the stage is over, and then nobody else has to feel it.
func TestHarmEndsTheStage(t *testing.T) {
	for _, tt := range []struct {
		name        string
		more        time.Duration
		want        verdict.Outcome
		least, most time.Duration // that the fault is there
	}{
		{"harm", 100 * time.Millisecond, verdict.Disproved, 4 * time.Second, 17 * time.Second},
		{"none", 0, verdict.Held, 20 * time.Second, 21 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := twoVersions(t, tt.more, 11*time.Second)
			if r.Verdict != tt.want || r.Stop != nil {
				t.Errorf("%s: %s", r.Verdict, r.Reason)
			}
			at := slices.IndexFunc(r.Phases, func(p PhaseSpan) bool { return p.Name == PhaseFault })
			if took := r.Phases[at].End.Sub(r.Phases[at].Start); took < tt.least || took > tt.most {
				t.Errorf("the fault was there for %s", took)
			}
			told := slices.ContainsFunc(r.Notes, func(n string) bool {
				return strings.HasPrefix(n, "the stage was ended early, because harm was certain: canary latency: p95 is +")
			})
			if told != (tt.want == verdict.Disproved) {
				t.Errorf("notes: %q", r.Notes)
			}
			if at := slices.IndexFunc(r.Conditions, func(c ConditionResult) bool { return c.Reverted == nil }); at >= 0 {
				t.Errorf("not put back: %+v", r.Conditions[at])
			}
		})
	}
}

func TestCorrect(t *testing.T) {
	compares := func(p float64) MeasureResult {
		f := verdict.Finding{Expectation: verdict.Expectation{Relative: verdict.RatioTo}, Outcome: verdict.Disproved, P: p}
		return MeasureResult{Fault: f, Stages: []verdict.Finding{f}}
	}
	stays := MeasureResult{Stages: []verdict.Finding{{Outcome: verdict.Disproved}, {Outcome: verdict.Held}}, Fault: verdict.Finding{Outcome: verdict.Held}}
	measures := []MeasureResult{compares(0.03), compares(0.001), stays, {}}
	correct(measures)
	if measures[0].Fault.Outcome != verdict.Disproved || measures[1].Fault.Outcome != verdict.Disproved {
		t.Errorf("two of two: %+v", measures[:2])
	}
	measures = []MeasureResult{compares(0.03), compares(0.02), stays, compares(1)}
	correct(measures)
	for _, i := range []int{0, 1} {
		if m := measures[i]; m.Fault.Outcome != verdict.Inconclusive || m.Fault.Cause != verdict.TooManyComparisons || m.Stages[0].Outcome != m.Fault.Outcome {
			t.Errorf("%d: %+v", i, m)
		}
	}
	if measures[2].Stages[0].Outcome != verdict.Disproved || measures[2].Fault.Outcome != verdict.Held {
		t.Errorf("what compares nothing was changed: %+v", measures[2])
	}
	correct(nil)
}

// A machine in any other state than the fault phase takes no notice of harm: late news must not end a run that is being put back.
func TestHarmOnlyCountsUnderTheFault(t *testing.T) {
	for s := resolving; s <= finished; s++ {
		m := newMachine(spec{stages: []float64{100}, baseline: time.Hour, recovery: time.Hour, fault: time.Hour})
		m.state, m.busy, m.phaseEnd, m.nextCheck = s, true, time.Unix(7200, 0), time.Unix(7200, 0)
		m.Step(event{kind: evHarm, at: time.Unix(1, 0)})
		if want := s; s == observing && m.state != restoring || s != observing && m.state != want {
			t.Errorf("%s: %s", s, m.state)
		}
	}
}
