package verdict

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestSequentialBoundaries: the two-sided 5 % boundaries of Lan and DeMets' spending function like O'Brien and Fleming's, as D. M. Reboussin
// and others' program ld98 prints them.
func TestSequentialBoundaries(t *testing.T) {
	for looks, want := range map[int][]float64{
		1: {1.9600},
		2: {2.9626, 1.9686},
		5: {4.8769, 3.3569, 2.6803, 2.2898, 2.0310},
	} {
		for i, z := range want {
			got := Sequential{Alpha: 0.05, Looks: looks}.Look(i + 1)
			want := 2 * upperTail(z)
			if want < 2*leastAlpha { // about 1e-6: not looked at, or hardly
				continue
			}
			near(t, "boundary", -normalQuantile(got/2), z, 1.5e-3)
		}
	}
}

func TestSequentialKeepsItsAlpha(t *testing.T) {
	const looks, runs = 8, 40_000
	r := rand.New(rand.NewPCG(8, 8))
	limits := make([]float64, looks)
	for k := range limits {
		limits[k] = math.Inf(1)
		if a := (Sequential{Looks: looks}).Look(k + 1); a > 0 {
			limits[k] = -normalQuantile(a / 2)
		}
	}
	rejected := 0
	for range runs {
		sum := 0.0
		for k := range looks {
			sum += r.NormFloat64()
			if sum/math.Sqrt(float64(k+1)) > limits[k] {
				rejected++
				break
			}
		}
	}
	near(t, "false alarms", float64(rejected)/runs, 0.025, 4*math.Sqrt(0.025/runs))
}

func TestSequentialOddPlans(t *testing.T) {
	for _, s := range []Sequential{{}, {Looks: -3}, {Alpha: math.NaN(), Looks: 1}, {Alpha: 7, Looks: 1}} {
		near(t, "alpha", s.Look(1), 0.05, 1e-9)
		near(t, "alpha beyond the end", s.Look(9), 0.05, 1e-9)
	}
	last := 0.0
	for k := 0; k <= 13; k++ {
		a := Sequential{Looks: 12}.Look(k)
		if a < last || a > 0.05 {
			t.Errorf("look %d: %g after %g", k, a, last)
		}
		last = a
	}
}

func BenchmarkSequentialLook(b *testing.B) {
	for b.Loop() {
		Sequential{Looks: 10}.Look(10)
	}
}
