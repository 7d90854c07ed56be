package history

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A Drift is a trend of a measure for the worse. Its numbers are in the unit of the measure, and a step is from one run to the next.
type Drift struct {
	Measure string           `json:"measure"`
	Runs    int              `json:"runs"`
	From    float64          `json:"from"` // the trend's line, at the first of the runs
	To      float64          `json:"to"`   // and at the last
	Slope   verdict.Interval `json:"slope"`
	P       float64          `json:"p"` // how likely a trend like that is where there is none, before Holm's correction

	expect verdict.Expectation
	first  Run
}

const (
	fewestRuns  = 10   // the normal approximation of Kendall's S is good from there on
	mostRuns    = 200  // the latest; the slopes of all pairs are many
	driftLevel  = 0.01 // of false alarms, over all measures of all lines together
	driftNotice = 0.1  // a trend counts that took this much of the level, or of the room to the limit
)

// Drifts are the trends for the worse in several lines, which are tested together: by line, in their order. A line's runs since its last
// change of verdict, of its file or of the expectation count, if they held.
//
// Whether there is a trend is the test of H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945), on M. G. Kendall's S, with
// his variance for ties and his correction for continuity (Rank Correlation Methods, 1975); it asks nothing of the distribution. How steep
// it is, is the median of the slopes of all pairs, with an interval: P. K. Sen, JASA 63 (1968), after H. Theil (1950). Many
// measures are tested at once, so their error is that of all together: S. Holm, Scandinavian Journal of Statistics 6 (1979).
// The runs count as independent of each other; they are minutes or days apart.
func Drifts(lines []Line) [][]Drift {
	type tested struct {
		line int
		Drift
	}
	var all []tested
	for i, l := range lines {
		for _, d := range l.trends() {
			all = append(all, tested{i, d})
		}
	}
	slices.SortStableFunc(all, func(a, b tested) int {
		switch {
		case a.P < b.P:
			return -1
		case a.P > b.P:
			return 1
		}
		return 0
	})
	out := make([][]Drift, len(lines))
	for i, t := range all {
		if t.P > driftLevel/float64(len(all)-i) {
			break
		}
		if t.notable() {
			out[t.line] = append(out[t.line], t.Drift)
		}
	}
	return out
}

// trends tests each measure of a line's last streak.
func (l Line) trends() []Drift {
	runs := streak(l.settled())
	if len(runs) < fewestRuns || runs[0].Verdict != verdict.Held {
		return nil
	}
	var out []Drift
	for _, m := range runs[len(runs)-1].Measures {
		if d, ok := trend(runs, m); ok {
			out = append(out, d)
		}
	}
	return out
}

// trend tests one measure, over the runs that expected the same of it with the same file.
func trend(runs []Run, m Measure) (Drift, bool) {
	sign := 0.0
	switch {
	case strings.HasPrefix(m.Finding.Expectation.Op, "<"):
		sign = 1
	case strings.HasPrefix(m.Finding.Expectation.Op, ">"):
		sign = -1
	}
	var values []float64
	latest := runs[len(runs)-1]
	first := latest
	for _, r := range slices.Backward(runs) {
		f, ok := r.Finding(m.Name)
		if !ok || f.Expectation != m.Finding.Expectation || r.Source != latest.Source || len(values) == mostRuns {
			break
		}
		if !math.IsNaN(f.Estimate) && !math.IsInf(f.Estimate, 0) {
			values, first = append(values, f.Estimate), r
		}
	}
	slices.Reverse(values)
	if sign == 0 || len(values) < fewestRuns {
		return Drift{}, false
	}
	s, deviation := kendall(values)
	d := Drift{Measure: m.Name, Runs: len(values), P: 1, expect: m.Finding.Expectation, first: first}
	if s *= sign; s > 0 && deviation > 0 {
		d.P = math.Erfc((s-1)/deviation/math.Sqrt2) / 2
	}
	slope, in := sen(values, deviation)
	d.Slope = in
	middle := median(values)
	half := slope * float64(len(values)-1) / 2
	d.From, d.To = middle-half, middle+half
	return d, true
}

// kendall is S, how many pairs rise less how many fall, and its deviation where there is no trend.
func kendall(values []float64) (s, deviation float64) {
	n := float64(len(values))
	ties := map[float64]float64{}
	for i, x := range values {
		ties[x]++
		for _, y := range values[i+1:] {
			switch {
			case y > x:
				s++
			case y < x:
				s--
			}
		}
	}
	variance := n * (n - 1) * (2*n + 5)
	for _, t := range ties {
		variance -= t * (t - 1) * (2*t + 5)
	}
	return s, math.Sqrt(variance / 18)
}

// sen is the median slope, with its interval.
func sen(values []float64, deviation float64) (slope float64, in verdict.Interval) {
	var slopes []float64
	for i, x := range values {
		for j, y := range values[i+1:] {
			slopes = append(slopes, (y-x)/float64(j+1))
		}
	}
	slices.Sort(slopes)
	const z = 1.959964 // of the normal distribution, for 95 %
	width := z * deviation
	n := float64(len(slopes))
	low, high := int((n-width)/2), int(math.Ceil((n+width)/2))
	in = verdict.Interval{Low: slopes[max(low-1, 0)], High: slopes[min(high, len(slopes)-1)], Confidence: verdict.DefaultConfidence}
	return median(slopes), in
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// notable says that a trend is large enough to matter.
func (d Drift) notable() bool {
	moved := math.Abs(d.To - d.From)
	return moved >= driftNotice*math.Abs(d.From) || moved >= driftNotice*math.Abs(d.expect.Threshold-d.From)
}

// news says it in a sentence.
func (d Drift) news() News {
	e := d.expect
	text := fmt.Sprintf("%s still holds, but worsens: %s from %s to %s in %d runs since %s (limit %s)", d.Measure, e.Statistic, e.Format(d.From), e.Format(d.To), d.Runs, when(d.first), e.Format(e.Threshold))
	if step := (d.To - d.From) / float64(d.Runs-1); step != 0 {
		if left := (e.Threshold - d.To) / step; left > 0 && left < 1000 {
			text += fmt.Sprintf("; at this pace it is there in about %d runs", int(math.Ceil(left)))
		}
	}
	return News{Kind: Drifting, Text: text, Run: d.first.Run, Version: d.first.Version(), Since: d.first.Started, Drift: &d}
}

// A Story is a line with what it shows.
type Story struct {
	Line
	News []News `json:"news"`
}

// Stories tells several lines, whose drifts are tested together.
func Stories(lines []Line) []Story {
	drifts := Drifts(lines)
	out := make([]Story, len(lines))
	for i, l := range lines {
		out[i] = Story{Line: l, News: []News{}}
		if n := l.Change(); n != nil {
			out[i].News = append(out[i].News, *n)
		}
		for _, d := range drifts[i] {
			out[i].News = append(out[i].News, d.news())
		}
	}
	return out
}
