package verdict

import (
	"fmt"
	"math"
	"time"
)

// A Cause names what keeps two groups from being compared. None is a pass, and none a failure: a finding with a cause is inconclusive.
type Cause string

// The causes.
const (
	NoData             Cause = "no-data"              // neither group has observations
	EmptySubject       Cause = "empty-subject"        // nothing reached what is judged
	EmptyControl       Cause = "empty-control"        // there is nothing to compare with
	ClockSkew          Cause = "clock-skew"           // observations lie outside of the window: somebody's clock is wrong
	MeasurementOutage  Cause = "measurement-outage"   // all readings failed, or they ended before the window did
	ControlUnhealthy   Cause = "control-unhealthy"    // more than half of the control failed: being no worse than that says nothing
	SubjectUnhealthy   Cause = "subject-unhealthy"    // more than half of the subject failed: errors are often fast
	NotANumber         Cause = "not-a-number"         // the difference is not defined: a share of zero, or of what never ended
	OneSample          Cause = "one-sample"           // a group has a single observation
	TooFewSamples      Cause = "too-few-samples"      // a group has fewer than the statistic needs, however they turn out
	Constant           Cause = "constant"             // the observations show no spread, and the interval would be made of it
	Ties               Cause = "ties"                 // the clock is too coarse for the margin
	Unattributed       Cause = "unattributed"         // too many observations of which nobody knows the group
	NotComparable      Cause = "not-comparable"       // the expectation does not compare, or not this statistic
	TooManyComparisons Cause = "too-many-comparisons" // disproved alone, but not among so many: see Correct
)

// A few observations from beyond the window are a matter of rounding; more than this share is one of clocks.
const skewed = 0.05

// enoughForGaps is from how many observations on a last third without any is no chance: (2/3)^12 is less than 1 %.
const enoughForGaps = 12

// unusable finds what is wrong with the observations themselves, before anything is computed.
func unusable(e Expectation, subject, control []Observation, o Versus) (Cause, string) {
	switch {
	case len(subject)+len(control) == 0:
		return NoData, "there are no observations, of neither group"
	case len(subject) == 0:
		return EmptySubject, fmt.Sprintf("there are no observations to compare with the control's %d", len(control))
	case len(control) == 0:
		return EmptyControl, fmt.Sprintf("there is nothing to compare with: the control has no observations, against %d", len(subject))
	}
	for _, group := range []struct {
		name string
		obs  []Observation
	}{{"subject", subject}, {"control", control}} {
		if cause, why := outage(group.obs, o.From, o.To); cause != "" {
			return cause, "of the " + group.name + ", " + why
		}
	}
	if broken(control) {
		return ControlUnhealthy, fmt.Sprintf("more than half of the control failed (%d of %d): to be no worse says nothing", failedOf(control), len(control))
	}
	if broken(subject) && e.Statistic != "error_rate" {
		return SubjectUnhealthy, fmt.Sprintf("more than half failed (%d of %d), and how fast errors are says nothing", failedOf(subject), len(subject))
	}
	return "", ""
}

func failedOf(obs []Observation) (failed int) {
	for _, o := range obs {
		if o.Failed {
			failed++
		}
	}
	return failed
}

func broken(obs []Observation) bool { return 2*failedOf(obs) > len(obs) }

// outage tells a measurement that broke off from one that went on: nothing at all was seen in the last third of the window.
func outage(obs []Observation, from, to time.Time) (Cause, string) {
	unread := 0
	for _, o := range obs {
		if math.IsNaN(o.Value) {
			unread++
		}
	}
	if unread == len(obs) {
		return MeasurementOutage, fmt.Sprintf("not one of %s could be read", plural(len(obs), "observation"))
	}
	if !to.After(from) {
		return "", ""
	}
	outside := 0
	var last time.Time
	for _, o := range obs {
		end := o.At.Add(o.Span)
		if o.At.Before(from) || end.After(to) {
			outside++
			continue
		}
		if end.After(last) && !math.IsNaN(o.Value) {
			last = end
		}
	}
	if float64(outside) > skewed*float64(len(obs)) {
		return ClockSkew, fmt.Sprintf("%d of %s lie outside of the window: the clocks disagree", outside, plural(len(obs), "observation"))
	}
	if third := to.Sub(from) / 3; len(obs) >= enoughForGaps && !last.After(to.Add(-third)) {
		return MeasurementOutage, fmt.Sprintf("nothing was seen in the last third of the window: the last observation came %s before its end", to.Sub(last).Round(time.Millisecond))
	}
	return "", ""
}
