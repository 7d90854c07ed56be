package experiment

import (
	"fmt"
	"math"
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
	}
}

// warnOfFew warns of phases that are too short for a verdict.
func (d *decoder) warnOfFew(x *Experiment, m Measure, path string, needed int) {
	type span struct {
		key          string
		start, lasts time.Duration
	}
	spans := []span{{"phases.baseline_max", 0, x.Phases.BaselineMax}}
	if !m.BaselineOnly {
		spans = append(spans, span{"phases.fault", x.Phases.Baseline, x.Phases.Fault})
	}
	for _, s := range spans {
		got := x.samples(m, s.start, s.lasts)
		if got >= float64(needed) {
			continue
		}
		hint := "raise the rate of the load"
		if got > 0 {
			long := time.Duration(float64(s.lasts) * float64(needed) / got)
			hint = fmt.Sprintf("%s: %s would do", s.key, (long + time.Second - 1).Truncate(time.Second))
		}
		d.warn(path, fmt.Sprintf("%s takes at least %d samples to be held, but %s of %s gives about %.0f", m.Expect.Text, needed, s.key, s.lasts, math.Floor(got)), hint)
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
