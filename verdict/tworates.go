package verdict

import "math"

// rates compares shares of observations that failed: how many points more of the first side's. Its interval is that of O. S. Miettinen and M.
// Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4 (1985): the differences at which the observed one would be no
// surprise, each with the variance that it would have if it were true. It is honest where few or none have failed.
type rates struct{}

func (rates) estimate(x, y side) float64 {
	return float64(x.failed)/float64(x.n) - float64(y.failed)/float64(y.n)
}

func (c rates) upper(x, y side, tail float64) float64 {
	z := -normalQuantile(tail)
	seen := c.estimate(x, y)
	if seen >= 1 {
		return 1
	}
	return bisect1(seen, 1, func(d float64) bool { return d-seen >= z*deviation(x, y, d) })
}

func (rates) mirror(limit float64) float64 { return -limit }

// bisect1 is bisect for numbers of about 1, of any sign.
func bisect1(lo, hi float64, reached func(float64) bool) float64 {
	return bisect(lo+2, hi+2, func(x float64) bool { return reached(x - 2) }) - 2
}

// deviation is the standard deviation of the difference of the shares if it were d, at the shares most likely then: the root of a cubic
// equation, in Miettinen and Nurminen's closed form (their appendix 1).
func deviation(x, y side, d float64) float64 {
	m, n := float64(x.n), float64(y.n)
	a, b := float64(x.failed), float64(y.failed)
	total := m + n
	l2 := (m+2*n)*d - total - (a + b)
	l1 := (n*d-total-2*b)*d + a + b
	l0 := b * d * (1 - d)
	third := l2 / (3 * total)
	q := third*third*third - l1*l2/(6*total*total) + l0/(2*total)
	p := math.Copysign(math.Sqrt(max(0, third*third-l1/(3*total))), q)
	angle := 0.0
	if p != 0 {
		angle = math.Acos(min(1, max(-1, q/(p*p*p))))
	}
	lower := min(1, max(0, 2*p*math.Cos((math.Pi+angle)/3)-third))
	upper := min(1, max(0, lower+d))
	return math.Sqrt((upper*(1-upper)/m + lower*(1-lower)/n) * total / (total - 1))
}
