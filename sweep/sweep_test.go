package sweep

import (
	"math"
	"strings"
	"testing"
)

func scaleOf(t *testing.T, text string) Scale {
	t.Helper()
	s, err := ParseScale(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// certain searches a world without noise. answer says what a run at a value says.
func certain(t *testing.T, s Search, answer func(v, effort float64) Answer) ([]Reading, Conclusion) {
	t.Helper()
	var past []Reading
	for {
		trial, ok := s.Next(past)
		if !ok {
			return past, s.Conclude(past)
		}
		low, high := math.Min(s.Scale.From, s.Scale.To), math.Max(s.Scale.From, s.Scale.To)
		if trial.Value < low || trial.Value > high || trial.Effort < 1 || trial.Effort > s.patience() || trial.Why == "" {
			t.Fatalf("a trial out of bounds: %+v", trial)
		}
		past = append(past, Reading{Value: trial.Value, Effort: trial.Effort, Answer: answer(trial.Value, trial.Effort), Margin: math.NaN()})
		if len(past) > s.maxRuns() {
			t.Fatal("more runs than are allowed")
		}
	}
}

func upTo(limit float64) func(v, effort float64) Answer {
	return func(v, _ float64) Answer {
		if v <= limit {
			return Held
		}
		return Broken
	}
}

func TestOutcomes(t *testing.T) {
	for _, test := range []struct {
		name, scale string
		answer      func(v, effort float64) Answer
		want        Outcome
		text        string
		runs        int // at most
	}{
		{"found", "0ms..2s", upTo(0.34), Found, "held up to 3", 12},
		{"by factors", "1..10000", upTo(70), Found, "held up to", 13},
		{"less is harsher", "100..1", func(v, _ float64) Answer { return upTo(-30)(-v, 1) }, Found, "held up to 3", 12},
		{"at the first step", "0..100", upTo(0), Found, "held up to 0, disproved from 1", 12},
		{"the whole range", "0ms..2s", upTo(9), HeldThroughout, "up to 2s", 3},
		{"not at all", "0ms..2s", upTo(-1), BrokenThroughout, "does not hold even at 0ms", 2},
		{"nothing said", "0ms..2s", func(_, _ float64) Answer { return Undecided }, Open, "do not say", 3},
		{"a hole", "0ms..2s", func(v, _ float64) Answer { return upTo(0.3)(math.Mod(v, 1.9), 1) }, NotMonotone, "there is no one breaking point", 24},
		{"undecided in between", "0..1000", func(v, _ float64) Answer {
			if v > 400 && v < 600 {
				return Undecided
			}
			return upTo(500)(v, 1)
		}, Rough, "undecided at", 24},
		{"patience helps", "0..1000", func(v, effort float64) Answer {
			if math.Abs(v-500) < 100/effort {
				return Undecided
			}
			return upTo(500)(v, 1)
		}, Rough, "held up to 4", 24},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Search{Scale: scaleOf(t, test.scale), Ask: math.NaN()}
			past, c := certain(t, s, test.answer)
			if c.Outcome != test.want || !strings.Contains(c.Text, test.text) || len(past) > test.runs {
				t.Errorf("after %d runs: %s: %q (%s)", len(past), c.Outcome, c.Text, c.Hint)
			}
			if c.Outcome == Found && (c.Held.Agree < 2 || c.Broken.Agree < 2) {
				t.Errorf("not seen twice: %+v, %+v", c.Held, c.Broken)
			}
		})
	}
}

// A hole in the middle is found by the third look, although both ends hold.
func TestHoleBetweenGoodEnds(t *testing.T) {
	s := Search{Scale: scaleOf(t, "0ms..2s")}
	_, c := certain(t, s, func(v, _ float64) Answer {
		if v > 0.8 && v < 1.2 {
			return Broken
		}
		return Held
	})
	if c.Outcome != NotMonotone || c.Held != nil || c.Broken != nil {
		t.Errorf("%+v", c)
	}
}

// One wrong answer, anywhere, does not lead the search to a wrong place.
func TestOneWrongAnswer(t *testing.T) {
	s := Search{Scale: scaleOf(t, "0ms..2s")}
	for wrong := range 14 {
		n := -1
		past, c := certain(t, s, func(v, _ float64) Answer {
			a := upTo(0.617)(v, 1)
			if n++; n == wrong {
				return map[Answer]Answer{Held: Broken, Broken: Held}[a]
			}
			return a
		})
		if c.Outcome != Found || c.Held.Value > 0.617 || c.Broken.Value <= 0.617 {
			t.Errorf("wrong answer %d: after %d runs: %s: %s", wrong, len(past), c.Outcome, c.Text)
		}
	}
}

func TestGate(t *testing.T) {
	for _, test := range []struct {
		limit, ask float64
		want       Answer
	}{{0.5, 0.3, Held}, {0.5, 0.8, Broken}, {0.5, 0.5, Held}, {0.5, 0.501, Broken}, {9, 2, Held}, {-1, 0.1, Broken}} {
		s := Search{Scale: scaleOf(t, "0ms..2s"), Ask: test.ask}
		past, c := certain(t, s, upTo(test.limit))
		if got := c.Gate(s.Scale, test.ask); got != test.want {
			t.Errorf("limit %g, asked %g: %s, want %s (%s)", test.limit, test.ask, got, test.want, c.Text)
		}
		if len(past) == 0 {
			t.Error("no runs")
		}
	}
	s := Search{Scale: scaleOf(t, "0ms..2s")}
	if got := s.Conclude(nil).Gate(s.Scale, 1); got != Undecided {
		t.Errorf("nothing was tried: %s", got)
	}
}

// Early ends say that they are.
func TestConcludeEarly(t *testing.T) {
	s := Search{Scale: scaleOf(t, "0ms..2s")}
	held := Reading{Value: 0, Effort: 1, Answer: Held}
	broken := Reading{Value: 2, Effort: 1, Answer: Broken}
	for _, test := range []struct {
		past []Reading
		want Outcome
	}{
		{nil, Ended},
		{[]Reading{{Value: 0, Effort: 1, Answer: Undecided}}, Ended},
		{[]Reading{held}, Rough},
		{[]Reading{held, broken}, Rough},
	} {
		if c := s.Conclude(test.past); c.Outcome != test.want || c.Text == "" {
			t.Errorf("%v: %s: %s", test.past, c.Outcome, c.Text)
		}
	}
	s.MaxRuns = 3
	past, c := certain(t, s, upTo(0.3))
	if len(past) != 3 || c.Outcome != Rough {
		t.Errorf("%d runs: %+v", len(past), c)
	}
}
