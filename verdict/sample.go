package verdict

import (
	"math"
	"slices"
	"time"
)

// TimedOut is the class of a request that was given up on. Its Value is the time waited, so its latency is known to be at
// least that.
const TimedOut = "timeout"

// A sample is observations prepared for one expectation.
type sample struct {
	n       int       // observations
	failed  int       // of them
	values  []float64 // what they measured, sorted; +Inf for a request never answered
	unknown int       // observations that measured nothing: failed readings, which might have been anything
	last    float64   // the latest of values, if there is any
	floor   float64   // no value can be smaller: 0 for latencies
	window  float64   // seconds
	spans   bool      // observations sum up spans of time: window is what they cover, and their values are events
	dark    float64   // seconds of spans that nobody can tell of
}

// newSample decides what each observation counts as.
//
// Latencies: an answer counts with its latency, an error answer too. A request never answered counts as +Inf. One that
// timed out counts with the time waited, if that alone decides against the threshold, and otherwise as +Inf: its
// latency is unknown, but longer.
//
// Numbers: a failed reading is not a value, whatever it carries.
func newSample(e Expectation, obs []Observation, window time.Duration) sample {
	s := sample{n: len(obs), window: window.Seconds(), floor: math.Inf(-1), values: make([]float64, 0, len(obs))}
	if e.Unit == Seconds {
		s.floor = 0
	}
	var latest time.Time
	var told, dark time.Duration
	for _, o := range obs {
		if o.Failed {
			s.failed++
		}
		if o.Span > 0 {
			s.spans = true
			if o.Failed {
				dark += o.Span
			} else {
				told += o.Span
			}
		}
		x := o.Value
		if e.Unit == Seconds {
			if math.IsNaN(x) || o.Failed && o.Class == TimedOut && x < e.Threshold {
				x = math.Inf(1)
			}
		} else if o.Failed || math.IsNaN(x) {
			s.unknown++
			continue
		}
		if len(s.values) == 0 || !o.At.Before(latest) {
			latest, s.last = o.At, x
		}
		s.values = append(s.values, x)
	}
	if s.spans {
		s.window, s.dark = told.Seconds(), dark.Seconds()
	}
	return s
}

func (s *sample) sort() { slices.Sort(s.values) }

// events are what happened and did not fail.
func (s *sample) events() float64 {
	if !s.spans {
		return float64(s.n - s.failed)
	}
	sum := 0.0
	for _, x := range s.values {
		sum += x
	}
	return sum
}
