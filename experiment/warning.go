package experiment

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// warnings say what is allowed and probably not meant.
func (d *decoder) warnings(x *Experiment) {
	if anyFatal(d.problems) {
		return // mistakes come first
	}
	for _, name := range d.unused {
		d.warn("vars."+name, "variable "+name+" is not used", "")
	}
	for i, m := range x.Measures {
		path := index("measures", i) + ".expect"
		needed := verdict.SamplesNeeded(m.Expect)
		if needed == 0 {
			d.warn(path, fmt.Sprintf("%s can never be held: no sample shows it for certain", m.Expect.Text), "allow a little, such as error_rate < 1%")
			continue
		}
		d.warnOfFew(x, m, path, needed)
		d.warnOfComparison(x, m, index("measures", i))
	}
}

// warnOfComparison warns of what a measure that compares two groups cannot find out.
func (d *decoder) warnOfComparison(x *Experiment, m Measure, path string) {
	everybody := func(c Condition) bool { return c.Percentage == 100 && len(c.Match) == 0 }
	if m.Against.Spared && slices.Max(x.Stages) == 100 && !slices.ContainsFunc(x.Conditions, func(c Condition) bool { return !everybody(c) }) {
		d.warn(join(path, "against"), "nobody is spared: every condition hits all requests", "give the condition a percentage, such as 50%")
	}
	errors := func(other Measure) bool {
		return other.Of == m.Of && other.ByVersion == m.ByVersion && other.Expect.Statistic == "error_rate" && !other.BaselineOnly
	}
	delivers := m.Against.Compares() && !m.Against.Spared && m.Expect.Statistic != "error_rate"
	if delivers && !slices.ContainsFunc(x.Measures, errors) {
		d.warn(join(path, "expect"), m.Expect.Text+" is of those that fail, too, and errors are often fast: nothing says how many do", "add a measure with expect: error_rate <= +1%")
	}
}

// warnOfFew warns of phases that are too short for a verdict.
func (d *decoder) warnOfFew(x *Experiment, m Measure, path string, needed int) {
	type span struct {
		key          string
		start, lasts time.Duration
	}
	var spans []span
	if !m.Against.Spared { // before the fault nobody is hit
		spans = append(spans, span{"phases.baseline_max", 0, x.Phases.BaselineMax})
	}
	if !m.BaselineOnly {
		spans = append(spans, span{"phases.fault", x.Phases.Baseline, x.Phases.Fault})
	}
	for _, s := range spans {
		got, of := x.samples(m, s.start, s.lasts), ""
		if x.findLoad(m.Against.Load) != nil {
			if control := x.samples(Measure{Of: m.Against.Load}, s.start, s.lasts); control < got {
				got, of = control, " of "+m.Against.Load
			}
		}
		if got >= float64(needed) {
			continue
		}
		hint := "raise the rate of the load"
		if got > 0 {
			long := time.Duration(float64(s.lasts) * float64(needed) / got)
			hint = fmt.Sprintf("%s: %s would do", s.key, (long + time.Second - 1).Truncate(time.Second))
		}
		d.warn(path, fmt.Sprintf("%s takes at least %d samples%s to be held, but %s of %s gives about %.0f", m.Expect.Text, needed, of, s.key, s.lasts, math.Floor(got)), hint)
	}
}

// samples is how many observations a measure makes in a time span that begins start after the load does.
func (x *Experiment) samples(m Measure, start, lasts time.Duration) float64 {
	l := x.findLoad(m.Of)
	if l == nil {
		if m.Late() > 0 {
			return math.Floor(float64(lasts) / float64(m.Probe.Period))
		}
		return math.Floor(float64(lasts)/float64(m.Every)) + 1
	}
	return area(l.Rate, start+lasts) - area(l.Rate, start)
}

// area is how many requests are due until an instant: the integral of the rate.
func area(steps []RateStep, until time.Duration) float64 {
	total := 0.0
	for _, s := range steps {
		spent := min(until, s.For)
		if s.For == 0 {
			spent = until
		}
		end := s.To
		if s.For > 0 {
			end = s.From + (s.To-s.From)*spent.Seconds()/s.For.Seconds()
		}
		total += (s.From + end) / 2 * spent.Seconds()
		if until -= spent; until <= 0 {
			break
		}
	}
	return total
}
