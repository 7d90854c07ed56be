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
	// Slower is how probable it is that a request that was hit took longer than one that was spared: one half if it made no difference. It is
	// there for latencies.
	Slower *Reading `json:"slower,omitempty"`
}

// Compare contrasts two groups of requests by a quantile of their latencies ("p95") or by their error_rate, at 95 %
// confidence. ok is false for other statistics, and where a group is empty.
func Compare(statistic string, hit, spared []Observation) (c Contrast, ok bool) {
	e := Expectation{Statistic: statistic, Unit: Seconds, Relative: DifferenceFrom}
	_, isQuantile := quantileOf(statistic)
	if statistic == "error_rate" {
		e.Unit = Ratio
	} else if !isQuantile {
		return c, false
	}
	if len(hit) == 0 || len(spared) == 0 {
		return c, false
	}
	c = Contrast{Statistic: statistic, Unit: e.Unit, Hit: read(e, hit, DefaultConfidence), Spared: read(e, spared, DefaultConfidence)}
	p := newPair(e, hit, spared, nil)
	c.Difference = Reading{c.Hit.Estimate - c.Spared.Estimate, p.interval(DefaultConfidence)}
	if isQuantile {
		c.Slower = &Reading{slower{}.estimate(p.x, p.y), pair{comparison: slower{}, x: p.x, y: p.y}.interval(DefaultConfidence)}
	}
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
