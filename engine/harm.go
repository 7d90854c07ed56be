package engine

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// harmLooks is how often the measures that compare two groups are judged in each stage of the fault phase, the last time at its end. When harm
// is certain the stage ends: nobody else needs to feel it.
const harmLooks = 5

// lastLook plans the looks of a measure. Several share what may be spent before the end; at the end Holm's correction divides it.
func lastLook() verdict.Sequential { return verdict.Sequential{Looks: harmLooks} }

// A harmWatch remembers which looks at the current stage are over.
type harmWatch struct {
	stage time.Time // when it began
	done  int
}

// checkHarm takes the next look, if it is due.
func (r *runner) checkHarm(now time.Time) {
	w := &r.watch.harm
	if !w.stage.Equal(r.m.phaseFrom) {
		*w = harmWatch{stage: r.m.phaseFrom}
	}
	length := r.m.phaseDue.Sub(r.m.phaseFrom)
	due := min(harmLooks-1, int(harmLooks*now.Sub(r.m.phaseFrom)/max(1, length)))
	if due <= w.done {
		return
	}
	w.done = due
	if r.o.UntilDisproved {
		if reason := r.certainDisproof(now, due); reason != "" {
			r.note("the fault phase was ended early, because it is certain that it does not hold: " + reason)
			r.handle(event{kind: evHarm, at: now})
			return
		}
	}
	compared := r.comparing()
	if len(compared) == 0 {
		return
	}
	alpha := verdict.Sequential{Alpha: (1 - verdict.DefaultConfidence) / float64(len(compared)), Looks: harmLooks}.Look(due)
	if alpha == 0 {
		return
	}
	for _, m := range compared {
		own, other := r.source(m.Name).started(r.m.phaseFrom, now), r.control(m).started(r.m.phaseFrom, now)
		if f := sidesOf(r.run, m, own, other).judge(m, r.m.phaseFrom, now, alpha); f.Outcome == verdict.Disproved {
			r.note(fmt.Sprintf("the stage was ended early, because harm was certain: %s: %s", m.Name, f.Reason))
			r.handle(event{kind: evHarm, at: now})
			return
		}
	}
}

// comparing are the measures that compare two groups under the fault.
func (r *runner) comparing() []experiment.Measure {
	var out []experiment.Measure
	for _, m := range r.x.Measures {
		if m.Against.Compares() && !m.BaselineOnly {
			out = append(out, m)
		}
	}
	return out
}

// correct makes each stage's disproofs survive that there are several comparisons.
func correct(measures []MeasureResult) {
	stages := 0
	for _, m := range measures {
		stages = max(stages, len(m.Stages))
	}
	for stage := range stages {
		var at []int
		var findings []verdict.Finding
		for i, m := range measures {
			if stage < len(m.Stages) {
				at, findings = append(at, i), append(findings, m.Stages[stage])
			}
		}
		for k, f := range verdict.Correct(findings, 1-lastLook().Look(harmLooks)) {
			m := &measures[at[k]]
			m.Stages[stage] = f
			m.Fault = m.Stages[len(m.Stages)-1]
		}
	}
}
