package engine

import (
	"math"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// series cuts sorted observations into whole seconds since the start. Seconds without any observation are
// points too: a gap must be seen as a gap. expect, if not nil, fills Point.Stat.
func series(sorted []verdict.Observation, start, end time.Time, expect *verdict.Expectation) []Point {
	n := max(0, int(math.Ceil(end.Sub(start).Seconds())))
	points := make([]Point, 0, n)
	for i := range n {
		from := start.Add(time.Duration(i) * time.Second)
		points = append(points, point(float64(i), between(sorted, from, from.Add(time.Second)), expect))
	}
	stretch(points, sorted, start)
	return points
}

// seriesOf is series for a measure of one side, or of two.
func seriesOf(all sides, start, end time.Time, expect verdict.Expectation) []Point {
	if expect.Relative == "" {
		return series(all.subject, start, end, &expect)
	}
	points := series(all.subject, start, end, nil)
	for i := range points {
		from := start.Add(time.Duration(i) * time.Second)
		until := from.Add(time.Second)
		if x, ok := verdict.EstimateAgainst(expect, between(all.subject, from, until), between(all.control, from, until)); ok {
			points[i].Stat = finite(x)
		}
	}
	return points
}

// stretch shows an observation that sums up a span of time in each of its seconds: that it is one of them, Count says.
func stretch(points []Point, obs []verdict.Observation, start time.Time) {
	for _, o := range obs {
		first, last := int(o.At.Sub(start)/time.Second), int(o.At.Add(o.Span).Sub(start)/time.Second)
		if o.Span == 0 || first < 0 || first >= len(points) {
			continue
		}
		for i := first + 1; i < min(last, len(points)) && points[i].Count == 0; i++ {
			points[i].Stat = points[first].Stat
		}
	}
}

func point(t float64, obs []verdict.Observation, expect *verdict.Expectation) Point {
	p := Point{T: t, Count: len(obs)}
	values := make([]float64, 0, len(obs))
	for _, o := range obs {
		if o.Failed {
			p.Errors++
		}
		if !math.IsNaN(o.Value) {
			values = append(values, o.Value)
		}
	}
	if expect != nil && len(obs) > 0 {
		if x, ok := verdict.Estimate(*expect, obs, time.Second); ok {
			p.Stat = finite(x)
		}
	}
	if len(values) == 0 {
		return p
	}
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	p.Mean = finite(sum / float64(len(values)))
	p.P50, p.P95, p.P99 = finite(rank(values, 0.5)), finite(rank(values, 0.95)), finite(rank(values, 0.99))
	p.Max = finite(values[len(values)-1])
	return p
}

// rank is the nearest-rank quantile: the smallest value that at least the share q of all values does not exceed.
func rank(sorted []float64, q float64) float64 {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// finite is nil for what JSON cannot carry and a chart cannot draw.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}
