package verdict

import (
	"math"
	"slices"
)

// A RankTest is the test of H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is stochastically larger
// than the other", Annals of Mathematical Statistics 18 (1947), with the size of the effect: significance says that there is a
// difference, the size whether anybody needs to mind.
type RankTest struct {
	U float64 `json:"u"` // pairs in which the subject's value is the larger one; ties count half
	P float64 `json:"p"` // two-sided
	// Slower is how probable it is that a value of the subject is larger than one of the control, ties counting half: the A of A. Vargha
	// and H. D. Delaney, Journal of Educational and Behavioral Statistics 25 (2000). One half is no difference.
	Slower Reading `json:"slower"`
}

// MannWhitney tests two groups of values, of which +Inf may be some: those are larger than all others and equal to each other. ok is
// false where a group is empty or a value is not a number.
func MannWhitney(subject, control []float64, confidence float64) (r RankTest, ok bool) {
	isNaN := func(x float64) bool { return math.IsNaN(x) }
	if len(subject) == 0 || len(control) == 0 || slices.ContainsFunc(subject, isNaN) || slices.ContainsFunc(control, isNaN) {
		return r, false
	}
	x, y := slices.Sorted(slices.Values(subject)), slices.Sorted(slices.Values(control))
	p := place(x, y)
	tail := (1 - confidence) / 2
	r.U = p.share * float64(len(x)) * float64(len(y))
	r.P = significance(r.U, x, y)
	r.Slower = Reading{p.share, Interval{1 - place(y, x).upper(tail), p.upper(tail), confidence}}
	return r, true
}

// A placement is how the values of one group lie among those of another.
type placement struct {
	m, n     float64
	share    float64 // of the pairs in which the first group's value is larger; ties count half
	variance float64 // of share, as the sample shows it
}

// place walks through two sorted groups. The variance is that of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, Biometrics 44
// (1988): of the mean placements of the values of each group among the other's.
func place(x, y []float64) placement {
	p := placement{m: float64(len(x)), n: float64(len(y))}
	var ofX, ofY float64
	p.share, ofX = spread(x, y)
	_, ofY = spread(y, x)
	p.variance = ofX/p.m + ofY/p.n
	return p
}

// spread is the mean and the variance of the share of y that is smaller than a value of x, ties counting half.
func spread(x, y []float64) (mean, variance float64) {
	below, upTo := 0, 0 // of y: smaller than the value, and not larger
	squares := 0.0
	for _, v := range x {
		for below < len(y) && y[below] < v {
			below++
		}
		for upTo = max(upTo, below); upTo < len(y) && y[upTo] <= v; {
			upTo++
		}
		share := float64(below+upTo) / float64(2*len(y))
		mean += share
		squares += share * share
	}
	n := float64(len(x))
	mean /= n
	if len(x) > 1 {
		variance = max(0, (squares-n*mean*mean)/(n-1))
	}
	return mean, variance
}

// upper is the limit that the true share exceeds with the probability tail at most.
//
// It is R. G. Newcombe's method 5, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2",
// Statistics in Medicine 25 (2006): the share at which the observed one would just be too small to be chance. It keeps within 0
// and 1, and says something of groups that do not overlap. Its variance is that of J. A. Hanley and B. J. McNeil, Radiology 143
// (1982), for distributions of one shape; where the sample shows a larger one, that is taken.
func (p placement) upper(tail float64) float64 {
	z := -normalQuantile(tail)
	pairs := p.m * p.n
	half := (p.m+p.n)/2 - 1
	seen := 0.0
	if p.share > 0 && p.share < 1 {
		seen = p.variance / (p.share * (1 - p.share))
	}
	return bisect(p.share, 1, func(a float64) bool {
		supposed := (1 + half*((1-a)/(2-a)+a/(1+a))) / pairs
		return a-p.share >= z*math.Sqrt(a*(1-a)*max(supposed, seen))
	})
}

// maxExactPairs bounds the work of the exact distribution.
const maxExactPairs = 400

// significance is the two-sided p-value of U: exact for few values without ties, otherwise by the normal approximation with
// corrections for ties and continuity (M. Hollander and D. A. Wolfe, Nonparametric Statistical Methods, section 4.1).
func significance(u float64, x, y []float64) float64 {
	m, n := len(x), len(y)
	all := slices.Concat(x, y)
	slices.Sort(all)
	ties := 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j] == all[i] {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	if ties == 0 && m*n <= maxExactPairs {
		return exactSignificance(u, m, n)
	}
	total := float64(m + n)
	variance := float64(m) * float64(n) / 12 * (total + 1 - ties/(total*(total-1)))
	if variance <= 0 {
		return 1 // all values are one and the same
	}
	away := max(0, math.Abs(u-float64(m)*float64(n)/2)-0.5)
	return min(1, math.Erfc(away/math.Sqrt(2*variance)))
}

// exactSignificance counts the arrangements of m and n values by their U: Mann and Whitney's recursion, a value after another.
func exactSignificance(u float64, m, n int) float64 {
	// ways[i][v] is how many arrangements of i subject values and the control values so far have U = v.
	ways := make([][]float64, m+1)
	for i := range ways {
		ways[i] = make([]float64, m*n+1)
		ways[i][0] = 1
	}
	for j := 1; j <= n; j++ {
		for i := 1; i <= m; i++ { // the largest value is the control's: ways[i] stays; or the subject's: it beats all j
			for v := m * n; v >= 0; v-- {
				if v >= j {
					ways[i][v] += ways[i-1][v-j]
				}
			}
		}
	}
	total, extreme := 0.0, 0.0
	far := math.Abs(u - float64(m*n)/2)
	for v, w := range ways[m] {
		total += w
		if math.Abs(float64(v)-float64(m*n)/2) >= far-1e-9 {
			extreme += w
		}
	}
	return extreme / total
}
