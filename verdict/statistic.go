package verdict

import "math"

// A statistic estimates one number from a sample and bounds it.
type statistic interface {
	// estimate is the point estimate; false if the sample does not say.
	estimate(s *sample) (float64, bool)
	// interval is the confidence interval that n observations distributed like s would give; with n = s.n it is that of s.
	interval(s *sample, n int, confidence float64) Interval
}

// statisticOf finds the statistic of a valid expectation; nil if it names none.
func statisticOf(e Expectation) statistic {
	switch e.Statistic {
	case "mean":
		return mean{}
	case "rate":
		return rate{}
	case "count":
		return count{}
	case "error_rate":
		return errorRate{}
	case "value":
		return value{}
	case "alarm":
		return alarm{}
	}
	if q, ok := quantileOf(e.Statistic); ok {
		return quantile(q)
	}
	return nil
}

// quantile is the value that a share of all observations does not exceed.
//
// Its interval is distribution-free: the order statistics X(l) and X(u) hold the quantile between them unless fewer
// than l or at least u of n observations fall below it, and that number is Binomial(n, q). Each tail is cut at half of what the
// confidence leaves, so that the coverage is at least the confidence for every distribution. Source: W. R. Thompson,
// Annals of Mathematical Statistics 7 (1936); Hahn and Meeker, Statistical Intervals (1991), section 5.2.
type quantile float64

// estimate is the smallest value that at least the share q of the sample does not exceed (Hyndman and Fan, "Sample
// quantiles in statistical packages", The American Statistician 50 (1996), definition 1).
func (q quantile) estimate(s *sample) (float64, bool) {
	v := len(s.values)
	if v == 0 {
		return math.NaN(), false
	}
	// The small step back keeps 0.95 * 20 from being rounded to above 19.
	r := int(math.Ceil(float64(q)*float64(v) - 1e-9))
	return s.values[min(max(r, 1), v)-1], true
}

func (q quantile) interval(s *sample, n int, confidence float64) Interval {
	tail := (1 - confidence) / 2
	in := Interval{Low: s.floor, High: math.Inf(1), Confidence: confidence}
	// An unknown value might be the smallest as well as the largest: it pushes both ends outward.
	if l := lowerRank(n, float64(q), tail); l >= 1 {
		if i := s.scale(l, n) - s.unknown; i >= 1 {
			in.Low = s.values[i-1]
		}
	}
	if u := upperRank(n, float64(q), tail); u <= n {
		if i := s.scale(u, n); i <= len(s.values) {
			in.High = s.values[i-1]
		}
	}
	return in
}

// scale turns a rank among n observations into one among those of the sample.
func (s *sample) scale(rank, n int) int {
	if n == s.n {
		return rank
	}
	return int(math.Ceil(float64(rank) * float64(s.n) / float64(n)))
}

// errorRate is the share of observations that failed.
type errorRate struct{}

func (errorRate) estimate(s *sample) (float64, bool) {
	if s.n == 0 {
		return math.NaN(), false
	}
	return float64(s.failed) / float64(s.n), true
}

// interval is E. B. Wilson's score interval, "Probable inference, the law of succession, and statistical inference", JASA 22
// (1927), without continuity correction: method 3 of R. G. Newcombe, Statistics in Medicine 17 (1998), pp. 857-872.
func (errorRate) interval(s *sample, n int, confidence float64) Interval {
	p := float64(s.failed) / float64(s.n)
	z := normalQuantile(0.5 + confidence/2)
	nf := float64(n)
	centre := p + z*z/(2*nf)
	half := z * math.Sqrt((p*(1-p)+z*z/(4*nf))/nf)
	scale := 1 + z*z/nf
	in := Interval{Low: (centre - half) / scale, High: (centre + half) / scale, Confidence: confidence}
	if s.failed == 0 { // exact at the ends, where rounding would leave a residue
		in.Low = 0
	}
	if s.failed == s.n {
		in.High = 1
	}
	return in
}

// rate is how many observations succeed per second.
type rate struct{}

func (rate) estimate(s *sample) (float64, bool) {
	if s.n == 0 || s.window <= 0 {
		return math.NaN(), false
	}
	return s.events() / s.window, true
}

// interval is the exact one for a Poisson mean: F. Garwood, "Fiducial limits for the Poisson distribution", Biometrika
// 28 (1936), divided by the window. Its chi-square quantiles with 2k and 2k+2 degrees of freedom are twice the
// gamma quantiles with shapes k and k+1.
func (rate) interval(s *sample, n int, confidence float64) Interval {
	tail := (1 - confidence) / 2
	grown := float64(n) / float64(s.n)
	k, window := max(0, s.events())*grown, s.window*grown
	in := Interval{Low: 0, High: gammaQuantile(k+1, 1-tail) / window, Confidence: confidence}
	if s.dark > 0 { // anything might have happened then, or nothing
		in.High, window = math.Inf(1), window+s.dark*grown
	}
	if k > 0 {
		in.Low = gammaQuantile(k, tail) / window
	}
	return in
}

// mean is the arithmetic mean. One request that was never answered makes it infinite, and one reading that failed makes
// it unknown: then its interval has no end on that side, whatever the other observations say.
type mean struct{}

func (mean) estimate(s *sample) (float64, bool) {
	if len(s.values) == 0 {
		return math.NaN(), false
	}
	sum := 0.0
	for _, x := range s.values {
		sum += x
	}
	return sum / float64(len(s.values)), true
}

// interval is Student's ("The probable error of a mean", Biometrika 6 (1908)): mean ± t·s/√n with n-1 degrees of freedom.
func (m mean) interval(s *sample, n int, confidence float64) Interval {
	in := Interval{Low: s.floor, High: math.Inf(1), Confidence: confidence}
	answered := sample{values: s.values, floor: s.floor}
	for len(answered.values) > 0 && math.IsInf(answered.values[len(answered.values)-1], 1) {
		answered.values = answered.values[:len(answered.values)-1]
	}
	v := len(answered.values)
	if v == 0 && len(s.values) > 0 && s.unknown == 0 {
		in.Low = math.Inf(1) // not one was answered
	}
	grown := math.Round(float64(v) * float64(n) / float64(s.n))
	if v < 2 || grown < 2 || s.unknown > 0 {
		return in
	}
	centre, _ := m.estimate(&answered)
	squares := 0.0
	for _, x := range answered.values {
		squares += (x - centre) * (x - centre)
	}
	deviation := math.Sqrt(squares / float64(v-1))
	half := studentQuantile(grown-1, 0.5+confidence/2) * deviation / math.Sqrt(grown)
	in.Low = math.Max(s.floor, centre-half)
	if v == len(s.values) {
		in.High = centre + half
	}
	return in
}

// count is how many observations succeeded. It is what happened, not a sample of it: its interval is a point.
type count struct{}

func (count) estimate(s *sample) (float64, bool) {
	if s.n == 0 {
		return math.NaN(), false
	}
	return s.events(), true
}

func (c count) interval(s *sample, _ int, confidence float64) Interval {
	x, _ := c.estimate(s)
	return Interval{Low: x, High: x, Confidence: confidence}
}

// value is what every reading says. Its estimate is the latest reading, its interval their range: not a confidence
// interval, since readings of a state are not a sample. A failed reading might have been anything.
type value struct{}

func (value) estimate(s *sample) (float64, bool) {
	if len(s.values) == 0 {
		return math.NaN(), false
	}
	return s.last, true
}

func (value) interval(s *sample, _ int, confidence float64) Interval {
	if len(s.values) == 0 || s.unknown > 0 {
		return Interval{Low: s.floor, High: math.Inf(1), Confidence: confidence}
	}
	return Interval{Low: s.values[0], High: s.values[len(s.values)-1], Confidence: confidence}
}
