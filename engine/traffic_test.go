package engine

import (
	"encoding/base64"
	"math"
	"testing"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"pgregory.net/rapid"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

func TestTrafficStats(t *testing.T) {
	var obs []verdict.Observation
	for i := 1; i <= 1000; i++ {
		obs = append(obs, verdict.Observation{Value: float64(i) / 1000, Class: "200", Late: time.Duration(i) * time.Microsecond})
	}
	obs = append(obs, verdict.Observation{Value: math.Inf(1), Failed: true, Class: "dropped"})
	obs = append(obs, verdict.Observation{Value: math.Inf(1), Failed: true, Class: "refused"})
	s := trafficStats(obs)
	if s.Due != 1002 || s.Dropped != 1 || s.Errors != 2 || s.Classes["200"] != 1000 || s.Classes["dropped"] != 1 || s.Classes["refused"] != 1 {
		t.Errorf("counts: %+v", s)
	}
	for _, q := range []struct{ got, want float64 }{{s.P50, 0.5}, {s.P90, 0.9}, {s.P95, 0.95}, {s.P99, 0.99}, {s.P999, 0.999}, {s.Max, 1}, {s.Mean, 0.5005}} {
		if math.Abs(q.got-q.want) > 0.001*q.want+1e-6 {
			t.Errorf("got %v, want %v", q.got, q.want)
		}
	}
	raw, err := base64.StdEncoding.DecodeString(s.Histogram)
	if err != nil {
		t.Fatal(err)
	}
	if h, err := hdr.Decode(raw); err != nil || h.TotalCount() != 1000 {
		t.Errorf("histogram: %v, %v", h, err)
	}
	if empty := trafficStats(nil); empty.Due != 0 || empty.P99 != 0 || empty.Histogram != "" {
		t.Errorf("nothing: %+v", empty)
	}
}

func TestDue(t *testing.T) {
	constant := []experiment.RateStep{{From: 20, To: 20}}
	ramp := []experiment.RateStep{{From: 0, To: 100, For: 10 * time.Second}, {From: 100, To: 100}}
	short := []experiment.RateStep{{From: 10, To: 10, For: 2 * time.Second}}
	tests := []struct {
		steps    []experiment.RateStep
		from, to float64
		want     float64
	}{
		{constant, 0, 1, 20}, {constant, 7, 10, 60}, {ramp, 0, 10, 500}, {ramp, 0, 5, 125}, {ramp, 5, 12, 575},
		{short, 0, 4, 40}, {short, 5, 6, 10}, {nil, 0, 9, 0}, {constant, 3, 3, 0},
	}
	for _, test := range tests {
		got := due(test.steps, time.Duration(test.from*float64(time.Second)), time.Duration(test.to*float64(time.Second)))
		if math.Abs(got-test.want) > 1e-6 {
			t.Errorf("%v from %v to %v: %v, want %v", test.steps, test.from, test.to, got, test.want)
		}
	}
}

// TestRank compares with the definition: at least the share q of the values is no larger, and no smaller value does.
func TestRank(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "n")
		sorted := make([]float64, n)
		for i := range sorted {
			sorted[i] = float64(i)
		}
		q := rapid.Float64Range(0.01, 1).Draw(t, "q")
		x := rank(sorted, q)
		if (x+1)/float64(n) < q || x > 0 && x/float64(n) >= q {
			t.Errorf("rank of %v in %d values is %v", q, n, x)
		}
	})
}
