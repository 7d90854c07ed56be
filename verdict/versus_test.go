package verdict

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var began = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

// over spreads observations evenly over a time from began on.
func over(d time.Duration, obs []Observation) []Observation {
	obs = slices.Clone(obs)
	for i := range obs {
		obs[i].At = began.Add(d * time.Duration(i) / time.Duration(len(obs)))
	}
	return obs
}

// ramp are n latencies between from and to, in seconds.
func ramp(n int, from, to float64) []Observation {
	obs := make([]Observation, n)
	for i := range obs {
		obs[i].Value = from + (to-from)*(float64(i)+0.5)/float64(n)
	}
	return obs
}

func TestJudgeAgainst(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	whole := Versus{From: began, To: began.Add(time.Minute)}
	minute := func(obs []Observation) []Observation { return over(time.Minute, obs) }
	usual := ramp(600, 0.09, 0.11)
	slower := ramp(600, 0.12, 0.14)
	unread := many(100, Observation{Value: nan, Failed: true, Class: "no-data"})
	refused := many(400, Observation{Value: 0.001, Failed: true, Class: "503"})
	hung := many(100, Observation{Value: 0.1, Failed: true, Class: TimedOut})
	never := many(600, Observation{Value: inf, Failed: true, Class: "dropped"})
	tests := []struct {
		name             string
		text             string
		subject, control []Observation
		o                Versus
		want             Outcome
		cause            Cause
		reason           string // a part of it
	}{
		{"equal", "p95 <= +10%", usual, usual, Versus{}, Held, "", "which satisfies <= +10%"},
		{"slower", "p95 <= +10%", slower, usual, Versus{}, Disproved, "", "p95 is +27.5 %"},
		{"slower by less than the margin", "p95 <= +30%", slower, usual, Versus{}, Held, "", "p95 is +27.5 %"},
		{"difference", "p95 <= +20ms", slower, usual, Versus{}, Disproved, "", "p95 is +30 ms"},
		{"faster than it need be", "p95 <= -10%", usual, slower, Versus{}, Held, "", "p95 is -21.6 %"},
		{"at least", "p50 >= -10%", usual, slower, Versus{}, Disproved, "", "violates"},
		{"open", "p95 <= +27%", slower, usual, Versus{}, Inconclusive, "", "more like these would settle it"},
		{"mean", "mean <= +10%", usual, usual, Versus{}, Held, "", "mean is 0 %"},
		{"mean, slower", "mean <= +10ms", slower, usual, Versus{}, Disproved, "", "mean is +30 ms"},
		{"no slower", "slower <= 55%", usual, usual, Versus{}, Held, "", "slower is 50 % (95 % interval 46.7 % to 53.3 %"},
		{"always slower", "slower <= 55%", slower, usual, Versus{}, Disproved, "", "slower is 100 %"},
		{"slower for half of them", "slower <= 55%", append(usual[:300:300], slower[:300]...), usual, Versus{}, Disproved, "", "slower is 62.5 %"},
		{"ties are no difference", "slower <= 60%", values(many2(0.1, 300)...), values(many2(0.1, 300)...), Versus{}, Held, "", "slower is 50 %"},
		{"as a subject that hung", "slower <= 55%", append(hung[:100:100], usual...), usual, Versus{}, Inconclusive, "", "leaves open"},
		{"errors", "error_rate <= +1%", failures(0, 1000), failures(0, 1000), Versus{}, Held, "", "0 points"},
		{"more errors", "error_rate <= +1%", failures(50, 1000), failures(1, 1000), Versus{}, Disproved, "", "+4.9 points"},
		{"few errors", "error_rate <= +1%", failures(1, 100), failures(0, 100), Versus{}, Inconclusive, "", "leaves open"},
		{"subject never answered, half of it", "p95 <= +10%", append(never[:250:250], usual[:300]...), usual, Versus{}, Disproved, "", "p95 is ∞"},
		{"subject hung", "p95 <= +10%", append(hung[:60:60], usual...), usual, Versus{}, Inconclusive, "", "leaves open"}, // all that is known is that it took 100 ms
		{"control hung", "p95 <= +10%", usual, append(hung[:60:60], usual...), Versus{}, Held, "", "satisfies"},           // at least as slow as the time waited

		{"nothing", "p95 <= +10%", nil, nil, Versus{}, Inconclusive, NoData, "of neither group"},
		{"no subject", "p95 <= +10%", nil, usual, Versus{}, Inconclusive, EmptySubject, "control's 600"},
		{"no control", "error_rate <= +1%", usual, nil, Versus{}, Inconclusive, EmptyControl, "nothing to compare with"},
		{"one sample", "p95 <= +10%", slower[:1], usual, Versus{}, Inconclusive, OneSample, "single observation"},
		{"one sample of control", "error_rate <= +1%", usual, usual[:1], Versus{}, Inconclusive, OneSample, "single observation"},
		{"too few", "p95 <= +10%", usual[:70], usual, Versus{}, Inconclusive, TooFewSamples, "it takes 72 of each group at least, 2 more in all"},
		{"just enough", "p95 <= +30%", usual[528:], usual[528:], Versus{}, Held, "", "72 samples against 72"},
		{"few that are beyond doubt", "p95 <= +10%", ramp(6, 5, 6), usual, Versus{}, Disproved, "", "violates"},
		{"too few for a mean", "mean <= +10%", usual[:29], usual, Versus{}, Inconclusive, TooFewSamples, "it takes 30 of each"},
		{"constant", "p95 <= +10%", values(many2(0.1, 80)...), values(many2(0.1, 80)...), Versus{}, Held, "", "p95 is 0 %"}, // its interval is not made of the spread
		{"constant, strict", "p95 <= +0%", values(many2(0.1, 80)...), values(many2(0.1, 80)...), Versus{}, Held, "", "p95 is 0 %"},
		{"constant, on the limit", "p95 <= +10%", values(many2(0.11, 80)...), values(many2(0.1, 80)...), Versus{}, Inconclusive, Ties, "clock ticks in steps of 10 ms"},
		{"constant means", "mean <= +10%", values(many2(0.1, 80)...), values(many2(0.1, 80)...), Versus{}, Inconclusive, Constant, "compare a quantile"},
		{"zeros", "p95 <= +10%", values(many2(0, 80)...), values(many2(0, 80)...), Versus{}, Inconclusive, NotANumber, "zero"},
		{"never answered, both", "p95 <= +10%", append(never[:100:100], usual[:300]...), append(never[:100:100], usual[:300]...), Versus{}, Inconclusive, NotANumber, "without end"},
		{"negative numbers", "p95 <= +10%", values(-1, -2, -3), values(-1, -2, -3), Versus{}, Inconclusive, NotANumber, "negative"},
		{"a coarse clock", "p95 <= +10%", values(many2(0.002, 200)...), values(append(many2(0.002, 100), many2(0.001, 100)...)...), Versus{}, Inconclusive, Ties, "steps of 1 ms"},
		{"a coarse clock that is good enough", "p95 <= +10%", values(many2(0.1, 200)...), values(append(many2(0.1, 100), many2(0.099, 100)...)...), Versus{}, Held, "", "satisfies"},
		{"nothing could be read", "p95 <= +10%", unread, usual, Versus{}, Inconclusive, MeasurementOutage, "not one of 100 observations"},
		{"nothing of the control could be read", "p95 <= +10%", usual, unread, Versus{}, Inconclusive, MeasurementOutage, "of the control"},
		{"broke off", "p95 <= +10%", over(38*time.Second, usual), minute(usual), whole, Inconclusive, MeasurementOutage, "last third"},
		{"control broke off", "p95 <= +10%", minute(usual), over(38*time.Second, usual), whole, Inconclusive, MeasurementOutage, "of the control"},
		{"too few to tell a gap from chance", "p50 <= +30%", over(30*time.Second, usual[:11]), minute(usual), whole, Held, "", "11 samples against 600"},
		{"just enough to tell", "p50 <= +30%", over(30*time.Second, usual[:12]), minute(usual), whole, Inconclusive, MeasurementOutage, "last third"},
		{"went on", "p95 <= +10%", over(45*time.Second, usual), minute(usual), whole, Held, "", "satisfies"},
		{"another clock", "p95 <= +10%", over(80*time.Second, usual), minute(usual), whole, Inconclusive, ClockSkew, "the clocks disagree"},
		{"a clock that is hardly off", "p95 <= +10%", over(61*time.Second, usual), minute(usual), whole, Held, "", "satisfies"},
		{"control is broken", "p95 <= +10%", usual, append(refused, usual[:300]...), Versus{}, Inconclusive, ControlUnhealthy, "400 of 700"},
		{"all errors, both", "error_rate <= +1%", refused, refused, Versus{}, Inconclusive, ControlUnhealthy, "400 of 400"},
		{"subject is broken, and fast", "p95 <= +10%", refused, usual, Versus{}, Inconclusive, SubjectUnhealthy, "how fast errors are"},
		{"subject is broken", "error_rate <= +1%", refused, usual, Versus{}, Disproved, "", "+100 points"},
		{"a few of unknown version", "p95 <= +30%", usual, usual, Versus{Lost: never[:5]}, Held, "", "satisfies"},
		{"many of unknown version", "p95 <= +30%", usual, usual, Versus{Lost: never[:60]}, Inconclusive, Unattributed, "60 more observations belong"},
		{"fast ones of unknown version", "slower <= 55%", slower, usual, Versus{Lost: ramp(100, 0.01, 0.02)}, Disproved, "", "slower is 100 % (95 % interval 82.9 % to 100 %"},
		{"errors of unknown version", "error_rate <= +1%", failures(0, 1000), failures(0, 1000), Versus{Lost: never[:30]}, Inconclusive, Unattributed, "nobody knows"},
		{"errors of unknown version among many answers", "error_rate <= +1%", failures(0, 1000), failures(0, 1000), Versus{Lost: failures(30, 6000)}, Inconclusive, Unattributed, "6000 more observations belong"},
		{"slow ones of unknown version among many", "p95 <= +10%", usual, usual, Versus{Lost: append(never[:60:60], ramp(2000, 0.09, 0.11)...)}, Inconclusive, Unattributed, "nobody knows"},
		{"slow means of unknown version among many", "mean <= +10%", usual, usual, Versus{Lost: append(ramp(300, 0.2, 0.3), ramp(3000, 0.09, 0.11)...)}, Inconclusive, Unattributed, "nobody knows"},
		{"slow pairs of unknown version among many", "slower <= 55%", usual, usual, Versus{Lost: append(ramp(300, 0.2, 0.3), ramp(3000, 0.09, 0.11)...)}, Inconclusive, Unattributed, "nobody knows"},
		{"many answers of unknown version that are alike", "p95 <= +30%", usual, usual, Versus{Lost: usual}, Held, "", "satisfies"},
		{"harm in spite of unknown versions", "p95 <= +10%", slower, usual, Versus{Lost: never[:5]}, Disproved, "", "violates"},
		{"compares nothing", "p95 < 1s", usual, usual, Versus{}, Inconclusive, NotComparable, "does not compare"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := JudgeAgainst(expect(t, tt.text), tt.subject, tt.control, tt.o)
			if f.Outcome != tt.want || f.Cause != tt.cause || !strings.Contains(f.Reason, tt.reason) {
				t.Errorf("%s, %q: %s; want %s, %q: ... %s", f.Outcome, f.Cause, f.Reason, tt.want, tt.cause, tt.reason)
			}
			if (f.P > 0) != (f.Outcome == Disproved) || f.P > 0.05 {
				t.Errorf("%s with p = %g", f.Outcome, f.P)
			}
		})
	}
}

func many2(x float64, n int) []float64 { return slices.Repeat([]float64{x}, n) }

// A look before the end disproves what is certain, and leaves open what would do at the end.
func TestEarlyLook(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	draw := func(factor float64) []Observation {
		return values(some(400, func() float64 { return factor * math.Exp(0.3*r.NormFloat64()) })...)
	}
	control, e := draw(1), expect(t, "p95 <= +10%")
	early := Versus{Alpha: Sequential{Looks: 5}.Look(2)}
	if f := JudgeAgainst(e, draw(1.9), control, early); f.Outcome != Disproved {
		t.Errorf("nearly twice as slow: %s: %s", f.Outcome, f.Reason)
	}
	subject := draw(1.3)
	if f := JudgeAgainst(e, subject, control, Versus{}); f.Outcome != Disproved {
		t.Errorf("at the end: %s: %s", f.Outcome, f.Reason)
	}
	if f := JudgeAgainst(e, subject, control, early); f.Outcome != Inconclusive || !strings.Contains(f.Reason, "looked at more than once") {
		t.Errorf("early: %s: %s", f.Outcome, f.Reason)
	}
}

// group draws observations that may be anything.
func group(t *rapid.T, name string) []Observation {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Observation {
		return Observation{
			Value:  rapid.OneOf(rapid.Float64Range(0.01, 2), rapid.SampledFrom([]float64{0, 0.1, 0.2, 1, math.Inf(1), math.NaN()})).Draw(t, "value"),
			Failed: rapid.IntRange(0, 5).Draw(t, "failed") == 0,
			Class:  rapid.SampledFrom([]string{"", "200", TimedOut}).Draw(t, "class"),
		}
	}), 0, 200).Draw(t, name)
}

func comparing(t *rapid.T) Expectation {
	text := rapid.SampledFrom([]string{"p50 <= +10%", "p95 < +5ms", "p95 >= -10%", "mean <= +10%", "mean > -1s", "error_rate <= +1%", "error_rate > -3%", "p99 <= +0%", "slower <= 55%", "slower > 40%"}).Draw(t, "expectation")
	e, err := ParseExpectation(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestFindingsAgainstMakeSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, x, y := comparing(t), group(t, "subject"), group(t, "control")
		o := Versus{Lost: group(t, "lost"), Alpha: rapid.SampledFrom([]float64{0, 0.001, 0.05, 2}).Draw(t, "alpha")}
		f := JudgeAgainst(e, x, y, o)
		if f.Interval.Low > f.Interval.High || math.IsNaN(f.Interval.Low) || math.IsNaN(f.Interval.High) {
			t.Fatalf("interval %+v", f.Interval)
		}
		if x := f.Estimate; f.Cause == "" && (x < f.Interval.Low-1e-9 || x > f.Interval.High+1e-9) {
			t.Fatalf("%v is not in %+v", x, f.Interval)
		}
		if f.Cause != "" && f.Outcome != Inconclusive {
			t.Fatalf("%s with the cause %s", f.Outcome, f.Cause)
		}
		if f.Outcome == Held && !(e.Satisfied(f.Interval.Low) && e.Satisfied(f.Interval.High)) {
			t.Fatalf("held: %+v", f)
		}
		if f.Outcome == Disproved && (e.Satisfied(f.Interval.Low) || e.Satisfied(f.Interval.High)) && o.Alpha <= 0.05 {
			t.Fatalf("disproved: %+v", f)
		}
		if f.Reason == "" || f.Missing < 0 {
			t.Fatalf("%+v", f)
		}
		shuffled := rapid.Permutation(x).Draw(t, "order")
		if g := JudgeAgainst(e, shuffled, y, o); g.Outcome != f.Outcome || g.Cause != f.Cause {
			t.Fatalf("the order matters: %+v, %+v", f, g)
		}
	})
}

// Who exchanges the groups gets the opposite answer.
func TestSidesMirror(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y := group(t, "subject"), group(t, "control")
		if len(x) < 2 || len(y) < 2 {
			return
		}
		statistic := rapid.SampledFrom([]string{"p50", "p95", "mean", "error_rate"}).Draw(t, "statistic")
		e := Expectation{Statistic: statistic, Unit: Seconds, Relative: DifferenceFrom}
		if statistic == "error_rate" {
			e.Unit = Ratio
		}
		a, b := newPair(e, x, y, nil).interval(0.95), newPair(e, y, x, nil).interval(0.95)
		same := func(p, q float64) bool { return p == q || math.Abs(p-q) < 1e-9 }
		if !same(a.Low, -b.High) || !same(a.High, -b.Low) {
			t.Fatalf("%s: %+v, %+v", statistic, a, b)
		}
	})
}

// More harm never turns disproved into held, and slower answers never make the interval lower.
func TestMoreHarmIsNeverBetter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, x, y := comparing(t), group(t, "subject"), group(t, "control")
		e.Op = "<="
		worse := slices.Clone(x)
		for i := range worse {
			if rapid.Bool().Draw(t, "harmed") {
				worse[i].Value += rapid.Float64Range(0, 1).Draw(t, "by")
				worse[i].Failed = worse[i].Failed || rapid.Bool().Draw(t, "fails") && e.Statistic == "error_rate"
			}
		}
		f, g := JudgeAgainst(e, x, y, Versus{}), JudgeAgainst(e, worse, y, Versus{})
		if f.Outcome == Disproved && g.Outcome == Held {
			t.Fatalf("%+v\n%+v", f, g)
		}
	})
}

// What is measured in other units differs by the same share.
func TestRatioKnowsNoUnit(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, statistic := range []string{"p50", "p95", "mean"} {
		e := Expectation{Statistic: statistic, Unit: Ratio, Relative: RatioTo, Op: "<="}
		x, y := some(200, r.ExpFloat64), some(300, r.ExpFloat64)
		want := newPair(e, values(x...), values(y...), nil).interval(0.95)
		for _, factor := range []float64{1e-9, 1e-3, 7, 1e12} {
			scaled := func(xs []float64) []Observation {
				obs := values(xs...)
				for i := range obs {
					obs[i].Value *= factor
				}
				return obs
			}
			got := newPair(e, scaled(x), scaled(y), nil).interval(0.95)
			near(t, statistic+" low", got.Low, want.Low, 1e-9)
			near(t, statistic+" high", got.High, want.High, 1e-9)
		}
	}
}

func BenchmarkJudgeAgainst(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 9))
	x, y := values(some(20_000, r.ExpFloat64)...), values(some(20_000, r.ExpFloat64)...)
	for _, text := range []string{"p50 <= +10%", "p95 <= +10%", "p95 <= -10%", "mean <= +10%", "error_rate <= +1%"} {
		e := expect(b, text)
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				JudgeAgainst(e, x, y, Versus{})
			}
		})
	}
}

// TestSamplesToCompare: so many of each group without an error hold it, and one less does not.
func TestSamplesToCompare(t *testing.T) {
	for text, want := range map[string]int{"error_rate <= +1%": 381, "error_rate <= +10%": 36, "error_rate >= -5%": 74, "error_rate <= +0%": 2, "error_rate <= -1%": 2, "p95 <= +10%": 72, "mean <= +10%": 30, "slower <= 55%": 2} {
		e := expect(t, text)
		n := SamplesNeeded(e)
		if n != want {
			t.Errorf("%s takes %d samples, want %d", text, n, want)
		}
		if n == 2 || e.Statistic != "error_rate" {
			continue
		}
		for _, n := range []int{n - 1, n} {
			if f := JudgeAgainst(e, failures(0, n), failures(0, n), Versus{}); (f.Outcome == Held) != (n == want) {
				t.Errorf("%s of %d: %s", text, n, f.Reason)
			}
		}
	}
}
