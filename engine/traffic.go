package engine

import (
	"encoding/base64"
	"math"
	"slices"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The histogram's range: 1 us to 1 h, three significant digits (an error of 0.1 % at most).
const (
	histogramUnit = time.Microsecond
	histogramMax  = int64(time.Hour / histogramUnit)
)

// classDropped is the class of requests that a generator never sent.
const classDropped = "dropped"

// trafficStats summarise the observations of one load in one phase. Latencies are those of the requests that
// were answered or gave up; those without one (dropped, refused, reset) are counted beside.
func trafficStats(obs []verdict.Observation) TrafficStats {
	s := TrafficStats{Due: len(obs), Classes: map[string]int{}}
	h := hdr.New(1, histogramMax, 3)
	late := make([]float64, 0, len(obs))
	sum, n := 0.0, 0
	for _, o := range obs {
		s.Classes[o.Class]++
		if o.Failed {
			s.Errors++
		}
		late = append(late, o.Late.Seconds())
		if o.Class == classDropped {
			s.Dropped++
		}
		if math.IsInf(o.Value, 1) || math.IsNaN(o.Value) || o.Value < 0 {
			continue
		}
		us := int64(math.Round(o.Value / histogramUnit.Seconds()))
		_ = h.RecordValue(min(us, histogramMax)) // cannot fail: within the range
		sum += o.Value
		n++
		s.Max = max(s.Max, o.Value)
	}
	if len(late) > 0 {
		slices.Sort(late)
		s.LateP99, s.LateMax = rank(late, 0.99), late[len(late)-1]
	}
	if n == 0 {
		return s
	}
	quantile := func(q float64) float64 {
		return math.Min(float64(h.ValueAtQuantile(q))*histogramUnit.Seconds(), s.Max)
	}
	s.Mean = sum / float64(n)
	s.P50, s.P90, s.P95, s.P99, s.P999 = quantile(50), quantile(90), quantile(95), quantile(99), quantile(99.9)
	if encoded, err := h.Encode(hdr.V2CompressedEncodingCookieBase); err == nil {
		s.Histogram = base64.StdEncoding.EncodeToString(encoded)
	}
	return s
}

// due is how many requests a load's rate calls for between two instants since its start: the integral of a
// rate that is linear in each step. The last step lasts to the end.
func due(steps []experiment.RateStep, from, to time.Duration) float64 {
	total, begin := 0.0, time.Duration(0)
	for i, step := range steps {
		end := begin + step.For
		if i == len(steps)-1 && step.For == 0 {
			end = max(to, begin)
		}
		a, b := max(from, begin), min(to, end)
		if b > a {
			total += (rateAt(step, a-begin) + rateAt(step, b-begin)) / 2 * (b - a).Seconds()
		}
		begin = end
	}
	if n := len(steps); n > 0 && to > begin { // past a last step with a length: its final rate goes on
		total += steps[n-1].To * (to - max(from, begin)).Seconds()
	}
	return total
}

// rateAt is the rate of a step some time after its beginning.
func rateAt(s experiment.RateStep, since time.Duration) float64 {
	if s.For <= 0 {
		return s.To
	}
	return s.From + (s.To-s.From)*since.Seconds()/s.For.Seconds()
}
