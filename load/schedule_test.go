package load

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/firedrill-dev/firedrill/experiment"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

func constant(rate float64) []experiment.RateStep {
	return []experiment.RateStep{{From: rate, To: rate}}
}

func TestSchedule(t *testing.T) {
	ramp := []experiment.RateStep{{From: 0, To: 10, For: 10 * sec}, {From: 10, To: 10}}
	spike := []experiment.RateStep{{From: 10, To: 10, For: sec}, {From: 100, To: 100, For: sec}, {From: 10, To: 10}}
	pause := []experiment.RateStep{{From: 2, To: 2, For: sec}, {For: 10 * sec}, {From: 2, To: 2}}
	tests := []struct {
		name  string
		steps []experiment.RateStep
		k     uint64
		at    time.Duration
	}{
		{"constant: the first is due at once", constant(20), 0, 0},
		{"constant: the second", constant(20), 1, 50 * ms},
		{"constant: a thousand seconds later", constant(20), 20_000, 1000 * sec},
		{"constant: less than one a second", constant(0.5), 3, 6 * sec},
		// k requests fit under t²/2 by t = √(2k).
		{"ramp from zero: the first", ramp, 0, 0},
		{"ramp from zero: 2 under the curve", ramp, 2, 2 * sec},
		{"ramp from zero: 8 under the curve", ramp, 8, 4 * sec},
		{"ramp from zero: 49 of its 50", ramp, 49, time.Duration(math.Sqrt(98) * 1e9)},
		{"ramp from zero: then constant", ramp, 50, 10 * sec},
		{"ramp from zero: then constant, later", ramp, 60, 11 * sec},
		// 10t - t²/2 = 32 at t = 4 (rate falls to 0 at 10 s).
		{"falling ramp", []experiment.RateStep{{From: 10, To: 0, For: 10 * sec}}, 32, 4 * sec},
		{"a last step with a length goes on", []experiment.RateStep{{From: 0, To: 10, For: 10 * sec}}, 60, 11 * sec},
		{"spike: before", spike, 9, 900 * ms},
		{"spike: its first", spike, 10, sec},
		{"spike: its last", spike, 109, 1990 * ms},
		{"spike: after", spike, 110, 2 * sec},
		{"spike: after, the second", spike, 111, 2100 * ms},
		{"pause: before", pause, 1, 500 * ms},
		{"pause: after", pause, 2, 11 * sec},
		{"pause: after, the second", pause, 3, 11*sec + 500*ms},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := NewSchedule(tt.steps)
			if err != nil {
				t.Fatal(err)
			}
			at, ok := s.At(tt.k)
			if !ok || (at-tt.at).Abs() > 1 { // float64 seconds are good to a nanosecond for months
				t.Errorf("request %d is due at %v, %v; want %v", tt.k, at, ok, tt.at)
			}
			if n := s.Due(at); n != tt.k+1 {
				t.Errorf("%d requests are due by %v; want %d", n, at, tt.k+1)
			}
			if n := s.Due(at - 1); n > tt.k {
				t.Errorf("%d requests are due just before request %d is", n, tt.k)
			}
		})
	}
}

func TestScheduleEnds(t *testing.T) {
	s, err := NewSchedule([]experiment.RateStep{{From: 10, To: 10, For: sec}, {From: 0, To: 0}})
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := s.At(9); !ok || at != 900*ms {
		t.Errorf("request 9 is due at %v, %v", at, ok)
	}
	if at, ok := s.At(10); ok {
		t.Errorf("request 10 is due at %v, though the rate has become 0", at)
	}
	if n := s.Due(time.Hour); n != 10 {
		t.Errorf("%d are due in an hour; want 10", n)
	}
	if n := s.Due(-1); n != 0 {
		t.Errorf("%d are due before the start", n)
	}
}

func TestScheduleRefuses(t *testing.T) {
	tests := []struct {
		name  string
		steps []experiment.RateStep
		want  string
	}{
		{"no step", nil, "never above 0"},
		{"zero", constant(0), "never above 0"},
		{"negative", constant(-1), "-1/s is not between"},
		{"not a number", constant(math.NaN()), "NaN/s is not between"},
		{"endless", constant(math.Inf(1)), "+Inf/s is not between"},
		{"too much", constant(2e6), "is not between 0/s and 1000000/s"},
		{"a step without length in the middle", []experiment.RateStep{{From: 1, To: 1}, {From: 2, To: 2}}, "rate step 1: it has no length"},
		{"negative length", []experiment.RateStep{{From: 1, To: 1, For: -1}}, "cannot be negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := NewSchedule(tt.steps)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want an error with %q", err, tt.want)
			}
		})
	}
}

// TestScheduleAgreesWithItself: times never go back, Due inverts At, and no request is more than one away from the integral.
func TestScheduleAgreesWithItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.OneOf(rapid.Just(0.0), rapid.Just(1e-300), rapid.Float64Range(0.001, 5000))
		steps := make([]experiment.RateStep, rapid.IntRange(1, 5).Draw(t, "steps"))
		for i := range steps {
			steps[i] = experiment.RateStep{From: rate.Draw(t, "from"), To: rate.Draw(t, "to"),
				For: time.Duration(rapid.Int64Range(int64(ms), int64(100*sec)).Draw(t, "for"))}
		}
		s, err := NewSchedule(steps)
		if err != nil {
			t.Skip("no rate")
		}
		k := rapid.Uint64Range(0, 1_000_000).Draw(t, "k")
		at, ok := s.At(k)
		if !ok {
			return
		}
		if n := s.Due(at); n <= k {
			t.Fatalf("request %d is due at %v, but Due says %d", k, at, n)
		}
		if next, ok := s.At(k + 1); ok && next < at {
			t.Fatalf("request %d is due at %v, the next one before it at %v", k, at, next)
		}
		if area := s.area(at.Seconds()); math.Abs(area-float64(k)) > 1e-4+1e-9*float64(k) {
			t.Fatalf("request %d is due when the integral is %v", k, area)
		}
	})
}

func BenchmarkScheduleAt(b *testing.B) {
	s, err := NewSchedule([]experiment.RateStep{{From: 0, To: 1000, For: 10 * sec}, {From: 1000, To: 1000}})
	if err != nil {
		b.Fatal(err)
	}
	for i := range b.N {
		s.At(uint64(i))
	}
}
