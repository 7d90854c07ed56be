package report_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

// story is an experiment that held four times and then did not, with texts of somebody's.
func story(s string) []history.Story {
	l := history.Line{Experiment: s, Title: s, Environment: s}
	for i := range 6 {
		outcome, value := verdict.Held, 0.2+0.02*float64(i)
		if i > 3 {
			outcome, value = verdict.Disproved, 0.5
		}
		e := verdict.Expectation{Text: s, Statistic: "p95", Op: "<", Threshold: 0.4, Unit: verdict.Seconds}
		l.Runs = append(l.Runs, history.Run{
			Run: fmt.Sprintf("01M70000000000000000000%03d", i), Experiment: s, Title: s, Labels: map[string]string{"version": s + fmt.Sprint(i/2), "environment": s},
			Started: time.Date(2026, 11, 1+i, 10, 0, 0, 0, time.UTC), Verdict: outcome, Reason: s,
			Measures: []history.Measure{{Name: s, Finding: verdict.Finding{Expectation: e, Outcome: outcome, Estimate: value, Interval: verdict.Interval{Low: value * .9, High: value * 1.1, Confidence: .95}, Samples: 100}}},
		})
	}
	return history.Stories([]history.Line{l})
}

func TestTrend(t *testing.T) {
	got := render2(t, func(w io.Writer) error { return report.Trend(w, story("v"), report.Style{Width: 120}) })
	for _, want := range []string{
		"v           v      ✔✔✔✔✘✘    4     2          0      v ▄", "█ 500 ms (v)\n",
		"    regression  held 4 times, disproved since v2 (2026-11-05), last held with v1\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant %q", got, want)
		}
	}
	if got := render2(t, func(w io.Writer) error { return report.TrendHTML(w, nil) }); !strings.Contains(got, "No run has ended") {
		t.Error(got)
	}
}

// Whatever the texts are, the page has the same elements, and no link but those to reports.
func FuzzTrend(f *testing.F) {
	for _, s := range []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "\x1b[2J", "</title></svg>", "{{.}}", "\x00\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		page := render2(t, func(w io.Writer) error { return report.TrendHTML(w, story(s)) })
		for _, element := range []string{"<script", "<img", "<iframe", `href="java`} {
			if strings.Contains(strings.ToLower(page), element) {
				t.Errorf("the page has %s", element)
			}
		}
		if n := strings.Count(page, "<a "); n != 6 {
			t.Errorf("%d links", n)
		}
		text := render2(t, func(w io.Writer) error { return report.Trend(w, story(s), report.Style{Width: 80}) })
		if strings.ContainsAny(text, "\x1b\x00\r") {
			t.Errorf("the text holds %q", text)
		}
	})
}

// A prediction is told beside what happened, where both are known.
func TestPredicted(t *testing.T) {
	for _, test := range []struct {
		name   string
		in     engine.Range
		change func(*engine.Result)
		want   string
	}{
		{"as predicted", engine.Range{Least: 100, Most: 700}, func(*engine.Result) {}, "predicted 100 to 700 injections, "},
		{"exactly", engine.Range{Least: 5, Most: 5}, func(*engine.Result) {}, "predicted 5 injections, "},
		{"more", engine.Range{Most: 1}, func(*engine.Result) {}, "more than the prediction has at most"},
		{"fewer", engine.Range{Least: 1e6, Most: 2e6}, func(*engine.Result) {}, "fewer than the prediction has at least"},
		{"fewer, but it may have ended early", engine.Range{Least: 1e6, Most: 2e6}, func(r *engine.Result) { r.Verdict = verdict.Disproved }, "predicted 1000000 to 2000000 injections, 372 fired\n"},
		{"not counted", engine.Range{}, func(r *engine.Result) { r.Conditions[0].Proof.Known = false }, ""},
		{"not injected", engine.Range{}, func(r *engine.Result) { r.Conditions[0].Applied = nil }, ""},
	} {
		r := held()
		r.Prediction = &engine.Prediction{Injections: test.in}
		test.change(r)
		text := render2(t, func(w io.Writer) error { return report.Text(w, r, report.Style{Width: 200}) })
		if test.want == "" && strings.Contains(text, "predicted") || !strings.Contains(text, test.want) {
			t.Errorf("%s:\n%s", test.name, text)
		}
	}
}

// What became faster than it was is below zero, and drawn.
func TestTrendBelowZero(t *testing.T) {
	for _, value := range []float64{-0.3, 0} {
		stories := story("v")
		for i := range stories[0].Runs {
			m := &stories[0].Runs[i].Measures[0]
			m.Finding.Expectation = verdict.Expectation{Text: "p95 <= -10%", Statistic: "p95", Op: "<=", Threshold: value / 3, Unit: verdict.Ratio, Relative: verdict.RatioTo}
			m.Finding.Estimate, m.Finding.Interval = value, verdict.Interval{Low: value - .01, High: value + .01, Confidence: .95}
		}
		page := render2(t, func(w io.Writer) error { return report.TrendHTML(w, stories) })
		if strings.Contains(page, "NaN") || !strings.Contains(page, "v: run by run") {
			t.Errorf("%g: no chart, or one of no numbers", value)
		}
	}
}
