package verdict

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// TestMiettinenAndNurminen: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine
// 17 (1998), table II, method 6.
func TestMiettinenAndNurminen(t *testing.T) {
	for _, tt := range []struct {
		a, m, b, n int
		low, high  float64
	}{
		{56, 70, 48, 80, 0.0528, 0.3382}, {9, 10, 3, 10, 0.1700, 0.8406}, {6, 7, 2, 7, 0.0342, 0.8534},
		{5, 56, 0, 29, -0.0326, 0.1933}, {0, 10, 0, 20, -0.1658, 0.2844}, {10, 10, 0, 20, 0.7156, 1},
	} {
		c, ok := Compare("error_rate", failures(tt.a, tt.m), failures(tt.b, tt.n))
		if !ok {
			t.Fatal("not compared")
		}
		near(t, "low", c.Difference.Interval.Low, tt.low, 5.1e-5)
		near(t, "high", c.Difference.Interval.High, tt.high, 5.1e-5)
		near(t, "estimate", c.Difference.Estimate, float64(tt.a)/float64(tt.m)-float64(tt.b)/float64(tt.n), 1e-12)
	}
}

// The interval of a difference of quantiles holds the true difference at least as often as it says.
func TestDifferenceOfQuantilesCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, shift float64) []Observation {
		obs := make([]Observation, n)
		for i := range obs {
			obs[i].Value = shift + r.ExpFloat64()
		}
		return obs
	}
	const runs = 1000
	for _, statistic := range []string{"p50", "p95"} {
		holds, useful := 0, 0
		for range runs {
			c, _ := Compare(statistic, draw(150, 10), draw(350, 0)) // both have one shape: each quantile differs by 10
			in := c.Difference.Interval
			if in.Low <= 10 && 10 <= in.High {
				holds++
			}
			if in.Low > 0 {
				useful++
			}
		}
		if float64(holds)/runs < DefaultConfidence {
			t.Errorf("%s: %d of %d intervals hold the difference", statistic, holds, runs)
		}
		if useful < runs {
			t.Errorf("%s: %d of %d intervals see that there is one", statistic, useful, runs)
		}
	}
}

func TestCompareIsModest(t *testing.T) {
	few := values(1, 2, 3)
	c, ok := Compare("p95", few, values(1, 1, 1))
	if !ok || !math.IsInf(c.Difference.Interval.High, 1) || c.Difference.Estimate != 2 {
		t.Errorf("three samples: %+v, %v", c, ok)
	}
	unanswered, _ := Compare("p50", values(math.Inf(1)), few)
	if !math.IsInf(unanswered.Difference.Estimate, 1) {
		t.Errorf("never answered: %+v", unanswered)
	}
	text, err := json.Marshal([]Contrast{c, unanswered})
	if err != nil {
		t.Fatal(err)
	}
	var back []Contrast
	if err := json.Unmarshal(text, &back); err != nil || back[0].Difference != c.Difference || back[0].Hit.Estimate != 3 || !math.IsNaN(back[1].Hit.Estimate) {
		t.Errorf("%s: %+v, %v", text, back, err)
	}
	for _, statistic := range []string{"mean", "rate", "count", "value", "p200", ""} {
		if _, ok := Compare(statistic, few, few); ok {
			t.Errorf("%q was compared", statistic)
		}
	}
	if _, ok := Compare("p50", nil, few); ok {
		t.Error("an empty group was compared")
	}
}
