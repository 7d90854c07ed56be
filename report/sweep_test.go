package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/sweep"
	"github.com/firedrill-dev/firedrill/verdict"
)

// aSweep is a sweep of a delay that breaks a latency at one second, as its runs would have it.
func aSweep(t *testing.T, scale string, limit float64) *sweep.Report {
	t.Helper()
	s, err := sweep.ParseScale(scale)
	if err != nil {
		t.Fatal(err)
	}
	latency := verdict.Expectation{Text: "p95 < 1s", Statistic: "p95", Op: "<", Threshold: 1, Unit: verdict.Seconds}
	errs := verdict.Expectation{Text: "error_rate < 5%", Statistic: "error_rate", Op: "<", Threshold: 0.05, Unit: verdict.Ratio}
	r := &sweep.Report{Version: 1, Title: "Purchases survive a slow payment", Objective: "It answers within 1 s", File: "slow.yaml", Over: "conditions[0].with.{min,max}",
		Scale: s, Precision: sweep.Precision{Share: 0.05}, Started: time.Unix(1_800_000_000, 0), Ended: time.Unix(1_800_000_120, 0)}
	search := sweep.Search{Scale: s, Ask: math.NaN()}
	var past []sweep.Reading
	for {
		trial, ok := search.Next(past)
		if !ok {
			break
		}
		v := 1 + (s.Position(trial.Value) - s.Position(limit)) // p95, in seconds
		f := verdict.Finding{Expectation: latency, Outcome: verdict.Held, Estimate: v, Interval: verdict.Interval{Low: v - 0.01, High: v + 0.01, Confidence: 0.95}, Samples: 200}
		reading := sweep.Reading{Value: trial.Value, Effort: trial.Effort, Answer: sweep.Held, Margin: 1 - v}
		if v >= 1 {
			f.Outcome, reading.Answer = verdict.Disproved, sweep.Broken
		}
		past = append(past, reading)
		none := verdict.Finding{Expectation: errs, Outcome: verdict.Held, Interval: verdict.Interval{High: 0.02, Confidence: 0.95}, Samples: 200}
		r.Runs = append(r.Runs, sweep.Run{Reading: reading, Text: s.Format(trial.Value), Run: "01RUN", Verdict: f.Outcome, Reason: "so it is",
			Measures: []sweep.Measured{{Name: "errors", Finding: none}, {Name: "latency", Finding: f}}})
	}
	r.Conclusion = search.Conclude(past)
	return r
}

func TestSweepText(t *testing.T) {
	var b bytes.Buffer
	r := aSweep(t, "0ms..2s", 0.86)
	r.Advice = []string{"Wait no longer than that."}
	if err := SweepText(&b, r, Style{Width: 100}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"✔ FOUND  Purchases survive a slow payment\n  Held up to 8", ", disproved from 8",
		"against  latency, expected p95 < 1s\n", "✘ disproved", "(2 runs)", "  - Wait no longer than that.\n", "  best guess: 860ms, where",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	for line := range strings.Lines(b.String()) {
		if columns(strings.TrimSuffix(line, "\n")) > 100 {
			t.Errorf("too wide: %q", line)
		}
	}
}

func TestSweepOutcomes(t *testing.T) {
	for _, test := range []struct {
		change func(*sweep.Report)
		want   string
	}{
		{func(r *sweep.Report) { r.AtLeast, r.Gate = &sweep.Bound{Text: "300ms"}, sweep.Held }, "✔ HOLDS UP TO 300MS"},
		{func(r *sweep.Report) { r.AtLeast, r.Gate = &sweep.Bound{Text: "1s"}, sweep.Broken }, "✘ BREAKS BEFORE 1S"},
		{func(r *sweep.Report) { r.AtLeast, r.Gate = &sweep.Bound{Text: "1s"}, sweep.Undecided }, "? UNDECIDED AT 1S"},
		{func(r *sweep.Report) { r.Early = "interrupted" }, "■ ENDED EARLY"},
		{func(r *sweep.Report) { r.Outcome = sweep.NotMonotone }, "? NOT MONOTONE"},
		{func(r *sweep.Report) {
			r.Runs, r.Conclusion = nil, sweep.Conclusion{Outcome: sweep.Ended, Text: "nothing"}
		}, "? ENDED"},
	} {
		r := aSweep(t, "0ms..2s", 0.86)
		test.change(r)
		var text, page bytes.Buffer
		if err := SweepText(&text, r, Style{}); err != nil || !strings.HasPrefix(text.String(), test.want) {
			t.Errorf("want %q: %v\n%s", test.want, err, text.String())
		}
		if err := SweepHTML(&page, r); err != nil {
			t.Error(err)
		}
	}
}

// Every page is well-formed, whatever its scale, and shows what a hostile name says as text.
func TestSweepHTML(t *testing.T) {
	for scale, limit := range map[string]float64{"0ms..2s": 0.86, "1..10000": 70, "100..1": 40, "10%..20%": 15} {
		r := aSweep(t, scale, limit)
		r.Title, r.Over, r.Early = `<script>alert(1)</script>`, `load["<b>"].rate`, "a\x1b[31m"
		r.Runs[0].Measures[0].Finding.Estimate = math.NaN()
		r.Runs[1].Measures[1].Finding.Estimate, r.Runs[1].Measures[1].Finding.Interval.High = math.Inf(1), math.Inf(1)
		var b bytes.Buffer
		if err := SweepHTML(&b, r); err != nil {
			t.Fatal(err)
		}
		page := b.String()
		if strings.Contains(page, "<script") || strings.Contains(page, "<b>") || strings.Contains(page, "\x1b") {
			t.Error("a name is taken for markup")
		}
		for _, want := range []string{"&lt;script&gt;", "../../runs/01RUN/report.html", `class="limit"`, "band recovery", "band fault"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q", scale, want)
			}
		}
		_, drawing, _ := strings.Cut(page, "<svg class=\"chart wide\"")
		drawing, _, _ = strings.Cut(drawing, "</svg>")
		d := xml.NewDecoder(strings.NewReader(`<svg class="chart wide"` + drawing + "</svg>"))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: the drawing is not well-formed: %v", scale, err)
			}
		}
		if strings.Contains(drawing, "NaN") || strings.Contains(drawing, "Inf") {
			t.Errorf("%s: a coordinate that is no number", scale)
		}
	}
}

// What is written as JSON can be read again.
func TestSweepJSON(t *testing.T) {
	r := aSweep(t, "0ms..2s", 0.86)
	var b bytes.Buffer
	if err := SweepJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var again sweep.Report
	if err := json.Unmarshal(b.Bytes(), &again); err != nil {
		t.Fatal(err)
	}
	if again.Outcome != sweep.Found || again.Held == nil || again.Held.Text != r.Held.Text || len(again.Runs) != len(r.Runs) || again.Scale != r.Scale {
		t.Errorf("%+v", again)
	}
}
