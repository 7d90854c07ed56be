package main

import (
	"testing"

	"github.com/firedrill-dev/firedrill/engine"
)

func TestPrices(t *testing.T) {
	for text, want := range map[string]engine.Price{
		"":                  {},
		"gb-second=0.00002": {GBSecond: 0.00002},
		"gb-second=0.00002, million-requests=0.30": {GBSecond: 0.00002, Request: 0.30 / 1e6},
	} {
		if got, err := (&prices{text}).parse(); err != nil || got != want {
			t.Errorf("%q: %v %v", text, got, err)
		}
	}
	for _, text := range []string{"1", "gb-second", "gb-second=", "gb-second=-1", "gb-second=NaN", "gb-second=1e9", "hours=1", "=1", ","} {
		if got, err := (&prices{text}).parse(); err == nil {
			t.Errorf("%q became %v", text, got)
		}
	}
	if priceOf("eu-west-1", false) != (engine.Price{GBSecond: 0.0000166667, Request: 0.20 / 1e6}) || priceOf("eu-west-1", true).GBSecond >= priceOf("eu-west-1", false).GBSecond || priceOf("ap-east-1", false).GBSecond != 0.00002292 {
		t.Error("the table")
	}
	if got := or(engine.Price{GBSecond: 1}, engine.Price{GBSecond: 2, Request: 3}); got != (engine.Price{GBSecond: 1, Request: 3}) {
		t.Error(got)
	}
}

func FuzzPrice(f *testing.F) {
	f.Add("gb-second=0.00002,million-requests=0.30")
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := (&prices{text}).parse(); err == nil && (p.GBSecond < 0 || p.Request < 0) {
			t.Errorf("%q became %v", text, p)
		}
	})
}
