package sweep

import (
	"math"
	"strings"
	"testing"
)

func TestParseScale(t *testing.T) {
	for _, test := range []struct {
		text string
		want Scale
	}{
		{"0ms..2s", Scale{0, 2, unitDuration, 1e-3, false}},
		{"2s..0ms", Scale{2, 0, unitDuration, 1e-3, false}},
		{"10us..5ms", Scale{1e-5, 5e-3, unitDuration, 1e-6, true}},
		{"1..100", Scale{1, 100, "", 1, true}},
		{"2..100", Scale{2, 100, "", 1, false}},
		{"0.5%..20%", Scale{0.5, 20, "%", 0.1, false}},
		{"10/s..500/s", Scale{10, 500, "/s", 1, false}},
		{"10 / m .. 90 / m", Scale{10, 90, "/m", 1, false}},
	} {
		got, err := ParseScale(test.text)
		if err != nil || got.From != test.want.From || got.To != test.want.To || got.Unit != test.want.Unit || math.Abs(got.Grain-test.want.Grain) > 1e-12 || got.Log != test.want.Log {
			t.Errorf("%q: %+v, %v", test.text, got, err)
		}
	}
	for text, want := range map[string]string{
		"":             "is no range",
		"5":            "is no range",
		"1..1":         "its ends are the same",
		"1ms..5":       "two units",
		"10%..20/s":    "two units",
		"a..b":         "neither a number nor",
		"-1..5":        "neither a number nor",
		"1..":          "neither a number nor",
		"1...5":        "neither a number nor",
		"1e3..1e4":     "neither a number nor",
		"1s..9999999h": "too long",
	} {
		if s, err := ParseScale(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, s, err)
		}
	}
}

func TestFormat(t *testing.T) {
	for _, test := range []struct {
		scale string
		v     float64
		want  string
	}{
		{"0ms..2s", 0.34, "340ms"}, {"0ms..2s", 0, "0ms"}, {"0ms..2s", 1.5, "1.5s"}, {"0ms..5m", 120, "2m"}, {"0ms..5h", 7200, "2h"}, {"0us..1ms", 0.00025, "250µs"},
		{"1..100", 12, "12"}, {"0.5..20", 12, "12.0"}, {"1%..100%", 12, "12%"}, {"1/s..5/s", 3, "3/s"},
	} {
		if got := scaleOf(t, test.scale).Format(test.v); got != test.want {
			t.Errorf("%s: %g is %q, want %q", test.scale, test.v, got, test.want)
		}
	}
}

func TestParsePrecision(t *testing.T) {
	for _, test := range []struct {
		scale, text string
		want        Precision
	}{
		{"0ms..2s", "5%", Precision{Share: 0.05}}, {"0ms..2s", "10ms", Precision{Amount: 0.01}}, {"1%..100%", "2%p", Precision{Amount: 2}}, {"1..100", "2", Precision{Amount: 2}},
	} {
		if got, err := scaleOf(t, test.scale).ParsePrecision(test.text); err != nil || got != test.want {
			t.Errorf("%s: %q: %+v, %v", test.scale, test.text, got, err)
		}
	}
	for _, text := range []string{"", "0%", "80%", "x%", "NaN%", "5", "0ms", "2/s"} {
		if got, err := scaleOf(t, "0ms..2s").ParsePrecision(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// FuzzScale looks for ranges whose values cannot be read again, or that make a search go on for ever or leave the range.
func FuzzScale(f *testing.F) {
	for _, seed := range []string{"0ms..2s", "1..100", "100..1", "0.5%..20%", "1/s..9999/s", "1us..24h", "0..1", "0.001..0.002"} {
		f.Add(seed, 0.3)
	}
	f.Fuzz(func(t *testing.T, text string, limit float64) {
		s, err := ParseScale(text)
		if err != nil || !known(limit) {
			return
		}
		search := Search{Scale: s}
		past, c := certain(t, search, func(v, _ float64) Answer {
			if s.Position(v) <= limit {
				return Held
			}
			return Broken
		})
		for _, r := range past {
			again, err := s.ParseValue(s.Format(r.Value))
			if err != nil || math.Abs(again-r.Value) > s.Grain/2 {
				t.Errorf("%q: %g is written %s, which is %g: %v", text, r.Value, s.Format(r.Value), again, err)
			}
		}
		if c.Text == "" || c.Outcome == Ended {
			t.Errorf("%q: %+v", text, c)
		}
	})
}
