package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// title names the experiment of a result.
func title(r *engine.Result) string {
	if r.Experiment == nil {
		return "unknown experiment"
	}
	if t := clean(r.Experiment.Title); t != "" {
		return t
	}
	if f := clean(r.Experiment.File); f != "" {
		return f
	}
	return "untitled experiment"
}

// file is the experiment's file, or empty.
func file(r *engine.Result) string {
	if r.Experiment == nil {
		return ""
	}
	return clean(r.Experiment.File)
}

func objective(r *engine.Result) string {
	if r.Experiment == nil {
		return ""
	}
	return clean(r.Experiment.Objective)
}

// expected is what a measure's findings were held against, or would have been, wherever the run got to.
func expected(r *engine.Result, m engine.MeasureResult) verdict.Expectation {
	for _, f := range []verdict.Finding{m.Fault, m.Baseline, m.Recovery} {
		if f.Expectation.Statistic != "" {
			return f.Expectation
		}
	}
	if r.Experiment != nil {
		for _, x := range r.Experiment.Measures {
			if x.Name == m.Name {
				return x.Expect
			}
		}
	}
	return verdict.Expectation{}
}

// decisive is the finding that a measure's outcome rests on: under the fault, or before it where the run got no further
// or the measure only gates the start.
func decisive(m engine.MeasureResult) verdict.Finding {
	if m.Fault.Outcome != "" {
		return m.Fault
	}
	return m.Baseline
}

// judgedIn says on which phase decisive rests.
func judgedIn(m engine.MeasureResult) string {
	switch {
	case m.Fault.Outcome != "":
		return engine.PhaseFault
	case m.Baseline.Outcome != "":
		return engine.PhaseBaseline
	}
	return ""
}

// plan finds the experiment's own words on a condition.
func plan(r *engine.Result, of engine.ConditionResult) experiment.Condition {
	if r.Experiment != nil {
		for _, c := range r.Experiment.Conditions {
			if c.Name == cmp.Or(of.Condition, of.Name) {
				return c
			}
		}
	}
	return experiment.Condition{}
}

// change says what a condition does, in a phrase: "latency on 25 % of inventory".
func change(r *engine.Result, c engine.ConditionResult) string {
	p := plan(r, c)
	target := p.Target.String()
	if target == "" || c.Condition != "" { // one of several
		target = strings.TrimPrefix(c.Target, c.Kind+":")
	}
	kind := c.Kind
	if kind == "" {
		kind = p.Fault
	}
	if p.Percentage == 0 { // there, or not
		return clean(kind) + " on " + clean(target)
	}
	return clean(kind) + " on " + plain(p.Percentage) + " % of " + clean(target)
}

// settings lists a condition's attributes, in a fixed order: "max_latency 600 ms, min_latency 200 ms".
func settings(c experiment.Condition) string {
	var parts []string
	for name, value := range c.With {
		text := fmt.Sprintf("%s %v", name, value)
		if strings.HasSuffix(name, "_latency") || strings.HasSuffix(name, "_ms") {
			text += " ms"
		}
		parts = append(parts, clean(text))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

// proof says what is known of the injections, and whether that is what a verdict needs.
func proof(r *engine.Result, c engine.ConditionResult) (text string, ok bool) {
	p := c.Proof
	switch whole := plan(r, c).Percentage == 0; {
	case c.Applied == nil:
		return "never injected", false
	case !p.Known:
		return "not counted", false
	case whole && p.Fired > 0:
		return "was in effect", true
	case whole:
		return "was not in effect", false
	case p.Planned == 0 && p.Fired == 0:
		return "none fired", false
	case p.Fired == p.Planned:
		return fmt.Sprintf("%d fired", p.Fired), true
	}
	return fmt.Sprintf("%d of %d planned fired", p.Fired, p.Planned), p.Fired > 0
}

// recovery says in a phrase how the steady state came back; empty if nothing was injected.
func recovery(r *engine.Result) string {
	if len(phases(r, engine.PhaseFault)) == 0 {
		return ""
	}
	switch {
	case r.Recovery.Recovered && r.Recovery.Seconds != nil && *r.Recovery.Seconds == 0:
		return "at once"
	case r.Recovery.Recovered && r.Recovery.Seconds != nil:
		return plain(*r.Recovery.Seconds) + " s after the fault was gone"
	case r.Recovery.Recovered:
		return "yes"
	case len(phases(r, engine.PhaseRecovery)) == 0:
		return "not observed"
	}
	return "not seen in " + span(length(phases(r, engine.PhaseRecovery)))
}

// phaseIndices are the indices of the phases of a name.
func phaseIndices(r *engine.Result, name string) []int {
	var at []int
	for i, p := range r.Phases {
		if p.Name == name {
			at = append(at, i)
		}
	}
	return at
}

func phases(r *engine.Result, name string) []engine.PhaseSpan {
	var out []engine.PhaseSpan
	for _, i := range phaseIndices(r, name) {
		out = append(out, r.Phases[i])
	}
	return out
}

func length(spans []engine.PhaseSpan) time.Duration {
	var total time.Duration
	for _, p := range spans {
		total += p.End.Sub(p.Start)
	}
	return total
}

// phaseTitle names a phase with its stage, where there are several.
func phaseTitle(r *engine.Result, p engine.PhaseSpan) string {
	if p.Name == engine.PhaseFault && len(phases(r, engine.PhaseFault)) > 1 {
		return fmt.Sprintf("fault, %s %%", plain(p.Share))
	}
	return clean(p.Name)
}

// traffic is a load's statistics in the last phase of a name; false if there is none.
func traffic(r *engine.Result, l engine.LoadResult, name string) (engine.TrafficStats, bool) {
	at := phaseIndices(r, name)
	if len(at) == 0 || at[len(at)-1] >= len(l.Phases) {
		return engine.TrafficStats{}, false
	}
	return l.Phases[at[len(at)-1]], true
}

// classes lists outcomes by how often they came: "200: 593, timeout: 7".
func classes(counts map[string]int) string {
	names := make([]string, 0, len(counts))
	for name := range counts {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	parts := make([]string, len(names))
	for i, name := range names {
		parts[i] = fmt.Sprintf("%s: %d", clean(name), counts[name])
	}
	return strings.Join(parts, ", ")
}
