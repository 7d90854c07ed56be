package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// insights are sentences on what the numbers show, beside what was asked: what users felt, signs of a timeout,
// doubts about the load generator. Each follows from the result alone.
func insights(r *engine.Result) []string {
	out := way(r)
	for _, l := range r.Loads {
		before, ok := traffic(r, l, engine.PhaseBaseline)
		during, injected := traffic(r, l, engine.PhaseFault)
		if ok && !injected && before.Errors > 0 {
			out = append(out, fmt.Sprintf("Before any fault %d of %s of %s failed: %s.", before.Errors, counted(before.Due, "request"), clean(l.Name), failures(before)))
		}
		if !ok || !injected || absent(r) || before.Due == 0 || during.Due == 0 {
			continue
		}
		phase := "the fault"
		if n := len(phases(r, engine.PhaseFault)); n > 1 {
			phase = "the last stage of the fault"
		}
		out = append(out, felt(phase, l, before, during))
		if p, ok := findPlateau(r, l, before, during); ok {
			out = append(out, p.sentence(r, l))
		}
	}
	out = append(out, comparisons(r)...)
	for _, l := range r.Loads {
		if s := behind(r, l); s != "" {
			out = append(out, s)
		}
	}
	return append(out, budgets(r)...)
}

// budgets say how much of each was used up.
func budgets(r *engine.Result) []string {
	var out []string
	for _, b := range r.Budgets {
		text := fmt.Sprintf("Of a budget of %d %s, %d were used up", b.Most, clean(b.What), b.Used)
		if b.File != "" {
			text += " (" + clean(b.File) + ")"
		}
		out = append(out, text+".")
	}
	return out
}

// absent says that no fault ever fired, so that nothing was felt of it.
func absent(r *engine.Result) bool {
	for _, c := range r.Conditions {
		if !c.Proof.Known || c.Proof.Fired > 0 {
			return false
		}
	}
	return true
}

// felt compares what users of a load saw before and during the fault.
func felt(phase string, l engine.LoadResult, before, during engine.TrafficStats) string {
	text := fmt.Sprintf("During %s %s of %s", phase, counted(during.Due, "request"), clean(l.Name))
	if during.Due == 1 {
		text += " was due, and "
	} else {
		text += " were due, and "
	}
	switch {
	case during.Errors == 0 && during.Due == 1:
		text += "it did not fail."
	case during.Errors == 0:
		text += "none failed."
	default:
		text += fmt.Sprintf("%d failed (%s; %s before).", during.Errors, share(during.Errors, during.Due), share(before.Errors, before.Due))
	}
	text += otherAnswers(before, during)
	if before.P95 > 0 && during.P95 > 0 {
		text += fmt.Sprintf(" The median answer took %s (%s before), the slowest 5 %% took %s or more (%s before).",
			seconds(during.P50), seconds(before.P50), seconds(during.P95), seconds(before.P95))
	}
	return text
}

// otherAnswers names the answers that users got during the fault only: a shop that answers 202 instead of 200 has
// not failed, and is not the same. Answers that are errors are counted as such.
func otherAnswers(before, during engine.TrafficStats) string {
	var names []string
	changed := 0
	for class, n := range during.Classes {
		if before.Classes[class] == 0 && len(class) == 3 && class[0] < '4' && n > 0 {
			names = append(names, clean(class))
			changed += n
		}
	}
	if changed == 0 {
		return ""
	}
	slices.Sort(names)
	return fmt.Sprintf(" %s were answered %s, which did not happen before.", share(changed, during.Due), strings.Join(names, " or "))
}

// failures are the classes of answers that are errors, the most frequent first.
func failures(s engine.TrafficStats) string {
	var names []string
	for class, n := range s.Classes {
		if n > 0 && (len(class) != 3 || class[0] >= '4') {
			names = append(names, class)
		}
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(s.Classes[y]-s.Classes[x], strings.Compare(x, y))
	})
	for i, class := range names {
		names[i] = fmt.Sprintf("%s (%d)", clean(class), s.Classes[class])
	}
	return strings.Join(names, ", ")
}

// A plateau is a latency that many requests share, as they do where something gives up after a fixed time.
type plateau struct {
	at    float64 // seconds
	share int     // percent of the requests, at least
}

// The signs of a plateau: many requests differ by little, and are far slower than before.
const (
	plateauWidth   = 1.15 // up to the 95th percentile; the slowest of all may have waited for other things, too
	plateauTail    = 2.0  // up to the 99th
	plateauRise    = 3.0
	plateauMinimum = 0.05 // seconds; below it, waiting for a timeout and working hard look alike
)

// findPlateau looks for a timeout in the latencies under the fault. A fault that itself lasts that long explains
// the plateau, so that nothing is said then.
func findPlateau(r *engine.Result, l engine.LoadResult, before, during engine.TrafficStats) (plateau, bool) {
	levels := []struct {
		value, before float64
		share         int
	}{{during.P50, before.P95, 50}, {during.P90, before.P95, 10}}
	for _, q := range levels {
		if q.value < plateauMinimum || q.value < plateauRise*q.before || during.P95 > plateauWidth*q.value || during.P99 > plateauTail*q.value {
			continue
		}
		if explained(r, during.P95, 0.95) && explained(r, q.value, 1-float64(q.share)/100) || timedOut(r, l, q.value) {
			return plateau{}, false
		}
		return plateau{q.value, q.share}, true
	}
	return plateau{}, false
}

// explained says whether a latency is what the fault itself puts at that quantile, so that nobody need have given up.
func explained(r *engine.Result, at, quantile float64) bool {
	if r.Experiment == nil {
		return false
	}
	for _, c := range r.Experiment.Conditions {
		if c.Fault == "cpu" {
			return true // nobody knows how much slower work gets, and equal work gets equally slow
		}
		low, high, ok := delays(c.With)
		injected := low + quantile*(high-low)
		if ok && at > injected*0.95 && at < injected*1.3 {
			return true
		}
	}
	return false
}

// delays are the bounds of the uniform or fixed delays that attributes ask for, with the defaults of fault sets.
func delays(with map[string]any) (low, high float64, ok bool) {
	low, hasLow := milliseconds(with["min_latency"])
	high, hasHigh := milliseconds(with["max_latency"])
	mean, hasMean := milliseconds(with["mean"])
	_, varies := with["stddev"]
	switch {
	case varies || with["distribution"] == "normal" || with["distribution"] == "exponential":
		return 0, 0, false
	case hasMean:
		return mean, mean, true
	case hasLow && !hasHigh:
		return low, low, true
	}
	return low, high, hasHigh
}

func milliseconds(v any) (seconds float64, ok bool) {
	switch x := v.(type) {
	case float64:
		return x / 1000, true
	case int:
		return float64(x) / 1000, true
	}
	return 0, false
}

// timedOut says whether a latency is that at which the load generator itself gave up.
func timedOut(r *engine.Result, l engine.LoadResult, at float64) bool {
	if r.Experiment == nil {
		return false
	}
	for _, x := range r.Experiment.Loads {
		if x.Name == l.Name && x.Timeout > 0 && math.Abs(at-x.Timeout.Seconds()) < 0.05*x.Timeout.Seconds() {
			return true
		}
	}
	return false
}

func (p plateau) sentence(r *engine.Result, l engine.LoadResult) string {
	text := fmt.Sprintf("At least %d %% of the requests took almost the same time, %s: that is what a timeout of that length looks like.",
		p.share, roundSeconds(p.at))
	limit, ok := latencyLimit(r, l.Name)
	switch {
	case !ok:
	case p.at > limit:
		text += fmt.Sprintf(" It is longer than the limit of %s, so whatever happens after it comes too late: look for it on the way to the target, and shorten it.", seconds(limit))
	default:
		text += fmt.Sprintf(" It is shorter than the limit of %s: it is what kept the fault from the users.", seconds(limit))
	}
	return text
}

// roundSeconds writes a latency with two digits: a timeout is only seen through the work around it.
func roundSeconds(x float64) string {
	magnitude := math.Pow(10, math.Floor(math.Log10(x))-1)
	return "about " + seconds(math.Round(x/magnitude)*magnitude)
}

// latencyLimit is the tightest upper limit that a measure sets on a load's latency.
func latencyLimit(r *engine.Result, load string) (float64, bool) {
	limit, found := math.Inf(1), false
	for _, m := range r.Measures {
		e := expected(r, m)
		if isOf(m, e, load, verdict.Seconds) && strings.HasPrefix(e.Op, "<") {
			limit, found = math.Min(limit, e.Threshold), true
		}
	}
	return limit, found
}

// A generator may start 1 % of its requests so late, in seconds or as a part of the limit, before the reader must
// know. Latency counts from the intended start, so that the lateness is in the numbers, not hidden beside them.
const (
	tolerableLateness = 0.01
	tolerablePart     = 0.1
)

// behind says that a load generator did not keep its schedule.
func behind(r *engine.Result, l engine.LoadResult) string {
	dropped, due, late := 0, 0, 0.0
	for _, p := range l.Phases {
		dropped += p.Dropped
		due += p.Due
		late = math.Max(late, p.LateP99)
	}
	var parts []string
	if dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s were never sent, because too many were under way; they count as failed", dropped, counted(due, "request")))
	}
	tolerable := tolerableLateness
	if limit, ok := latencyLimit(r, l.Name); ok {
		tolerable = math.Max(tolerable, tolerablePart*limit)
	}
	if late > tolerable {
		parts = append(parts, fmt.Sprintf("1 %% of the requests started %s late or later, which counts into their latency: this machine was busy", seconds(late)))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("The load generator of %s fell behind its schedule: %s.", clean(l.Name), strings.Join(parts, "; and "))
}
