package main

import (
	"testing"
	"time"
)

func TestParseAge(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "0.5d": 12 * time.Hour, "12h": 12 * time.Hour, "0s": 0} {
		if got, err := parseAge(text); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "90", "-1d", "-1h", "NaNd", "1e9d", "Infd", "ninety days"} {
		if got, err := parseAge(text); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
}

func FuzzParseAge(f *testing.F) {
	for _, text := range []string{"90d", "12h", "1e300d", "--d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if age, err := parseAge(text); err == nil && (age < 0 || age > maxAge) {
			t.Errorf("%q became %v", text, age)
		}
	})
}
