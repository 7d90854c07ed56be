package verdict

import (
	"math"
	"math/big"
	"testing"
)

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s: got %v; want %v within %v", what, got, want, within)
	}
}

func TestNormalQuantile(t *testing.T) {
	for p, want := range map[float64]float64{0.5: 0, 0.9: 1.281552, 0.95: 1.644854, 0.975: 1.959964, 0.995: 2.575829, 0.025: -1.959964} {
		near(t, "z", normalQuantile(p), want, 5e-7)
	}
}

// TestStudentQuantile compares with the table in every textbook (Fisher and Yates, Statistical Tables, 1938, table III).
func TestStudentQuantile(t *testing.T) {
	tests := []struct{ freedom, p, want float64 }{
		{1, 0.975, 12.706}, {2, 0.975, 4.303}, {3, 0.975, 3.182}, {4, 0.975, 2.776}, {5, 0.975, 2.571}, {9, 0.975, 2.262},
		{10, 0.975, 2.228}, {20, 0.975, 2.086}, {30, 0.975, 2.042}, {60, 0.975, 2.000}, {120, 0.975, 1.980},
		{1, 0.995, 63.657}, {10, 0.995, 3.169}, {30, 0.995, 2.750}, {10, 0.95, 1.812}, {1e6, 0.975, 1.960},
	}
	for _, tt := range tests {
		near(t, "t", studentQuantile(tt.freedom, tt.p), tt.want, 5.1e-4)
	}
}

// TestChiSquare compares with percentage points of chi-square: twice the gamma quantile with half the degrees of freedom
// (Pearson and Hartley, Biometrika Tables for Statisticians, volume I, table 8).
func TestChiSquare(t *testing.T) {
	tests := []struct{ freedom, p, want float64 }{
		{1, 0.95, 3.84146}, {2, 0.95, 5.99146}, {2, 0.975, 7.37776}, {5, 0.025, 0.831212}, {10, 0.025, 3.24697},
		{10, 0.975, 20.4832}, {20, 0.975, 34.1696}, {30, 0.025, 16.7908}, {100, 0.025, 74.2219}, {100, 0.975, 129.561},
	}
	for _, tt := range tests {
		near(t, "chi-square", 2*gammaQuantile(tt.freedom/2, tt.p), tt.want, 1e-5*tt.want)
	}
}

// TestGammaIsPoisson: Q(k+1, x) is the sum of Poisson probabilities up to k (DLMF 8.4.10), near and far from the mean.
func TestGammaIsPoisson(t *testing.T) {
	for _, mean := range []float64{0.01, 0.5, 3, 10, 97.5, 700} {
		term := math.Exp(-mean)
		sum := 0.0
		for k := range 1000 {
			sum += term
			near(t, "P(X <= k)", 1-gammaP(float64(k+1), mean), sum, 1e-11)
			term *= mean / float64(k+1)
		}
	}
}

func TestGammaInverse(t *testing.T) {
	for _, a := range []float64{0.5, 1, 2, 17, 1e3, 1e5, 1e6} {
		for _, p := range []float64{0.0005, 0.025, 0.5, 0.975, 0.9995} {
			near(t, "P(Pinv(p))", gammaP(a, gammaQuantile(a, p)), p, 1e-8)
		}
	}
}

// exactBinomialCDF adds rationals, without rounding.
func exactBinomialCDF(k, n int, numerator, denominator int64) float64 {
	p := big.NewRat(numerator, denominator)
	q := new(big.Rat).Sub(big.NewRat(1, 1), p)
	sum := new(big.Rat)
	for i := 0; i <= k; i++ {
		term := new(big.Rat).SetInt(new(big.Int).Binomial(int64(n), int64(i)))
		for range i {
			term.Mul(term, p)
		}
		for range n - i {
			term.Mul(term, q)
		}
		sum.Add(sum, term)
	}
	f, _ := sum.Float64()
	return f
}

func TestBinomialIsExact(t *testing.T) {
	for _, n := range []int{1, 2, 5, 10, 40} {
		for _, numerator := range []int64{1, 5, 50, 95, 99} {
			for k := -1; k <= n; k++ {
				near(t, "P(B <= k)", binomialCDF(k, n, float64(numerator)/100), exactBinomialCDF(k, n, numerator, 100), 1e-13)
			}
		}
	}
}

// TestMedianRanks compares with the table of order-statistic intervals for a median at 95 % (for instance Conover, Practical
// Nonparametric Statistics, or Hahn and Meeker, Statistical Intervals, table A.17 and its neighbours).
func TestMedianRanks(t *testing.T) {
	for n, want := range map[int][2]int{5: {0, 6}, 6: {1, 6}, 8: {1, 8}, 9: {2, 8}, 10: {2, 9}, 15: {4, 12}, 20: {6, 15}, 25: {8, 18}, 30: {10, 21}, 50: {18, 33}, 100: {40, 61}} {
		if l, u := lowerRank(n, 0.5, 0.025), upperRank(n, 0.5, 0.025); l != want[0] || u != want[1] {
			t.Errorf("n = %d: ranks %d and %d; want %d and %d", n, l, u, want[0], want[1])
		}
	}
}

// TestWilksNumbers: 59 observations bound a 95th percentile from above with 95 % confidence on that one side, 299 a 99th (S. S.
// Wilks, "Determination of sample sizes for setting tolerance limits", Annals of Mathematical Statistics 12 (1941)).
func TestWilksNumbers(t *testing.T) {
	for n, p := range map[int]float64{29: 0.9, 59: 0.95, 299: 0.99} {
		if u := upperRank(n, p, 0.05); u != n {
			t.Errorf("%d observations, p = %v: rank %d; want the largest", n, p, u)
		}
		if u := upperRank(n-1, p, 0.05); u != n {
			t.Errorf("%d observations, p = %v: rank %d; want none", n-1, p, u)
		}
	}
}

// TestRanksAreTheNarrowestThatCover: one rank further in would leave out more than the tail.
func TestRanksAreTheNarrowestThatCover(t *testing.T) {
	for _, n := range []int{1, 7, 72, 368, 1000, 20_000} {
		for _, p := range []float64{0.001, 0.5, 0.9, 0.95, 0.99, 0.999} {
			const tail = 0.025
			l, u := lowerRank(n, p, tail), upperRank(n, p, tail)
			if below := binomialCDF(l-1, n, p); below > tail {
				t.Errorf("n = %d, p = %v: P(B < %d) = %v", n, p, l, below)
			}
			if below := binomialCDF(l, n, p); l < n && below <= tail {
				t.Errorf("n = %d, p = %v: rank %d would do as the lower", n, p, l+1)
			}
			if above := 1 - binomialCDF(u-1, n, p); above > tail+1e-12 {
				t.Errorf("n = %d, p = %v: P(B >= %d) = %v", n, p, u, above)
			}
			if above := 1 - binomialCDF(u-2, n, p); u > 1 && above <= tail-1e-12 {
				t.Errorf("n = %d, p = %v: rank %d would do as the upper", n, p, u-1)
			}
		}
	}
}
