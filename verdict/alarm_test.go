package verdict

import (
	"math"
	"strings"
	"testing"
	"time"
)

// states makes readings of an alarm, a second apart: . is OK, ! is ALARM, ? is unknown.
func states(text string, from time.Time) []Observation {
	var obs []Observation
	for i, c := range text {
		o := Observation{At: from.Add(time.Duration(i) * time.Second)}
		switch c {
		case '!':
			o.Value = AlarmFiring.Number()
		case '?':
			o.Value, o.Failed, o.Class = AlarmUnknown.Number(), true, string(AlarmUnknown)
		}
		obs = append(obs, o)
	}
	return obs
}

func TestAlarmIsOK(t *testing.T) {
	e, err := ParseExpectation("ok")
	if err != nil || e != AlarmIsOK() || !e.OfAlarm() || e.Fires() || SamplesNeeded(e) != 1 {
		t.Fatalf("%+v, %v", e, err)
	}
	for text, want := range map[string]Outcome{
		"....": Held, ".!..": Disproved, "!!!!": Disproved, "..?.": Inconclusive, "?!?": Disproved, "????": Inconclusive, "": Inconclusive,
	} {
		f := Judge(e, states(text, time.Now()), time.Minute)
		if f.Outcome != want || f.Reason == "" {
			t.Errorf("%q: %s: %s; want %s", text, f.Outcome, f.Reason, want)
		}
	}
	f := Judge(e, states(".!.!", time.Now()), time.Minute)
	if f.Reason != "the alarm was firing in 2 of 4 readings" || e.Format(f.Estimate) != "ALARM" || e.Format(0) != "OK" {
		t.Errorf("%s", f.Reason)
	}
}

func TestFiresWithin(t *testing.T) {
	from := time.Now()
	for _, test := range []struct {
		readings string
		limit    string
		want     Outcome
		reason   string
	}{
		{"...!!", "4s", Held, "the alarm fired 3 s after the fault began (it was read as OK until 2 s), which keeps the limit of 4 s"},
		{"!", "4s", Held, "the alarm fired 0 ms after"},
		{"......", "4s", Disproved, "the alarm did not fire within 4 s: it was still OK 5 s after the fault began"},
		{"......!", "4s", Disproved, "exceeds the limit"},
		{"...!", "2500ms", Inconclusive, "the alarm fired between 2 s and 3 s after the fault began"},
		{"...", "4s", Inconclusive, "had not fired when the fault ended after"},
		{"..????", "4s", Inconclusive, "its state is known only until 1 s after the fault began: 4 of 6 readings failed"},
		{"..??!!", "4s", Held, "read as OK until 1 s"},
		{"??", "1s", Inconclusive, "not known from a single reading"},
		{"", "1s", Inconclusive, "not known from a single reading"},
	} {
		e, err := ParseExpectation("fires within " + test.limit)
		if err != nil || !e.Fires() || SamplesNeeded(e) != 1 {
			t.Fatalf("%+v, %v", e, err)
		}
		f := JudgeFiring(e, states(test.readings, from), from, time.Duration(len(test.readings))*time.Second)
		if f.Outcome != test.want || !strings.Contains(f.Reason, test.reason) {
			t.Errorf("%q within %s: %s: %s", test.readings, test.limit, f.Outcome, f.Reason)
		}
	}
}

func TestAlarmGrammar(t *testing.T) {
	for text, want := range map[string]string{
		"fires": "it does not say by when (write fires within 60s)", "fires within": `"" is not a time to wait`, "fires within 5": `"5" is not`, "fires  within 1 m": "", "OK": "",
		"fires within -5s": "is not a time", "fires soon": "by when", "okay": "it has no operator",
	} {
		_, err := ParseExpectation(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSpans: datapoints that sum up events are worth as many, in the time that they tell of.
func TestSpans(t *testing.T) {
	minutes := func(sums ...float64) []Observation {
		var obs []Observation
		for _, x := range sums {
			obs = append(obs, Observation{At: time.Now(), Value: x, Span: time.Minute, Failed: math.IsNaN(x)})
		}
		return obs
	}
	for _, test := range []struct {
		expect string
		sums   []float64
		want   Outcome
		rate   float64
	}{
		{"rate >= 10/s", []float64{720, 690}, Held, 11.75},
		{"rate >= 10/s", []float64{600, 580}, Inconclusive, 590.0 / 60},
		{"rate >= 10/s", []float64{300}, Disproved, 5},
		{"rate >= 10/s", []float64{0, 0}, Disproved, 0},
		{"rate >= 10/s", []float64{900, math.NaN()}, Inconclusive, 15},
		{"rate >= 10/s", []float64{6000, math.NaN()}, Held, 100}, // whatever happened in the other minute
		{"rate < 10/s", []float64{60, math.NaN()}, Inconclusive, 1},
	} {
		e, err := ParseExpectation(test.expect)
		if err != nil {
			t.Fatal(err)
		}
		f := Judge(e, minutes(test.sums...), 10*time.Minute) // the phase is longer than what is known of it
		if f.Outcome != test.want || math.Abs(f.Estimate-test.rate) > 1e-9 {
			t.Errorf("%s of %v: %s: %s; want %s", test.expect, test.sums, f.Outcome, f.Reason, test.want)
		}
	}
}

func TestOfHistory(t *testing.T) {
	e, err := ParseExpectation("mean >= 80% of history")
	if err != nil || e.Unit != OfHistory || e.Threshold != 0.8 || e.Format(0.93) != "93 % of history" {
		t.Fatalf("%+v, %v", e, err)
	}
	f := Judge(e, []Observation{{Value: 0.9}, {Value: 0.92}, {Value: 0.91}}, time.Minute)
	if f.Outcome != Held || !strings.HasSuffix(f.Reason, "which satisfies >= 80% of history") {
		t.Errorf("%s: %s", f.Outcome, f.Reason)
	}
	for _, text := range []string{"value >= 80 of history", "value >= 0% of history", "value >= x% of history", "rate >= 80% of history", "error_rate < 120% of history", "count > 80% of history"} {
		if _, err := ParseExpectation(text); err == nil {
			t.Errorf("%q is understood", text)
		}
	}
}
