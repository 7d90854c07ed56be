package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMannWhitneyPublished(t *testing.T) {
	inf := math.Inf(1)
	for _, tt := range []struct {
		name       string
		x, y       []float64
		u, p, near float64
	}{
		// M. Hollander and D. A. Wolfe, Nonparametric Statistical Methods (1973), p. 69: permeability of human chorioamnion at term and before; W = 35, one-sided P = 0.1272.
		{"chorioamnion", []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 35, 0.2544, 5e-5},
		// Counted by hand: 2 of the 20 arrangements are as extreme.
		{"apart", []float64{4, 5, 6}, []float64{1, 2, 3}, 9, 0.1, 1e-12},
		{"one and one", []float64{2}, []float64{1}, 1, 1, 1e-12},
		{"all the same", []float64{1, 1, 1}, []float64{1, 1}, 3, 1, 0},
		// By hand: U is 2.5 from its mean 4.5, the three ties leave a variance of 0.75 (7 - 24/30) = 4.65.
		{"never answered is larger", []float64{inf, inf, 6}, []float64{1, 2, inf}, 7, 0.353675, 1e-5},
	} {
		r, ok := MannWhitney(tt.x, tt.y, 0.95)
		if !ok || r.U != tt.u || math.Abs(r.P-tt.p) > tt.near {
			t.Errorf("%s: U %v P %v %v; want %v, %v", tt.name, r.U, r.P, ok, tt.u, tt.p)
		}
	}
	for _, bad := range [][]float64{nil, {math.NaN()}, {1, math.NaN()}} {
		if _, ok := MannWhitney(bad, []float64{1}, 0.95); ok {
			t.Errorf("%v was tested", bad)
		}
		if _, ok := MannWhitney([]float64{1}, bad, 0.95); ok {
			t.Errorf("against %v was tested", bad)
		}
	}
}

// The exact distribution and the normal one agree where both can be had.
func TestMannWhitneyExactNearsNormal(t *testing.T) {
	for u := 200.0; u < 300; u += 10 {
		exact := exactSignificance(u, 20, 20)
		z := (u - 200 - 0.5) / math.Sqrt(20.0*20*41/12)
		near(t, "p", exact, math.Erfc(max(0, z)/math.Sqrt2), 0.005)
	}
}

// Under no difference, p-values are at most as small as they should be; with ties as well.
func TestMannWhitneyFalseAlarms(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for name, draw := range map[string]func() float64{
		"continuous": r.ExpFloat64,
		"ties":       func() float64 { return float64(r.IntN(4)) },
	} {
		for _, n := range []int{8, 40, 200} {
			const runs = 600
			alarms := 0
			for range runs {
				x, y := some(n, draw), some(n/2, draw)
				if m, _ := MannWhitney(x, y, 0.95); m.P <= 0.05 {
					alarms++
				}
			}
			if rate := float64(alarms) / runs; rate > 0.05+3*math.Sqrt(0.05*0.95/runs) {
				t.Errorf("%s, %d: %.3f false alarms", name, n, rate)
			}
		}
	}
}

// The interval of the share covers the truth, whatever the shapes.
func TestSlowerCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	for _, tt := range []struct {
		name string
		x, y func() float64
		a    float64
	}{
		{"equal", r.ExpFloat64, r.ExpFloat64, 0.5},
		{"exponential, twice as slow", func() float64 { return 2 * r.ExpFloat64() }, r.ExpFloat64, 2.0 / 3},
		{"normal, a deviation apart", func() float64 { return r.NormFloat64() + 1 }, r.NormFloat64, 0.760250},
		{"one wide, one narrow", func() float64 { return 20 * r.NormFloat64() }, r.NormFloat64, 0.5},
		{"ten times slower", func() float64 { return 10 * r.ExpFloat64() }, r.ExpFloat64, 10.0 / 11},
		{"two modes", func() float64 { return float64(r.IntN(2)) * 9 }, r.ExpFloat64, 0.5 * (1 - math.Exp(-9))},
	} {
		for _, n := range []int{20, 100, 400} {
			const runs = 500
			holds := 0
			for range runs {
				m, _ := MannWhitney(some(n, tt.x), some(n, tt.y), 0.95)
				if m.Slower.Interval.Low <= tt.a && tt.a <= m.Slower.Interval.High {
					holds++
				}
			}
			t.Logf("%s, %d: %.3f", tt.name, n, float64(holds)/runs)
			if rate := float64(holds) / runs; rate < 0.95-3*math.Sqrt(0.05*0.95/runs) {
				t.Errorf("%s, %d: covers %.3f", tt.name, n, rate)
			}
		}
	}
}

func TestSlowerMirrors(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for range 100 {
		x, y := some(5+r.IntN(30), r.Float64), some(5+r.IntN(30), r.Float64)
		a, _ := MannWhitney(x, y, 0.95)
		b, _ := MannWhitney(y, x, 0.95)
		near(t, "share", a.Slower.Estimate, 1-b.Slower.Estimate, 1e-12)
		near(t, "low", a.Slower.Interval.Low, 1-b.Slower.Interval.High, 1e-12)
		near(t, "p", a.P, b.P, 1e-12)
		slices.Reverse(x)
		c, _ := MannWhitney(x, y, 0.95)
		if c != a {
			t.Errorf("the order matters: %+v, %+v", a, c)
		}
	}
}

func some(n int, draw func() float64) []float64 {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = draw()
	}
	return xs
}
