package verdict

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestParseExpectation(t *testing.T) {
	tests := []struct {
		text string
		want Expectation
	}{
		{"p95 < 400ms", Expectation{"p95 < 400ms", "p95", "<", 0.4, Seconds, ""}},
		{"p95<400ms", Expectation{"p95<400ms", "p95", "<", 0.4, Seconds, ""}},
		{"  p99.9   <=  1.5 s ", Expectation{"p99.9   <=  1.5 s", "p99.9", "<=", 1.5, Seconds, ""}},
		{"p50 > 250us", Expectation{"p50 > 250us", "p50", ">", 250e-6, Seconds, ""}},
		{"p50 > 1m30s", Expectation{"p50 > 1m30s", "p50", ">", 90, Seconds, ""}},
		{"p5 >= 10", Expectation{"p5 >= 10", "p5", ">=", 10, Number, ""}},
		{"mean <= 1s", Expectation{"mean <= 1s", "mean", "<=", 1, Seconds, ""}},
		{"mean < -1.5e3", Expectation{"mean < -1.5e3", "mean", "<", -1500, Number, ""}},
		{"rate >= 10/s", Expectation{"rate >= 10/s", "rate", ">=", 10, PerSecond, ""}},
		{"rate >= 600/m", Expectation{"rate >= 600/m", "rate", ">=", 10, PerSecond, ""}},
		{"rate > 600 / min", Expectation{"rate > 600 / min", "rate", ">", 10, PerSecond, ""}},
		{"rate > 36000/h", Expectation{"rate > 36000/h", "rate", ">", 10, PerSecond, ""}},
		{"count >= 30", Expectation{"count >= 30", "count", ">=", 30, Number, ""}},
		{"count == 0", Expectation{"count == 0", "count", "==", 0, Number, ""}},
		{"error_rate < 1%", Expectation{"error_rate < 1%", "error_rate", "<", 0.01, Ratio, ""}},
		{"error_rate <= 0.5 %", Expectation{"error_rate <= 0.5 %", "error_rate", "<=", 0.005, Ratio, ""}},
		{"error_rate > 25%", Expectation{"error_rate > 25%", "error_rate", ">", 0.25, Ratio, ""}},
		{"error_rate >= 100%", Expectation{"error_rate >= 100%", "error_rate", ">=", 1, Ratio, ""}},
		{"value == 0", Expectation{"value == 0", "value", "==", 0, Number, ""}},
		{"value != -3.5", Expectation{"value != -3.5", "value", "!=", -3.5, Number, ""}},
		{"value < 2s", Expectation{"value < 2s", "value", "<", 2, Seconds, ""}},
		{"p95 <= +10%", Expectation{"p95 <= +10%", "p95", "<=", 0.1, Ratio, RatioTo}},
		{"mean < - 5 %", Expectation{"mean < - 5 %", "mean", "<", -0.05, Ratio, RatioTo}},
		{"p99 <= +20ms", Expectation{"p99 <= +20ms", "p99", "<=", 0.02, Seconds, DifferenceFrom}},
		{"p95 < -1s", Expectation{"p95 < -1s", "p95", "<", -1, Seconds, DifferenceFrom}},
		{"error_rate <= +1%", Expectation{"error_rate <= +1%", "error_rate", "<=", 0.01, Ratio, DifferenceFrom}},
		{"error_rate < +0%", Expectation{"error_rate < +0%", "error_rate", "<", 0, Ratio, DifferenceFrom}},
		{"slower <= 55%", Expectation{"slower <= 55%", "slower", "<=", 0.55, Ratio, PairsWith}},
		{"p5 >= +10", Expectation{"p5 >= +10", "p5", ">=", 10, Number, ""}},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			got, err := ParseExpectation(tt.text)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestParseExpectationRefuses(t *testing.T) {
	tests := []struct{ text, message, hint string }{
		{"", "0 characters", "STATISTIC OP VALUE"},
		{strings.Repeat("p", 300), "300 characters", "STATISTIC OP VALUE"},
		{"p95", "no operator", "STATISTIC OP VALUE"},
		{"p95 400ms", "no operator", "STATISTIC OP VALUE"},
		{"< 400ms", "no statistic", "STATISTIC OP VALUE"},
		{"p95 <", "no value", "STATISTIC OP VALUE"},
		{"p95 = 400ms", `unknown operator "="`, "=="},
		{"value ! 3", `unknown operator "!"`, "operators are"},
		{"p95 == 400ms", "== cannot be used with p95", "<="},
		{"error_rate != 1%", "!= cannot be used with error_rate", "<="},
		{"p95 << 4", "neither a duration nor a number", "400ms"},
		{"p95 < 400 parsecs", "neither a duration nor a number", "400ms"},
		{"p95 < 5%", "neither a duration nor a number", "400ms"},
		{"p95 < 0x10", "neither", "400ms"},
		{"p95 < inf", "neither", "400ms"},
		{"p95 < NaN", "neither", "400ms"},
		{"value < 1e999", "neither", "plain number"},
		{"median < 1s", `"median"`, "use p50"},
		{"avg < 1s", `"avg"`, "use mean"},
		{"max < 1s", `"max"`, "p99.9"},
		{"p100 < 1s", `"p100"`, "p99.9"},
		{"p0 < 1s", `"p0"`, "p0.1"},
		{"p-5 < 1s", `"p-5"`, "the statistics are"},
		{"p. < 1s", `"p."`, "the statistics are"},
		{"p9.9.9 < 1s", `"p9.9.9"`, "the statistics are"},
		{"P95 < 1s", `"P95"`, "the statistics are"},
		{"errors < 1%", `"errors"`, "use error_rate"},
		{"rps > 3", `"rps"`, "use rate"},
		{"p95 latency < 1s", `"p95 latency"`, "the statistics are"},
		{"slower <= 0.55", "not a share of pairs", "slower <= 55%"},
		{"slower <= 55ms", "not a share of pairs", "slower <= 55%"},
		{"slower <= 101%", "not a share of pairs", "no difference"},
		{"slower == 50%", "cannot be used", "never pin it down"},
		{"error_rate < 0.01", "not a share", "1%"},
		{"error_rate < 1ms", "not a share", "1%"},
		{"error_rate < 101%", "between 0% and 100%", ""},
		{"error_rate < 0%", "nothing can satisfy", ""},
		{"error_rate > 100%", "nothing can satisfy", ""},
		{"error_rate >= 0%", "everything satisfies", ""},
		{"error_rate <= 100%", "everything satisfies", ""},
		{"error_rate <= +101%", "differ by -100% to +100%", ""},
		{"error_rate <= +100%", "everything satisfies", "differ by"},
		{"error_rate < -100%", "nothing can satisfy", "differ by"},
		{"slower <= 100%", "everything satisfies", "between 0% and 100%"},
		{"slower >= 0%", "everything satisfies", "between 0% and 100%"},
		{"slower > 100%", "nothing can satisfy", "between 0% and 100%"},
		{"p95 <= -101%", "more than -100%", ""},
		{"p95 >= -100%", "everything satisfies", "more than -100%"},
		{"mean < -100%", "nothing can satisfy", "more than -100%"},
		{"p0.0000000000000001 <= +10%", "unknown statistic", "p99.9"},
		{"p99.99999999999999 <= +10%", "unknown statistic", "p99.9"},
		{"rate > 10", "not a rate", "10/s"},
		{"rate > 10/d", "not a rate", "10/s"},
		{"rate > -10/s", "negative", "0/s"},
		{"count > 1.5", "not a count", "whole number"},
		{"count > -1", "not a count", "whole number"},
		{"count > 10/s", "not a count", "whole number"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			e, err := ParseExpectation(tt.text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %+v, %v; want a *SyntaxError", e, err)
			}
			if !strings.Contains(syntax.Message, tt.message) || !strings.Contains(syntax.Hint, tt.hint) {
				t.Errorf("got %q, hint %q; want %q, hint %q", syntax.Message, syntax.Hint, tt.message, tt.hint)
			}
			if !strings.Contains(err.Error(), tt.message) || !strings.Contains(err.Error(), tt.hint) {
				t.Errorf("the error %q lacks its message or hint", err)
			}
			if e != (Expectation{}) {
				t.Errorf("got %+v beside an error", e)
			}
		})
	}
}

func TestFormat(t *testing.T) {
	tests := []struct {
		unit Unit
		x    float64
		want string
	}{
		{Seconds, 0, "0 ms"}, {Seconds, 250e-6, "250 µs"}, {Seconds, 0.3124, "312 ms"}, {Seconds, 0.0123456, "12.3 ms"},
		{Seconds, 0.9996, "1 s"}, {Seconds, 0.99951e-3, "1 ms"}, {Seconds, 1.25, "1.25 s"}, {Seconds, 125.4, "125 s"},
		{Seconds, math.Inf(1), "∞"}, {Number, math.Inf(-1), "-∞"}, {Number, math.NaN(), "unknown"},
		{Ratio, 0.004, "0.4 %"}, {Ratio, 0.00012345, "0.0123 %"}, {Ratio, 1, "100 %"}, {Ratio, 0, "0 %"},
		{PerSecond, 19.84, "19.8/s"}, {PerSecond, 0.05, "0.05/s"},
		{Number, 30, "30"}, {Number, 123456, "123456"}, {Number, -1.005, "-1"}, {Number, 2.5e-9, "2.5e-09"}, {Number, 1e20, "1e+20"},
	}
	for _, tt := range tests {
		if got := (Expectation{Unit: tt.unit}).Format(tt.x); got != tt.want {
			t.Errorf("%v in %s: %q; want %q", tt.x, tt.unit, got, tt.want)
		}
	}
}

func TestSatisfied(t *testing.T) {
	for op, want := range map[string][3]bool{"<": {true, false, false}, "<=": {true, true, false}, ">": {false, false, true},
		">=": {false, true, true}, "==": {false, true, false}, "!=": {true, false, true}, "~": {}} {
		e := Expectation{Op: op, Threshold: 2}
		if got := [3]bool{e.Satisfied(1), e.Satisfied(2), e.Satisfied(3)}; got != want {
			t.Errorf("1, 2 and 3 %s 2: %v; want %v", op, got, want)
		}
		if e.Satisfied(math.NaN()) {
			t.Errorf("NaN satisfies %s 2", op)
		}
	}
}

func FuzzParseExpectation(f *testing.F) {
	for _, s := range []string{"p95 < 400ms", "p99.9<=1s", "mean > 3", "rate >= 600/m", "count == 3", "error_rate < 1%", "value != -1e3", "p95 < ", "=", "p5 <<= 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseExpectation(text)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || len(err.Error()) > 5000 {
				t.Fatalf("%q: %T %v", text, err, err)
			}
			return
		}
		if statisticOf(e) == nil || math.IsNaN(e.Threshold) || math.IsInf(e.Threshold, 0) || e.Unit == "" {
			t.Fatalf("%q: %+v", text, e)
		}
		again, err := ParseExpectation(e.Statistic + " " + e.Op + " " + e.limit())
		again.Text = e.Text
		if err != nil || again != e {
			t.Fatalf("%q: %+v, but its parts give %+v, %v", text, e, again, err)
		}
		if f := Judge(e, nil, 0); f.Outcome != Inconclusive || f.Reason == "" {
			t.Fatalf("%q without data: %+v", text, f)
		}
	})
}
