package verdict

import (
	"encoding/json"
	"math"
)

// A Reading is a statistic with its confidence interval.
type Reading struct {
	Estimate float64  `json:"estimate"`
	Interval Interval `json:"interval"`
}

// A Contrast is a statistic of the requests that a fault has hit and of those that it has spared, and how much more it is in
// the first.
type Contrast struct {
	Statistic  string  `json:"statistic"`
	Unit       Unit    `json:"unit"`
	Hit        Reading `json:"hit"`
	Spared     Reading `json:"spared"`
	Difference Reading `json:"difference"`
}

// Compare contrasts two groups of requests by a quantile of their latencies ("p95") or by their error_rate, at 95 %
// confidence. ok is false for other statistics, and where a group is empty.
//
// The interval of a difference of quantiles is made of those of both at half the risk: each misses its quantile with 2.5 %,
// so that both hold with 95 % at least, whatever the distributions (Bonferroni's inequality). It is wider than it would
// have to be, and never says more than it knows. That of a difference of rates is Newcombe's: see differenceOfRates.
func Compare(statistic string, hit, spared []Observation) (c Contrast, ok bool) {
	c = Contrast{Statistic: statistic, Unit: Seconds}
	_, isQuantile := quantileOf(statistic)
	if statistic == "error_rate" {
		c.Unit = Ratio
	} else if !isQuantile {
		return c, false
	}
	if len(hit) == 0 || len(spared) == 0 {
		return c, false
	}
	e := Expectation{Statistic: statistic, Unit: c.Unit}
	c.Hit, c.Spared = read(e, hit, DefaultConfidence), read(e, spared, DefaultConfidence)
	c.Difference.Estimate = c.Hit.Estimate - c.Spared.Estimate
	if statistic == "error_rate" {
		c.Difference.Interval = differenceOfRates(c.Hit, c.Spared)
		return c, true
	}
	const half = 1 - (1-DefaultConfidence)/2
	a, b := read(e, hit, half).Interval, read(e, spared, half).Interval
	c.Difference.Interval = Interval{Low: a.Low - b.High, High: a.High - b.Low, Confidence: DefaultConfidence}
	return c, true
}

// read estimates a statistic that is known to exist, of observations that are known to be some.
func read(e Expectation, obs []Observation, confidence float64) Reading {
	s := newSample(e, obs, 0)
	s.sort()
	st := statisticOf(e)
	estimate, ok := st.estimate(&s)
	if !ok {
		return Reading{math.NaN(), Interval{math.Inf(-1), math.Inf(1), confidence}}
	}
	return Reading{estimate, st.interval(&s, s.n, confidence)}
}

// differenceOfRates is R. G. Newcombe's hybrid score interval, "Interval estimation for the difference between independent
// proportions", Statistics in Medicine 17 (1998), pp. 873-890, method 10: Wilson's intervals of both, put together.
func differenceOfRates(a, b Reading) Interval {
	d := a.Estimate - b.Estimate
	down := math.Hypot(a.Estimate-a.Interval.Low, b.Interval.High-b.Estimate)
	up := math.Hypot(a.Interval.High-a.Estimate, b.Estimate-b.Interval.Low)
	return Interval{Low: d - down, High: d + up, Confidence: a.Interval.Confidence}
}

// MarshalJSON implements json.Marshaler: an estimate that is no number is null.
func (r Reading) MarshalJSON() ([]byte, error) {
	return json.Marshal(readingJSON{finite(r.Estimate), r.Interval})
}

// UnmarshalJSON implements json.Unmarshaler.
func (r *Reading) UnmarshalJSON(data []byte) error {
	var j readingJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*r = Reading{or(j.Estimate, math.NaN()), j.Interval}
	return nil
}

type readingJSON struct {
	Estimate *float64 `json:"estimate"`
	Interval Interval `json:"interval"`
}
