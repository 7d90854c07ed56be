package verdict

import (
	"math"
	"sort"
)

// The distributions that the intervals need, from the two special functions behind all of them. Numbers of equations are
// those of NIST's Digital Library of Mathematical Functions (DLMF), https://dlmf.nist.gov. The continued fractions
// are evaluated by Lentz's method (W. J. Lentz, Applied Optics 15, 1976, with Thompson and Barnett's safeguard, 1986).

const (
	epsilon = 1e-15
	tiny    = 1e-300 // keeps Lentz's method from dividing by zero
)

// normalQuantile is the standard normal z with P(Z <= z) = p.
func normalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// gammaP is the regularized lower incomplete gamma function P(a, x), DLMF 8.2.4, for a > 0.
func gammaP(a, x float64) float64 {
	if x <= 0 {
		return 0
	}
	lg, _ := math.Lgamma(a)
	front := math.Exp(a*math.Log(x) - x - lg)
	limit := int(20*math.Sqrt(a)) + 500
	if x < a+1 { // the series DLMF 8.7.1
		term := 1 / a
		sum := term
		for n := 1; n < limit && term > sum*epsilon; n++ {
			term *= x / (a + float64(n))
			sum += term
		}
		return math.Min(1, front*sum)
	}
	// Q(a, x) by the continued fraction DLMF 8.9.2, in its even form.
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1; i < limit; i++ {
		n := float64(i)
		an := -n * (n - a)
		b += 2
		d = 1 / awayFromZero(an*d+b)
		c = awayFromZero(b + an/c)
		h *= d * c
		if math.Abs(d*c-1) < epsilon {
			break
		}
	}
	return math.Max(0, 1-front*h)
}

// betaI is the regularized incomplete beta function I_x(a, b), DLMF 8.17.2, for a, b > 0.
func betaI(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	if x > (a+1)/(a+b+2) { // the fraction converges fast on the other side: DLMF 8.17.4
		return 1 - betaI(b, a, 1-x)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	// The continued fraction DLMF 8.17.22.
	limit := int(20*math.Sqrt(math.Max(a, b))) + 500
	c, d := 1.0, 1/awayFromZero(1-(a+b)*x/(a+1))
	h := d
	for i := 1; i < limit; i++ {
		m := float64(i)
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d = 1 / awayFromZero(1+even*d)
		c = awayFromZero(1 + even/c)
		h *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d = 1 / awayFromZero(1+odd*d)
		c = awayFromZero(1 + odd/c)
		h *= d * c
		if math.Abs(d*c-1) < epsilon {
			break
		}
	}
	return math.Min(1, front*h)
}

func awayFromZero(x float64) float64 {
	if math.Abs(x) < tiny {
		return tiny
	}
	return x
}

// binomialCDF is P(B <= k) for B ~ Binomial(n, p), by its beta integral: DLMF 8.17.5.
func binomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return betaI(float64(n-k), float64(k+1), 1-p)
}

// lowerRank is the largest l, 0 to n, for which P(B < l) <= tail, B ~ Binomial(n, p): the rank of the order statistic that
// lies above the p-quantile with probability tail at most. 0 means that n is too small for any.
func lowerRank(n int, p, tail float64) int {
	return sort.Search(n, func(j int) bool { return binomialCDF(j, n, p) > tail })
}

// upperRank is lowerRank seen from above: the smallest u, 1 to n+1, for which P(B >= u) <= tail; n+1 means none.
func upperRank(n int, p, tail float64) int { return n + 1 - lowerRank(n, 1-p, tail) }

// gammaQuantile is the x with P(a, x) = p. The search starts from the approximation of Wilson and Hilferty, "The
// distribution of chi-square", PNAS 17 (1931).
func gammaQuantile(a, p float64) float64 {
	guess := 1 - 1/(9*a) + normalQuantile(p)/(3*math.Sqrt(a))
	hi := math.Max(a*guess*guess*guess, a/2)
	for gammaP(a, hi) < p {
		hi = hi*1.1 + 0.1
	}
	return bisect(0, hi, func(x float64) bool { return gammaP(a, x) >= p })
}

// studentQuantile is the t with P(T <= t) = p >= 1/2 for Student's distribution, by its beta integral: Abramowitz and
// Stegun, Handbook of Mathematical Functions, 26.7.1 with 26.5.27.
func studentQuantile(freedom, p float64) float64 {
	reached := func(t float64) bool { return 1-betaI(freedom/2, 0.5, freedom/(freedom+t*t))/2 >= p }
	hi := 2.0
	for !reached(hi) && hi < 1e12 {
		hi *= 2
	}
	return bisect(0, hi, reached)
}

// bisect finds where reached turns true between lo and hi, to the last digits of a float64.
func bisect(lo, hi float64, reached func(float64) bool) float64 {
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi || hi-lo < epsilon*hi {
			break
		}
		if reached(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}
