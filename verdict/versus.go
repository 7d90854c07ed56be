package verdict

import (
	"fmt"
	"math"
	"time"
)

// Versus says how two groups are compared.
type Versus struct {
	Seed       uint64    // of what is drawn: the same seed and observations give the same finding
	Confidence float64   // between 0 and 1; 0 is DefaultConfidence
	From, To   time.Time // the window that the observations should fill; zero if nobody knows
}

// JudgeAgainst compares an expectation that has a sign with how much more its statistic is in one group of requests than in
// another: the new version and the one before, those that a fault has hit and those that it has spared. Like Judge it holds only if the
// whole interval satisfies the expectation, so that "no difference was seen" in a handful of requests is not "there is none".
func JudgeAgainst(e Expectation, subject, control []Observation, o Versus) Finding {
	f := Finding{
		Expectation: e, Outcome: Inconclusive, Estimate: math.NaN(),
		Interval: Interval{Low: math.Inf(-1), High: math.Inf(1), Confidence: DefaultConfidence},
		Samples:  len(subject), Errors: newSample(Expectation{Unit: Ratio}, subject, 0).failed, Against: len(control),
	}
	switch {
	case e.Relative == "":
		f.Reason = fmt.Sprintf("%q compares with nothing", e.Text)
		return f
	case len(subject) == 0:
		f.Reason = "there are no observations to compare"
		return f
	case len(control) == 0:
		f.Reason = "there is nothing to compare with: the control has no observations"
		return f
	}
	c, ok := Compare(e.Statistic, subject, control)
	if !ok {
		f.Reason = fmt.Sprintf("%s of two groups cannot be compared", e.Statistic)
		return f
	}
	f.Estimate, f.Interval = c.Difference.Estimate, c.Difference.Interval
	if e.Relative == RatioTo {
		f.Estimate /= c.Spared.Estimate
		f.Interval.Low /= c.Spared.Estimate
		f.Interval.High /= c.Spared.Estimate
	}
	f.Outcome = outcome(e, f.Interval)
	f.Reason = fmt.Sprintf("%s is %s (%s %% interval %s to %s, %s against %s)", e.Statistic, e.Format(f.Estimate), significant(f.Interval.Confidence*100),
		e.Format(f.Interval.Low), e.Format(f.Interval.High), plural(len(subject), "sample"), plural(len(control), "sample"))
	return f
}
