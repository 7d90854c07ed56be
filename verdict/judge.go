package verdict

import (
	"fmt"
	"math"
	"sort"
	"time"
)

// DefaultConfidence is the confidence of the intervals that Judge uses.
const DefaultConfidence = 0.95

// Judge compares an expectation with the observations of a window, at 95 % confidence. The order of the observations
// does not matter. It is a function of its arguments and nothing else.
func Judge(e Expectation, obs []Observation, window time.Duration) Finding {
	return JudgeAt(e, obs, window, DefaultConfidence)
}

// JudgeAt is Judge at another confidence, between 0 and 1, both excluded; any other is taken as the default.
func JudgeAt(e Expectation, obs []Observation, window time.Duration, confidence float64) Finding {
	if !(confidence > 0 && confidence < 1) {
		confidence = DefaultConfidence
	}
	s := newSample(e, obs, window)
	f := Finding{
		Expectation: e,
		Outcome:     Inconclusive,
		Estimate:    math.NaN(),
		Interval:    Interval{Low: math.Inf(-1), High: math.Inf(1), Confidence: confidence},
		Samples:     s.n,
		Errors:      s.failed,
	}
	st := statisticOf(e)
	if st == nil {
		f.Reason = fmt.Sprintf("there is no statistic %q", e.Statistic)
		return f
	}
	if e.Relative != "" {
		f.Reason = fmt.Sprintf("%q says how much more it may be, of one group alone", e.Text)
		return f
	}
	s.sort()
	estimate, ok := st.estimate(&s)
	if !ok {
		f.Reason = noData(e, s)
		return f
	}
	f.Estimate = estimate
	f.Interval = st.interval(&s, s.n, confidence)
	f.Outcome = outcome(e, f.Interval)
	if f.Outcome == Inconclusive {
		f.Missing = missing(e, st, &s, confidence)
	}
	f.Reason = reason(f, s)
	return f
}

// Estimate is the point value of an expectation's statistic, in its unit, and false if there is no data for it. Requests that
// were never answered may make it +Inf.
func Estimate(e Expectation, obs []Observation, window time.Duration) (float64, bool) {
	st := statisticOf(e)
	if st == nil || e.Relative != "" {
		return math.NaN(), false
	}
	s := newSample(e, obs, window)
	switch st.(type) {
	case quantile, mean: // a sum depends on its order in the last digit: be equal to Judge's
		s.sort()
	}
	return st.estimate(&s)
}

// outcome is the three-way rule: held if the whole interval satisfies the expectation, disproved if the whole
// interval violates it.
func outcome(e Expectation, in Interval) Outcome {
	low, high := e.Satisfied(in.Low), e.Satisfied(in.High)
	inside := in.Low <= e.Threshold && e.Threshold <= in.High
	switch e.Op {
	case "==":
		if low && high {
			return Held
		}
		if !inside {
			return Disproved
		}
	case "!=":
		if !inside {
			return Held
		}
		if !low && !high {
			return Disproved
		}
	default: // what both ends of an interval do with an inequality, all of it does
		if low && high {
			return Held
		}
		if !low && !high {
			return Disproved
		}
	}
	return Inconclusive
}

// maxProjected bounds the search for a settling sample size. Beyond it the answer is "do not wait for it".
const maxProjected = 10_000_000

// missing is how many observations more, distributed like these, would settle the finding; 0 if none within reason.
// The search doubles, then halves: where ranks make the answer jump to and fro it may miss a slightly smaller one.
func missing(e Expectation, st statistic, s *sample, confidence float64) int {
	if _, ok := st.(mean); ok && s.n == 1 {
		return 1 // one observation shows no spread to go by; the least that can be said
	}
	settled := func(n int) bool { return outcome(e, st.interval(s, n, confidence)) != Inconclusive }
	low, high := s.n, s.n
	for !settled(high) {
		if high >= maxProjected {
			return 0
		}
		low, high = high, min(2*high, maxProjected)
	}
	return low + sort.Search(high-low, func(i int) bool { return settled(low + i) }) - s.n
}

// SamplesNeeded is the smallest number of observations with which the expectation can be held, if all of them are as good as
// can be; 0 if no number is enough, as for "error_rate <= 0%", which a sample can never show.
func SamplesNeeded(e Expectation) int {
	tail := (1 - DefaultConfidence) / 2
	upward := e.Op == ">" || e.Op == ">="
	if e.OfAlarm() {
		return 1
	}
	if e.Relative != "" {
		return samplesToCompare(e)
	}
	switch st := statisticOf(e).(type) {
	case quantile:
		p := float64(st) // all n on the right side: p^n <= tail puts the upper rank within the sample
		if upward {
			p = 1 - p
		}
		return max(1, int(math.Ceil(math.Log(tail)/math.Log(p)-1e-9)))
	case errorRate:
		return samplesForShare(e, st, upward)
	case mean:
		return 2
	case count:
		switch e.Op {
		case ">":
			return int(e.Threshold) + 1
		case ">=", "==":
			return max(1, int(e.Threshold))
		}
		return 1
	case rate, value:
		return 1
	}
	return 0
}

func samplesForShare(e Expectation, st errorRate, upward bool) int {
	best := sample{n: 1}
	if upward {
		best.failed = 1
	}
	held := func(n int) bool { return outcome(e, st.interval(&best, n, DefaultConfidence)) == Held }
	if !held(maxProjected) {
		return 0
	}
	return 1 + sort.Search(maxProjected, func(i int) bool { return held(i + 1) })
}
