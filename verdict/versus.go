package verdict

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Versus says how two groups are compared.
type Versus struct {
	Confidence float64   // between 0 and 1; 0 is DefaultConfidence
	From, To   time.Time // the window that the observations should fill; zero if nobody knows
	// Alpha is how probable it may be that a difference within the margin is disproved, both directions together: 0 is what the
	// confidence leaves. At a look before the end it is less: see Sequential.
	Alpha float64
	// Lost are observations that might belong to either group: without an answer there is nobody who says. The interval holds if all of them
	// belong to the one, all to the other, all to neither, or the bad ones to the one and the good ones to the other.
	Lost []Observation
}

// A comparison is one statistic of two sides: how much more it is in the first.
type comparison interface {
	estimate(x, y side) float64
	// upper is the limit that the truth exceeds with the probability tail at most.
	upper(x, y side, tail float64) float64
	// mirror is what a limit of y over x says of x over y.
	mirror(limit float64) float64
}

// comparisonOf finds what compares the statistic of an expectation; nil if nothing does.
func comparisonOf(e Expectation) comparison {
	share := e.Relative == RatioTo
	switch e.Statistic {
	case "mean":
		return means{share}
	case "error_rate":
		return rates{}
	case "slower":
		return slower{}
	}
	if q, ok := quantileOf(e.Statistic); ok {
		return quantiles{q, share, floorOf(e)}
	}
	return nil
}

// floorOf is what nothing measured can be smaller than. Shares make sense of what is positive only.
func floorOf(e Expectation) float64 {
	if e.Unit == Number && e.Relative != RatioTo {
		return math.Inf(-1)
	}
	return 0
}

// A pair is two sides and how they are compared.
type pair struct {
	comparison
	x, y   side
	places []both  // where else the lost ones may belong
	lost   int     // how many: see Versus.Lost
	step   float64 // of the clock
}

// Both is what the two sides would be if lost observations were theirs.
type both struct{ x, y side }

func newPair(e Expectation, subject, control, lost []Observation) pair {
	floor := floorOf(e)
	p := pair{comparison: comparisonOf(e), x: newSide(subject, floor), y: newSide(control, floor), lost: len(lost)}
	if e.Statistic != "error_rate" && e.Statistic != "slower" && e.Unit != Number { // pairs count ties as half
		p.step = clockStep(p.x, p.y)
	}
	if p.lost > 0 {
		all := newSide(lost, floor)
		badX, goodX := p.sorted(p.x, lost, floor)
		badY, goodY := p.sorted(p.y, lost, floor)
		p.places = []both{{p.x.with(all), p.y}, {p.x, p.y.with(all)}, {p.x.with(badX), p.y.with(goodY)}, {p.x.with(goodX), p.y.with(badY)}}
	}
	return p
}

// sorted tells lost observations that would make a side worse, or might, from those that would make it better.
func (p pair) sorted(s side, lost []Observation, floor float64) (bad, good side) {
	var worse, better []Observation
	middle := p.middle(s)
	for _, o := range lost {
		low, high := bounds(o, floor)
		if _, ok := p.comparison.(rates); ok {
			low, high, middle = 0, 0, 0.5
			if o.Failed {
				low, high = 1, 1
			}
		}
		if high > middle {
			worse = append(worse, o)
		}
		if low < middle {
			better = append(better, o)
		}
	}
	return newSide(worse, floor), newSide(better, floor)
}

// middle is what a side's statistic moves away from when there is more above it.
func (p pair) middle(s side) (x float64) {
	var st statistic = quantile(0.5)
	switch c := p.comparison.(type) {
	case quantiles:
		st = quantile(c.q)
	case means:
		st = mean{}
	}
	x, _ = st.estimate(&sample{values: s.known()})
	return x
}

// interval bounds how much more it is. Each end is that of the sides which speak most for it.
func (p pair) interval(confidence float64) Interval {
	tail := (1 - confidence) / 2
	in := Interval{Low: math.Inf(1), High: math.Inf(-1), Confidence: confidence}
	for _, at := range append([]both{{p.x, p.y}}, p.places...) {
		x, y := at.x.blurred(p.step), at.y.blurred(p.step)
		in.Low = min(in.Low, p.mirror(p.upper(y, x, tail)))
		in.High = max(in.High, p.upper(x, y, tail))
	}
	return in
}

// JudgeAgainst compares an expectation that has a sign with how much more its statistic is in one group of requests than in
// another: the new version and the one before, those that a fault has hit and those that it has spared.
//
// The sign is a margin. Held means that the whole interval keeps within it: the groups are shown to be as good as equal, which "no
// significant difference" in a handful of requests does not show. Disproved means that the whole interval lies beyond. What keeps
// the groups from being compared at all is named by Finding.Cause. The answer depends on nothing but the arguments, whatever the order
// of the observations.
func JudgeAgainst(e Expectation, subject, control []Observation, o Versus) Finding {
	if !(o.Confidence > 0 && o.Confidence < 1) {
		o.Confidence = DefaultConfidence
	}
	if !(o.Alpha > 0 && o.Alpha < 1) {
		o.Alpha = 1 - o.Confidence
	}
	f := Finding{
		Expectation: e, Outcome: Inconclusive, Estimate: math.NaN(),
		Interval: Interval{Low: math.Inf(-1), High: math.Inf(1), Confidence: o.Confidence},
		Samples:  len(subject), Errors: failedOf(subject), Against: len(control),
	}
	if e.Relative == "" || comparisonOf(e) == nil {
		f.Cause, f.Reason = NotComparable, fmt.Sprintf("%q does not compare two groups", e.Text)
		return f
	}
	if f.Cause, f.Reason = unusable(e, subject, control, o); f.Cause != "" {
		return f
	}
	p := newPair(e, subject, control, o.Lost)
	f.Estimate = p.estimate(p.x, p.y)
	if f.Cause, f.Reason = undefined(e, p); f.Cause != "" {
		return f
	}
	f.Interval = p.interval(o.Confidence)
	f.settle(p, o)
	if f.Outcome == Inconclusive {
		f.Cause, f.Missing = hindrance(f, p, o)
	}
	f.Reason = againstReason(f, p)
	return f
}

// settle finds the outcome. Held is a matter of the confidence, disproved one of alpha.
func (f *Finding) settle(p pair, o Versus) {
	f.Outcome = outcome(f.Expectation, f.Interval)
	strict := f.Interval
	if o.Alpha != 1-o.Confidence {
		strict = p.interval(1 - o.Alpha)
	}
	beyond := outcome(f.Expectation, strict) == Disproved
	switch {
	case beyond:
		f.Outcome = Disproved
		f.P = chance(f.Expectation, p, o.Alpha)
	case f.Outcome == Disproved:
		f.Outcome = Inconclusive
	}
}

// chance is the smallest alpha at which the expectation would still be disproved: the p-value of the disproof.
func chance(e Expectation, p pair, alpha float64) float64 {
	const least = 1e-9
	disproved := func(log float64) bool { return outcome(e, p.interval(1-math.Exp(log))) == Disproved }
	low, high := math.Log(least), math.Log(alpha)
	if low >= high || disproved(low) {
		return min(alpha, least)
	}
	for high-low > 1e-3 {
		if mid := (low + high) / 2; disproved(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return math.Exp(high)
}

// undefined finds what makes the difference no number.
func undefined(e Expectation, p pair) (Cause, string) {
	if min(p.x.n, p.y.n) == 1 {
		return OneSample, "a single observation says nothing of how they vary"
	}
	if e.Statistic == "error_rate" {
		return "", ""
	}
	negative := func(s side) bool { return slices.ContainsFunc(s.known(), func(x float64) bool { return x < 0 }) }
	if e.Relative == RatioTo && (negative(p.x) || negative(p.y)) {
		return NotANumber, "some values are negative, and a percentage of those means nothing"
	}
	if x := p.estimate(p.x, p.y); math.IsNaN(x) {
		return NotANumber, fmt.Sprintf("%s is zero, or without end, on both sides: how much more it is cannot be said", e.Statistic)
	}
	if _, ok := comparisonOf(e).(means); ok {
		a, b := momentsOf(p.x.high), momentsOf(p.y.high)
		switch {
		case min(a.n, b.n) < enoughForMeans:
			return TooFewSamples, fmt.Sprintf("means of %d and %d observations are not compared: it takes %d of each", a.n, b.n, enoughForMeans)
		case constant(p.x.known()) && constant(p.y.known()):
			return Constant, "not one observation differs from the others of its group, so that nothing shows how far their means can be trusted: compare a quantile"
		}
	}
	return "", ""
}

func constant(sorted []float64) bool { return sorted[0] == sorted[len(sorted)-1] }

// enoughForMeans is from how many skewed observations on their mean is nearly normal: G. Box, W. Hunter and S. Hunter's rule of thumb,
// and what the calibration shows.
const enoughForMeans = 30
