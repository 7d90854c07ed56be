package verdict

import "math"

// What a sample says about a quantile is a distribution: the true one lies between the j-th and the next larger of n observations
// with the probability that j of n fall below it, and that is Binomial(n, q) whatever the observations are distributed like. The bootstrap
// finds nearly the same distribution by drawing; here it is written down, so that nothing is drawn, the same observations always
// give the same answer, and 20,000 of them cost no more than a look at those around the quantile.
//
// Two such distributions give that of the difference, and of the ratio, of the quantiles: K. Singh, M. Xie and W. E. Strawderman,
// Annals of Statistics 33 (2005), on combining confidence distributions; for the bootstrap's, A. D. Hutson and M. D. Ernst, Journal of
// the Royal Statistical Society B 62 (2000). Each probability is put on that end of its gap which speaks against the claim; the
// percentile bootstrap puts it on one of the observations, and is wrong more often than it says where they are few (docs/statistics.md).

// Gaps are ranks next to each other, with how probable it is that the true quantile lies just above each.
type gaps struct {
	from   int       // the first rank: 0 is below all observations
	weight []float64 // of from, from+1, ...
}

// gapsOf are the ranks of n observations around their q-quantile; those that are out of the question are left out.
func gapsOf(n int, q float64) gaps {
	mode := min(n, int(q*float64(n+1)))
	ln, _ := math.Lgamma(float64(n + 1))
	lk, _ := math.Lgamma(float64(mode + 1))
	lr, _ := math.Lgamma(float64(n - mode + 1))
	top := math.Exp(ln - lk - lr + float64(mode)*math.Log(q) + float64(n-mode)*math.Log1p(-q))
	const negligible = 1e-17
	odds := q / (1 - q)
	var below []float64
	for j, w := mode, top; j > 0; j-- {
		if w *= float64(j) / float64(n-j+1) / odds; w < negligible {
			break
		}
		below = append(below, w)
	}
	g := gaps{from: mode - len(below)}
	for i := len(below) - 1; i >= 0; i-- {
		g.weight = append(g.weight, below[i])
	}
	g.weight = append(g.weight, top)
	for j, w := mode, top; j < n; j++ {
		if w *= float64(n-j) / float64(j+1) * odds; w < negligible {
			break
		}
		g.weight = append(g.weight, w)
	}
	return g
}

// A bound is a value that may bound a quantile, and how probable it is that it does so tightly.
type bound struct{ value, weight float64 }

// above are the upper ends of the gaps, below the lower ones. What is above all observations is infinite, what is below them all floor.
func (g gaps) above(sorted []float64) []bound {
	bounds := make([]bound, len(g.weight))
	for i, w := range g.weight {
		bounds[i] = bound{math.Inf(1), w}
		if j := g.from + i; j < len(sorted) {
			bounds[i].value = sorted[j]
		}
	}
	return bounds
}

func (g gaps) below(sorted []float64, floor float64) []bound {
	bounds := make([]bound, len(g.weight))
	for i, w := range g.weight {
		bounds[i] = bound{floor, w}
		if j := g.from + i; j > 0 {
			bounds[i].value = sorted[j-1]
		}
	}
	return bounds
}

// exceeding is the probability that the first quantile is larger than what limit makes of the second. limit must be increasing. Two that
// are infinite tell nothing of how much they differ, so that counts as larger.
func exceeding(x, y []bound, limit func(float64) float64) float64 {
	total, passed := 0.0, 0.0 // of the weight of x: all, and not larger
	for _, b := range x {
		total += b.weight
	}
	sum, i := 0.0, 0
	for _, b := range y {
		at := limit(b.value)
		for i < len(x) && x[i].value <= at && !math.IsInf(x[i].value, 1) {
			passed += x[i].weight
			i++
		}
		sum += b.weight * max(0, total-passed)
	}
	return sum
}

// quantiles compares a quantile of two sides, by how much or by what share it is larger in the first.
type quantiles struct {
	q     float64
	share bool // the result is a share of the control's
	floor float64
}

func (c quantiles) more(x, y float64) float64 {
	if c.share {
		return x/y - 1
	}
	return x - y
}

func (c quantiles) estimate(x, y side) float64 {
	a, _ := quantile(c.q).estimate(&sample{values: x.known()})
	b, _ := quantile(c.q).estimate(&sample{values: y.known()})
	return c.more(a, b)
}

// upper is the smallest number that the true difference exceeds with the probability tail at most. It is exact to 12 digits.
func (c quantiles) upper(x, y side, tail float64) float64 {
	a, b := gapsOf(x.n, c.q).above(x.high), gapsOf(y.n, c.q).below(y.low, c.floor)
	exceeds := func(t float64) bool {
		return exceeding(a, b, func(y float64) float64 {
			switch {
			case math.IsInf(y, 0):
				return y
			case c.share:
				return y * (1 + t)
			}
			return y + t
		}) > tail
	}
	const huge = 1e300
	least, scale := -huge, 1.0
	if c.share {
		least = -1
	} else {
		scale = max(largest(a), largest(b))
	}
	switch {
	case exceeds(huge):
		return math.Inf(1)
	case !exceeds(least) && c.share:
		return -1
	case !exceeds(least):
		return math.Inf(-1)
	case scale == 0:
		return 0
	}
	low, high := max(least, -2*scale), 2*scale
	for exceeds(high) {
		high *= 2
	}
	for high-low > 1e-13*scale {
		if mid := low + (high-low)/2; mid <= low || mid >= high {
			break
		} else if exceeds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	return rounded(high, scale)
}

// largest is the largest absolute value that is finite; 0 if none is.
func largest(bounds []bound) float64 {
	most := 0.0
	for _, b := range bounds {
		if !math.IsInf(b.value, 0) {
			most = max(most, math.Abs(b.value))
		}
	}
	return most
}

// rounded takes from x, of numbers of such a scale, what is not known of it: a tenth more than 0.1 s is not 0.11000000000000001.
func rounded(x, scale float64) float64 {
	digits := math.Pow(10, 12-math.Ceil(math.Log10(scale)))
	if y := math.Round(x*digits) / digits; !math.IsInf(y, 0) && !math.IsNaN(y) {
		return y
	}
	return x
}

// mirror is what a limit of y over x says of x over y.
func (c quantiles) mirror(limit float64) float64 {
	if !c.share {
		return -limit
	}
	if math.IsInf(limit, 1) {
		return -1
	}
	return rounded(1/(1+limit)-1, 1)
}
