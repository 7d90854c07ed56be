package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// comparisons say what the requests that were hit saw of the fault, beside those of the same seconds that were spared.
func comparisons(r *engine.Result) []string {
	var out []string
	for _, l := range r.Loads {
		during, ok := traffic(r, l, engine.PhaseFault)
		if c := during.Marked; ok && c != nil && len(c.Contrasts) > 0 {
			out = append(out, comparison(clean(l.Name), c))
		}
	}
	return out
}

func comparison(load string, c *engine.Comparison) string {
	var kinds []string
	for kind := range c.Kinds {
		kinds = append(kinds, clean(string(kind)))
	}
	slices.Sort(kinds)
	text := fmt.Sprintf("Of the requests of %s, %d were hit by %s and %d were spared", load, c.Hit, strings.Join(kinds, " or "), c.Spared)
	if c.Unmarked > 0 {
		text += fmt.Sprintf(" (%d unmarked)", c.Unmarked)
	}
	text += "."
	for _, x := range c.Contrasts {
		if x.Statistic == "error_rate" && x.Hit.Estimate == 0 && x.Spared.Estimate == 0 {
			continue
		}
		text += fmt.Sprintf(" %s: %s when hit, %s when spared, %s.", clean(x.Statistic), reading(x, x.Hit, c.Hit), reading(x, x.Spared, c.Spared), difference(x))
	}
	if at := slices.IndexFunc(c.Contrasts, func(x verdict.Contrast) bool { return x.Slower != nil }); at >= 0 {
		text += " " + pairs(*c.Contrasts[at].Slower)
	}
	return text
}

// pairs says how often a request that was hit took longer than one that was spared.
func pairs(slower verdict.Reading) string {
	percent := func(x float64) string { return fmt.Sprintf("%.0f", 100*x) }
	return fmt.Sprintf("A request that was hit took longer than one that was spared in %s of 100 pairs (%s to %s).", percent(slower.Estimate), percent(slower.Interval.Low), percent(slower.Interval.High))
}

// reading writes an estimate with its interval: "412 ms (405–430 ms)".
func reading(c verdict.Contrast, r verdict.Reading, samples int) string {
	f := verdict.Finding{Outcome: verdict.Held, Expectation: verdict.Expectation{Statistic: c.Statistic, Unit: c.Unit}, Estimate: r.Estimate, Interval: r.Interval, Samples: samples}
	text := estimate(f)
	if in := spread(f); in != "" {
		text += " (" + in + ")"
	}
	return text
}

// difference says how much more it is when hit, and what is known of that.
func difference(c verdict.Contrast) string {
	format := verdict.Expectation{Unit: c.Unit}.Format
	d := c.Difference
	text := format(math.Abs(d.Estimate)) + " more"
	if d.Estimate < 0 {
		text = format(-d.Estimate) + " less"
	}
	low, high := !math.IsInf(d.Interval.Low, 0), !math.IsInf(d.Interval.High, 0)
	switch {
	case d.Interval.Low <= 0 && d.Interval.High >= 0 && (!low || !high):
		return text + ", which so few requests leave open"
	case d.Interval.Low <= 0 && d.Interval.High >= 0:
		return text + ", which may be chance"
	case low && high:
		return fmt.Sprintf("%s (%s to %s)", text, format(d.Interval.Low), format(d.Interval.High))
	case low:
		return fmt.Sprintf("%s (at least %s)", text, format(d.Interval.Low))
	}
	return fmt.Sprintf("%s (at most %s)", text, format(d.Interval.High))
}
