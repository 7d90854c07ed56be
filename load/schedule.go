package load

import (
	"fmt"
	"math"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// maxRate bounds a step, in requests a second: a mistyped unit should be an error, not an outage.
const maxRate = 1e6

// A Schedule says when each request is due. It is pure arithmetic over the integral of the rate: request k (counted
// from 0) is due at the first instant by which k requests fit under the rate curve.
type Schedule struct {
	segments []segment
}

// A segment has a rate that changes linearly from its beginning to its end. Times in seconds.
type segment struct {
	begin, length float64 // length is +Inf for the last
	from, to      float64 // requests a second
	before, area  float64 // requests due before it, and in it
}

// NewSchedule makes the schedule of rate steps. All but the last step need a length; a last one with a length goes on at
// its final rate. Rates are between 0 and 1,000,000 a second, and at least one is above 0.
func NewSchedule(steps []experiment.RateStep) (Schedule, error) {
	var s Schedule
	begin, before := 0.0, 0.0
	add := func(from, to, length float64) {
		area := (from + to) / 2 * length
		if from+to == 0 {
			area = 0 // also for a length without end
		}
		s.segments = append(s.segments, segment{begin, length, from, to, before, area})
		begin, before = begin+length, before+area
	}
	for i, step := range steps {
		if err := checkStep(step, i, len(steps)); err != nil {
			return Schedule{}, err
		}
		if step.For > 0 {
			add(step.From, step.To, step.For.Seconds())
		}
	}
	if len(steps) > 0 {
		last := steps[len(steps)-1].To
		add(last, last, math.Inf(1))
	}
	if before == 0 {
		return Schedule{}, fmt.Errorf("the rate is never above 0: write one such as 20/s")
	}
	return s, nil
}

func checkStep(step experiment.RateStep, i, n int) error {
	for _, r := range []float64{step.From, step.To} {
		if !(r >= 0 && r <= maxRate) {
			return fmt.Errorf("rate step %d: %g/s is not between 0/s and %.0f/s", i+1, r, float64(maxRate))
		}
	}
	switch {
	case step.For < 0:
		return fmt.Errorf("rate step %d: lasts %s: a length cannot be negative", i+1, step.For)
	case step.For == 0 && i < n-1:
		return fmt.Errorf("rate step %d: it has no length: only the last step may go on to the end", i+1)
	}
	return nil
}

// At is when request k is due, counted from the start; false if it never is.
func (s Schedule) At(k uint64) (time.Duration, bool) {
	for i := range s.segments {
		if g := &s.segments[i]; float64(k) < g.before+g.area {
			return nanoseconds(g.begin + g.reach(math.Max(0, float64(k)-g.before)))
		}
	}
	return 0, false
}

// reach is how long after its beginning a segment has brought n requests. With slope a = (to-from)/length it solves
// from·x + a·x²/2 = n, in the form that loses no digits when the slope is small and divides by zero only at n = 0.
func (g *segment) reach(n float64) float64 {
	if n == 0 {
		return 0
	}
	slope := (g.to - g.from) / g.length
	return math.Min(g.length, 2*n/(g.from+math.Sqrt(math.Max(0, g.from*g.from+2*slope*n))))
}

// Due is how many requests are due by an elapsed time: those with At(k) <= elapsed.
func (s Schedule) Due(elapsed time.Duration) uint64 {
	if elapsed < 0 {
		return 0
	}
	n := uint64(s.area(elapsed.Seconds()))
	// The inverse is rounded to nanoseconds, so the last request or two are asked one by one.
	for n > 0 && !s.due(n-1, elapsed) {
		n--
	}
	for s.due(n, elapsed) {
		n++
	}
	return n
}

func (s Schedule) due(k uint64, elapsed time.Duration) bool {
	at, ok := s.At(k)
	return ok && at <= elapsed
}

// area is the integral of the rate from the start.
func (s Schedule) area(t float64) float64 {
	total := 0.0
	for i := range s.segments {
		g := &s.segments[i]
		x := math.Min(t-g.begin, g.length)
		if x <= 0 {
			break
		}
		slope := (g.to - g.from) / g.length
		total += g.from*x + slope*x*x/2
	}
	return total
}

// nanoseconds is false for a time that a Duration cannot hold: 292 years is never.
func nanoseconds(seconds float64) (time.Duration, bool) {
	ns := math.Round(seconds * float64(time.Second))
	if ns >= math.MaxInt64 {
		return 0, false
	}
	return time.Duration(ns), true
}
