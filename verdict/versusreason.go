package verdict

import (
	"fmt"
	"math"
)

// needed is how many observations each side needs for its quantile to be bounded, however they turn out.
func needed(c comparison, confidence float64) int {
	if _, ok := c.(means); ok {
		return enoughForMeans
	}
	q, ok := c.(quantiles)
	if !ok {
		return 2
	}
	tail := (1 - confidence) / 2
	n := int(math.Log(tail) / math.Log(max(q.q, 1-q.q)))
	for math.Pow(q.q, float64(n))+math.Pow(1-q.q, float64(n)) > tail {
		n++
	}
	return n
}

// hindrance names what keeps a finding open, if it has a name, and how many more observations, of both groups together, would settle it.
func hindrance(f Finding, p pair, o Versus) (Cause, int) {
	n := needed(p.comparison, f.Interval.Confidence)
	if short := max(0, n-p.x.n) + max(0, n-p.y.n); short > 0 {
		return TooFewSamples, short
	}
	settled := func(p pair) bool { return outcome(f.Expectation, p.interval(o.Confidence)) != Inconclusive }
	if sharp := p; p.step > 0 {
		if sharp.step = 0; settled(sharp) {
			return Ties, 0
		}
	}
	if told := p; p.lost > 0 {
		if told.places = nil; settled(told) {
			return Unattributed, 0
		}
	}
	return "", moreToSettle(f, p)
}

// moreToSettle supposes that the interval narrows with the square root of the observations, on the side of the threshold.
func moreToSettle(f Finding, p pair) int {
	end := f.Interval.High
	if f.Expectation.Threshold < f.Estimate {
		end = f.Interval.Low
	}
	reach, room := math.Abs(end-f.Estimate), math.Abs(f.Expectation.Threshold-f.Estimate)
	total := float64(p.x.n + p.y.n)
	more := total * (reach*reach/(room*room) - 1)
	if !(more < maxProjected) {
		return 0
	}
	return max(1, int(math.Ceil(more)))
}

// againstReason puts a finding of two groups into a sentence.
func againstReason(f Finding, p pair) string {
	e := f.Expectation
	what := fmt.Sprintf("%s is %s (%s %% interval %s to %s, %s against %s)", e.Statistic, e.Format(f.Estimate), significant(f.Interval.Confidence*100),
		e.Format(f.Interval.Low), e.Format(f.Interval.High), plural(p.x.n, "sample"), plural(p.y.n, "sample"))
	switch f.Outcome {
	case Held:
		return fmt.Sprintf("%s, which satisfies %s %s", what, e.Op, e.limit())
	case Disproved:
		return fmt.Sprintf("%s, which violates %s %s", what, e.Op, e.limit())
	}
	open := fmt.Sprintf("%s: that leaves open whether it is %s %s", what, e.Op, e.limit())
	switch {
	case f.Cause == TooFewSamples:
		return fmt.Sprintf("%s; it takes %d of each group at least, %d more in all", open, needed(p.comparison, f.Interval.Confidence), f.Missing)
	case f.Cause == Ties:
		return fmt.Sprintf("%s, because the clock ticks in steps of %s, too coarse for it", open, formatSeconds(p.step))
	case f.Cause == Unattributed:
		return fmt.Sprintf("%s, because nobody knows to which group %s belong", open, plural(p.lost, "more observation"))
	case outcome(e, f.Interval) == Disproved:
		return fmt.Sprintf("%s: that is beyond %s %s, but not as certainly as it takes where it is looked at more than once", what, e.Op, e.limit())
	case f.Missing > 0:
		return fmt.Sprintf("%s; about %d more like these would settle it", open, f.Missing)
	}
	return open + "; no reasonable number of samples like these would settle it"
}
