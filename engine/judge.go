package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// judged is a finding with the measure it is of.
type judged struct {
	measure experiment.Measure
	finding verdict.Finding
}

// judgeWindow judges the current phase up to now, for the machine. In the fault phase, measures that only gate
// the start are left out.
func (r *runner) judgeWindow(now time.Time) judgment {
	baseline := r.m.state == baselining
	answer := settled
	var findings []judged
	for _, m := range r.x.Measures {
		if m.BaselineOnly && !baseline {
			continue
		}
		obs := r.source(m.Name).started(r.m.phaseFrom, now)
		obs = append(obs, r.overdue(m, obs, now)...)
		phase := PhaseFault
		if baseline {
			phase = PhaseBaseline
		}
		f := r.judgeIn(m, phase, obs, r.control(m).started(r.m.phaseFrom, now), r.m.phaseFrom, now)
		findings = append(findings, judged{m, f})
		if baseline && m.Against.Spared {
			continue // the fault that spares some is not there yet
		}
		answer = min(answer, weigh(f, whole(r.theirs(m, obs), now), now.Sub(r.m.phaseFrom)))
	}
	if baseline {
		r.baseline = findings
	} else if answer != refuted && r.m.stage+1 < len(r.m.spec.stages) && len(r.behind(r.m.phaseDue)) > 0 {
		return pending // the next stage waits for the whole answer
	}
	return answer
}

// overdue stands in for the requests of a load that were due in the current phase and have gone without an answer
// for longer than the measure allows: whatever they turn out to be, they violate it. Without them a stall
// would be judged by the requests that came before it. A system that has answered nothing at all is still starting.
func (r *runner) overdue(m experiment.Measure, obs []verdict.Observation, now time.Time) []verdict.Observation {
	if len(obs) == 0 || m.Expect.Unit != verdict.Seconds || m.Expect.Relative != "" || !strings.HasPrefix(m.Expect.Op, "<") {
		return nil
	}
	until := now.Add(-time.Duration(m.Expect.Threshold * float64(time.Second)))
	for _, l := range r.x.Loads {
		if m.Of != "load."+l.Name || !until.After(r.m.phaseFrom) {
			continue
		}
		wanted := due(l.Rate, r.m.phaseFrom.Sub(r.traffic.began), until.Sub(r.traffic.began))
		missing := enough*wanted - 1
		for _, o := range obs {
			if o.At.Before(until) {
				missing--
			}
		}
		if missing > 0 {
			return slices.Repeat([]verdict.Observation{{At: until, Value: math.Inf(1), Class: "unanswered"}}, int(math.Ceil(missing)))
		}
	}
	return nil
}

// weigh turns a finding into what it means for going on.
func weigh(f verdict.Finding, obs []verdict.Observation, window time.Duration) judgment {
	switch {
	case f.Outcome == verdict.Held:
		return settled
	case len(obs) == 0:
		return plausible // nothing is known yet: the first answers of a cold system take their time
	case f.Outcome == verdict.Inconclusive && f.Expectation.Relative != "":
		if math.IsNaN(f.Estimate) || f.Expectation.Satisfied(f.Estimate) { // two groups cannot be compared yet, as long as one is cold
			return plausible
		}
	case f.Outcome == verdict.Inconclusive:
		if x, ok := verdict.Estimate(f.Expectation, obs, window); ok && f.Expectation.Satisfied(x) {
			return plausible
		}
	}
	return refuted
}

// A second's answer to "does everything hold?".
type second int

const (
	fails   second = iota
	unknown        // no data, and none before
	holds
)

// enough is the part of the requests due, less one, that must have been answered for a window to count as complete:
// the schedule is known to a request, what was answered of it a moment ago is not.
const enough = 0.98

// steadySeconds is how many whole seconds in a row must hold before the steady state counts as back.
const steadySeconds = 3

// recovered looks for the steady state since the last revert, up to now: the first of min(3, length of the
// phase) consecutive whole seconds in each of which every judged measure's statistic satisfies its
// expectation. A second in which a measure has no data counts like the one before, since a probe may read
// less often than that. A comparison of two loads takes more than a second: none may be disproved in all of those
// together. failing tells a system that did not come back from one that was not seen.
func (r *runner) recovered(now time.Time) (rec Recovery, failing bool) {
	step := min(time.Second, r.x.Phases.Recovery)
	if step <= 0 || r.m.faultAt.IsZero() {
		return Recovery{}, false
	}
	from := r.spans[len(r.spans)-1].Start
	n := int(now.Sub(from) / step)
	need := min(steadySeconds, int(r.x.Phases.Recovery/step))
	answers := make([]second, n)
	for i := range answers {
		answers[i] = holds
	}
	for _, m := range r.x.Measures {
		if m.BaselineOnly || m.Against.Spared || m.Expect.Statistic == "count" || m.Expect.Fires() { // none is hit any more, a count depends on the length of its window, an alarm ends when it ends
			continue
		}
		for i, answer := range r.seconds(m, from, step, n) {
			answers[i] = min(answers[i], answer)
		}
	}
	run := 0
	for i, answer := range answers {
		failing = failing || answer == fails
		if answer != holds {
			run = 0
			continue
		}
		if run++; run < need {
			continue
		}
		since := from.Add(time.Duration(i+1-need) * step)
		if r.worse(since, since.Add(time.Duration(need)*step)) {
			failing = true
		} else {
			seconds := (time.Duration(i+1-need) * step).Seconds()
			return Recovery{Recovered: true, Seconds: &seconds}, false
		}
	}
	return Recovery{}, failing
}

// seconds answers for one measure.
func (r *runner) seconds(m experiment.Measure, from time.Time, step time.Duration, n int) []second {
	until := from.Add(time.Duration(n) * step)
	obs := whole(r.source(m.Name).started(from, until), until)
	slices.SortFunc(obs, func(a, b verdict.Observation) int { return a.At.Compare(b.At) })
	answers := make([]second, n)
	other := r.control(m).started(from, until)
	slices.SortFunc(other, func(a, b verdict.Observation) int { return a.At.Compare(b.At) })
	last := unknown
	for i := range answers {
		at := from.Add(time.Duration(i) * step)
		in, beside := between(obs, at, at.Add(step)), between(other, at, at.Add(step))
		switch {
		case !r.complete(m.Of, at, step, len(in)) || !r.complete(m.Against.Load, at, step, len(beside)):
			last = unknown
		case m.Against.Compares():
			last = holds // as far as a second tells
		default:
			last = r.secondOf(m, in, step, last)
		}
		answers[i] = last
	}
	return answers
}

// secondOf answers for one second whose answers are complete. Those of which nobody knows the version might be the measure's own.
func (r *runner) secondOf(m experiment.Measure, obs []verdict.Observation, step time.Duration, last second) second {
	own, doubtful := r.theirs(m, obs), r.watched(m.Name, obs)
	x, ok := verdict.Estimate(m.Expect, own, step)
	y, told := verdict.Estimate(m.Expect, doubtful, step)
	switch {
	case ok && !m.Expect.Satisfied(x):
		return fails
	case told && !m.Expect.Satisfied(y):
		return unknown
	case ok:
		return holds
	}
	return last
}

// complete says whether (nearly) all requests that a load started in a second have been answered: while the slow
// ones are still out, the others flatter the second.
func (r *runner) complete(of string, at time.Time, step time.Duration, have int) bool {
	for _, l := range r.x.Loads {
		if of == "load."+l.Name {
			since := at.Sub(r.traffic.began)
			return float64(have) >= enough*due(l.Rate, since, since+step)-1
		}
	}
	return true
}

// decide gives the run's verdict and its reason in a sentence. The order matters: what went wrong with the run
// itself comes before what the run found out.
func (r *runner) decide(res *Result, failing bool) (verdict.Outcome, string) {
	if len(res.Residue) > 0 {
		return verdict.Error, "not everything could be put back: " + residueText(res.Residue)
	}
	if stop := res.Stop; stop != nil {
		if stop.Kind == StopError {
			return verdict.Error, "the run itself failed: " + stop.Reason
		}
		if !slices.ContainsFunc(res.Conditions, func(c ConditionResult) bool { return c.Applied != nil }) {
			return verdict.Stopped, stop.Reason + "; nothing had been injected yet"
		}
		return verdict.Stopped, stop.Reason + "; everything was put back"
	}
	if r.m.refuted {
		return verdict.NotSteady, "nothing was injected, because the steady state does not hold: " + r.refutation()
	}
	if reason := unproven(res.Conditions); reason != "" {
		return verdict.Inconclusive, reason
	}
	return r.decideMeasures(res, failing)
}

// decideMeasures is decide for a run that took its course.
func (r *runner) decideMeasures(res *Result, failing bool) (verdict.Outcome, string) {
	var doubts []string
	for i, m := range res.Measures {
		if r.x.Measures[i].BaselineOnly {
			continue
		}
		for stage, f := range m.Stages {
			text := m.Name + r.stageText(stage) + ": " + f.Reason
			switch {
			case f.Outcome == verdict.Disproved:
				return verdict.Disproved, text
			case f.Outcome != verdict.Held && stage == len(m.Stages)-1:
				doubts = append(doubts, text)
			}
		}
	}
	for _, c := range res.Conditions {
		if c.Applied == nil {
			doubts = append(doubts, fmt.Sprintf("condition %s was never injected: the fault phase ended before it was due", c.Name))
		}
	}
	if len(doubts) > 0 {
		return verdict.Inconclusive, doubts[0]
	}
	if failing {
		return verdict.Disproved, fmt.Sprintf("the measures held under the fault, but the steady state did not come back within %s", r.x.Phases.Recovery)
	}
	return verdict.Held, "every measure held while the fault was there" + r.recoveryText()
}

func (r *runner) recoveryText() string {
	if r.recovery.Seconds == nil {
		return ""
	}
	if *r.recovery.Seconds == 0 {
		return ", and the steady state was back as soon as it was gone"
	}
	return fmt.Sprintf(", and the steady state was back %.0f s after it was gone", *r.recovery.Seconds)
}

// stageText says at which share a finding was made, if there were several.
func (r *runner) stageText(stage int) string {
	stages := r.m.spec.stages
	if len(stages) < 2 {
		return ""
	}
	return fmt.Sprintf(" at %g %% (stage %d of %d)", stages[stage], stage+1, len(stages))
}

// refutation says which measure kept the run from beginning.
func (r *runner) refutation() string {
	for _, outcome := range []verdict.Outcome{verdict.Disproved, verdict.Inconclusive} {
		for _, j := range r.baseline {
			if j.finding.Outcome == outcome {
				return j.measure.Name + ": " + j.finding.Reason
			}
		}
	}
	return "no measure was taken"
}

// unproven names a condition whose fault is not known to have hit anything.
func unproven(conditions []ConditionResult) string {
	for _, c := range conditions {
		switch {
		case c.Applied == nil:
		case !c.Proof.Known:
			return fmt.Sprintf("condition %s: there is no proof that the fault hit anything: its injections could not be counted", c.Name)
		case c.Proof.Fired == 0 && c.Proof.Planned > 0:
			return fmt.Sprintf("condition %s: the fault was planned %d times but never fired, so nothing was learnt about it", c.Name, c.Proof.Planned)
		case c.Proof.Fired == 0:
			return fmt.Sprintf("condition %s: the fault hit nothing, so nothing was learnt about it", c.Name)
		}
	}
	return ""
}

func residueText(residue []Residue) string {
	var parts []string
	for _, x := range residue {
		parts = append(parts, fmt.Sprintf("%s on %s (%s)", x.Condition, x.Target, x.Error))
	}
	return strings.Join(parts, "; ")
}
