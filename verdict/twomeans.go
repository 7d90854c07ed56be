package verdict

import "math"

// means compares arithmetic means, by how much or by what share the first is larger. The interval of the difference is B. L.
// Welch's, "The generalization of Student's problem", Biometrika 34 (1947); that of the share asks the same of x - (1+t)·y, as E. C.
// Fieller does, Journal of the Royal Statistical Society B 16 (1954). A request that was never answered leaves the interval without
// an end. Latencies are skewed, so that both need some dozens of observations on either side: see needed.
type means struct{ share bool }

func (c means) estimate(x, y side) float64 {
	a, _ := mean{}.estimate(&sample{values: x.known()})
	b, _ := mean{}.estimate(&sample{values: y.known()})
	return quantiles{share: c.share}.more(a, b)
}

func (c means) upper(x, y side, tail float64) float64 {
	a, b := momentsOf(x.high), momentsOf(y.low)
	if a.n < len(x.high) || a.n < 2 || b.n < 2 {
		return math.Inf(1)
	}
	if !c.share {
		error2 := a.variance/float64(a.n) + b.variance/float64(b.n)
		if error2 == 0 {
			return a.mean - b.mean
		}
		return a.mean - b.mean + studentQuantile(freedom(a, b, 1), 1-tail)*math.Sqrt(error2)
	}
	below := func(factor float64) bool { // whether a is below factor·b, beyond doubt
		error2 := a.variance/float64(a.n) + factor*factor*b.variance/float64(b.n)
		by := factor*b.mean - a.mean
		if error2 == 0 || by <= 0 {
			return by >= 0
		}
		f := freedom(a, b, factor)
		return betaI(f/2, 0.5, f/(f+by*by/error2))/2 <= tail
	}
	const most = 1e6 // beyond a million times as much, the control's mean may as well be zero
	if !below(most) {
		return math.Inf(1)
	}
	return rounded(bisect(0, most, below)-1, 1)
}

// freedom are Welch's degrees of freedom, of a - factor·b.
func freedom(a, b moments, factor float64) float64 {
	va, vb := a.variance/float64(a.n), factor*factor*b.variance/float64(b.n)
	return (va + vb) * (va + vb) / (va*va/float64(a.n-1) + vb*vb/float64(b.n-1))
}

func (c means) mirror(limit float64) float64 { return quantiles{share: c.share}.mirror(limit) }

// moments are the mean and the variance of the values that are finite.
type moments struct {
	n              int
	mean, variance float64
}

func momentsOf(sorted []float64) (m moments) {
	for m.n = len(sorted); m.n > 0 && math.IsInf(sorted[m.n-1], 1); {
		m.n--
	}
	finite := sorted[:m.n]
	m.mean, _ = mean{}.estimate(&sample{values: finite})
	for _, x := range finite {
		m.variance += (x - m.mean) * (x - m.mean)
	}
	m.variance /= float64(max(1, m.n-1))
	return m
}
