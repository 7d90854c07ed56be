package verdict

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// expect parses or fails the test.
func expect(t testing.TB, text string) Expectation {
	t.Helper()
	e, err := ParseExpectation(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// failures makes n observations of which the first k failed.
func failures(k, n int) []Observation {
	obs := make([]Observation, n)
	for i := range obs {
		obs[i] = Observation{Failed: i < k, Class: "200"}
	}
	return obs
}

func values(xs ...float64) []Observation {
	obs := make([]Observation, len(xs))
	for i, x := range xs {
		obs[i] = Observation{At: time.Unix(int64(i), 0), Value: x}
	}
	return obs
}

// TestWilson: R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998), table
// I, method 3.
func TestWilson(t *testing.T) {
	e := expect(t, "error_rate < 50%")
	for _, tt := range []struct {
		k, n      int
		low, high float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}, {29, 29, 1 - 0.1170, 1}} {
		f := Judge(e, failures(tt.k, tt.n), time.Second)
		near(t, "low", f.Interval.Low, tt.low, 5.1e-5)
		near(t, "high", f.Interval.High, tt.high, 5.1e-5)
		near(t, "estimate", f.Estimate, float64(tt.k)/float64(tt.n), 1e-15)
		if f.Samples != tt.n || f.Errors != tt.k {
			t.Errorf("%d of %d: %+v", tt.k, tt.n, f)
		}
	}
}

// TestGarwood: F. Garwood, Biometrika 28 (1936), as tabulated in Pearson and Hartley, Biometrika Tables for Statisticians, table 40.
func TestGarwood(t *testing.T) {
	e := expect(t, "rate > 0/s")
	for _, tt := range []struct {
		k                     int
		confidence, low, high float64
	}{
		{0, 0.95, 0, 3.689}, {1, 0.95, 0.0253, 5.572}, {2, 0.95, 0.242, 7.225}, {3, 0.95, 0.619, 8.767}, {4, 0.95, 1.09, 10.24},
		{5, 0.95, 1.62, 11.67}, {10, 0.95, 4.80, 18.39}, {20, 0.95, 12.22, 30.89}, {30, 0.95, 20.24, 42.83}, {50, 0.95, 37.11, 65.92},
		{0, 0.99, 0, 5.298}, {10, 0.99, 3.72, 21.40},
	} {
		const failed = 3 // failed ones do not count
		f := JudgeAt(e, failures(failed, tt.k+failed), time.Second, tt.confidence)
		near(t, "low", f.Interval.Low, tt.low, 5.1e-3)
		near(t, "high", f.Interval.High, tt.high, 5.1e-3)
		near(t, "estimate", f.Estimate, float64(tt.k), 0)
		tenth := JudgeAt(e, failures(failed, tt.k+failed), 10*time.Second, tt.confidence)
		near(t, "high, per second of ten", tenth.Interval.High, f.Interval.High/10, 1e-12)
	}
}

// TestStudentMean: the sleep data of Student's own paper (Biometrika 6 (1908), p. 20), the differences between two drugs: mean 1.58,
// standard deviation 1.23, interval 0.70 to 2.46.
func TestStudentMean(t *testing.T) {
	f := Judge(expect(t, "mean > 0"), values(1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4), time.Second)
	near(t, "mean", f.Estimate, 1.58, 1e-12)
	near(t, "low", f.Interval.Low, 0.70, 5e-3)
	near(t, "high", f.Interval.High, 2.46, 5e-3)
	if f.Outcome != Held {
		t.Errorf("%s: %s", f.Outcome, f.Reason)
	}
}

func TestQuantileRanks(t *testing.T) {
	var xs []float64
	for i := range 100 {
		xs = append(xs, float64((i*37)%100+1)) // 1 to 100, out of order
	}
	f := Judge(expect(t, "p50 < 70"), values(xs...), time.Second)
	if f.Estimate != 50 || f.Interval.Low != 40 || f.Interval.High != 61 || f.Outcome != Held {
		t.Errorf("median of 1 to 100: %+v; want 50, from 40 to 61", f)
	}
	for text, want := range map[string]float64{"p1 < 7": 1, "p95 < 7": 95, "p99 < 7": 99, "p99.9 < 7": 100, "p0.1 < 7": 1, "p94.5 < 7": 95} {
		if x, ok := Estimate(expect(t, text), values(xs...), time.Second); !ok || x != want {
			t.Errorf("%s: %v, %v; want %v", text, x, ok, want)
		}
	}
}

// TestCoverage draws samples with a fixed seed and counts how often the interval holds the truth. The distribution-free and
// Poisson intervals promise at least 95 %, Student's (on normal data) and Wilson's (on average over p) 95 %. The bounds
// leave four standard errors of 2,000 draws.
func TestCoverage(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const draws = 2000
	slack := 4 * math.Sqrt(0.95*0.05/draws)
	tests := []struct {
		name, text string
		high       float64 // at most this share may cover
		draw       func() (obs []Observation, truth float64)
	}{
		{"p95 of exponential latencies", "p95 < 1s", 1, func() ([]Observation, float64) {
			return sampleOf(200, r.ExpFloat64), -math.Log(0.05)
		}},
		{"p99 of the same, few", "p99 < 1s", 1, func() ([]Observation, float64) { return sampleOf(50, r.ExpFloat64), -math.Log(0.01) }},
		{"median of a bimodal one", "p50 < 1s", 1, func() ([]Observation, float64) {
			return sampleOf(31, func() float64 { return float64(r.IntN(2))*10 + r.Float64() }), 1 // any point between the modes
		}},
		{"mean of normal numbers", "mean < 1", 0.95 + slack, func() ([]Observation, float64) { return sampleOf(8, r.NormFloat64), 0 }},
		{"error rate, any", "error_rate < 1%", 0.97, func() ([]Observation, float64) {
			p := r.Float64()
			obs := failures(0, 60)
			for i := range obs {
				obs[i].Failed = r.Float64() < p
			}
			return obs, p
		}},
		{"rate of a Poisson process", "rate > 1/s", 1, func() ([]Observation, float64) {
			rate := 2 + 10*r.Float64()
			k := 0
			for at := r.ExpFloat64() / rate; at < 1; at += r.ExpFloat64() / rate {
				k++
			}
			return append(failures(0, k), Observation{Failed: true}), rate
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := expect(t, tt.text)
			covered := 0
			for range draws {
				obs, truth := tt.draw()
				if in := Judge(e, obs, time.Second).Interval; in.Low <= truth && truth <= in.High {
					covered++
				}
			}
			if share := float64(covered) / draws; share < 0.95-slack || share > tt.high {
				t.Errorf("%.2f %% of the intervals hold the truth; want %.2f to %.2f", 100*share, 100*(0.95-slack), 100*tt.high)
			}
		})
	}
}

func sampleOf(n int, draw func() float64) []Observation {
	xs := make([]float64, n)
	for i := range xs {
		xs[i] = draw()
	}
	return values(xs...)
}
