package verdict

import (
	"math"
	"slices"
)

// A side is one of two groups that are compared. Not every latency is known: a request that timed out took at least the time
// waited, and a reading that failed might have been anything. So a side knows what each observation is at least, and what at most, and
// a comparison takes of both sides what speaks against what it wants to say.
type side struct {
	n       int
	failed  int
	unknown int       // readings that might have been anything
	low     []float64 // sorted
	high    []float64 // sorted
}

// newSide prepares observations. Nothing measured is smaller than floor.
func newSide(obs []Observation, floor float64) side {
	s := side{n: len(obs), low: make([]float64, 0, len(obs)), high: make([]float64, 0, len(obs))}
	exact := true
	for _, o := range obs {
		low, high := bounds(o, floor)
		if o.Failed {
			s.failed++
		}
		if math.IsNaN(o.Value) {
			s.unknown++
		}
		exact = exact && low == high
		s.low, s.high = append(s.low, low), append(s.high, high)
	}
	slices.Sort(s.low)
	if exact {
		s.high = s.low
		return s
	}
	slices.Sort(s.high)
	return s
}

// bounds are what an observation is at least, and at most.
func bounds(o Observation, floor float64) (low, high float64) {
	switch {
	case math.IsNaN(o.Value):
		return floor, math.Inf(1)
	case o.Failed && o.Class == TimedOut:
		return o.Value, math.Inf(1)
	}
	return o.Value, o.Value
}

// with is the side and another one put together.
func (s side) with(more side) side {
	if more.n == 0 {
		return s
	}
	both := side{n: s.n + more.n, failed: s.failed + more.failed, unknown: s.unknown + more.unknown,
		low: slices.Concat(s.low, more.low), high: slices.Concat(s.high, more.high)}
	slices.Sort(both.low)
	slices.Sort(both.high)
	return both
}

// blurred is the side as read from a clock whose readings are up to half a step away from the truth.
func (s side) blurred(step float64) side {
	if step == 0 {
		return s
	}
	move := func(xs []float64, by float64) []float64 {
		moved := make([]float64, len(xs))
		for i, x := range xs {
			moved[i] = max(x+by, min(x, 0)) // what is not negative does not become so
		}
		return moved
	}
	s.low, s.high = move(s.low, -step/2), move(s.high, step/2)
	return s
}

// known are the values that were measured or, of requests given up on, waited for; sorted.
func (s side) known() []float64 {
	if s.unknown == 0 {
		return s.low
	}
	return s.low[min(s.unknown, len(s.low)):] // the unknown ones are the smallest there can be
}

// clockStep is the smallest difference between two values of the sides if most are shared by several observations of their side, as those
// of a coarse clock are; 0 otherwise, and where all are one and the same.
func clockStep(a, b side) float64 {
	x, y := slices.Compact(slices.Clone(a.known())), slices.Compact(slices.Clone(b.known()))
	if 2*(len(x)+len(y)) > a.n+b.n {
		return 0
	}
	all := slices.Concat(x, y)
	slices.Sort(all)
	step := math.Inf(1)
	for i := 1; i < len(all); i++ {
		if gap := all[i] - all[i-1]; gap > 0 {
			step = min(step, gap)
		}
	}
	if math.IsInf(step, 1) {
		return 0
	}
	return step
}
