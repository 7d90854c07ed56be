package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

func contrast(statistic string, unit verdict.Unit, hit, spared, low, high float64) verdict.Contrast {
	around := func(x float64) verdict.Reading {
		return verdict.Reading{Estimate: x, Interval: verdict.Interval{Low: 0.9 * x, High: 1.1 * x, Confidence: 0.95}}
	}
	return verdict.Contrast{Statistic: statistic, Unit: unit, Hit: around(hit), Spared: around(spared),
		Difference: verdict.Reading{Estimate: hit - spared, Interval: verdict.Interval{Low: low, High: high, Confidence: 0.95}}}
}

// felt adds to a contrast how often a request that was hit took longer.
func felt(c verdict.Contrast, estimate, low, high float64) verdict.Contrast {
	c.Slower = &verdict.Reading{Estimate: estimate, Interval: verdict.Interval{Low: low, High: high, Confidence: 0.95}}
	return c
}

func TestHitAndSpared(t *testing.T) {
	for _, c := range []struct {
		name string
		with engine.Comparison
		want string
	}{
		{"both", engine.Comparison{Hit: 153, Spared: 447, Kinds: map[fault.Kind]int{"latency": 153, "cpu": 2}, Contrasts: []verdict.Contrast{
			felt(contrast("p95", verdict.Seconds, 2, 0.02, 1.9, 2.1), 0.875, 0.802, 0.91), contrast("error_rate", verdict.Ratio, 0, 0, -0.01, 0.01)}},
			"Of the requests of purchase, 153 were hit by cpu or latency and 447 were spared. p95: 2 s (1.8–2.2 s) when hit, 20 ms (18–22 ms) when spared, 1.98 s more (1.9 s to 2.1 s). A request that was hit took longer than one that was spared in 88 of 100 pairs (80 to 91)."},
		{"too few", engine.Comparison{Hit: 3, Spared: 5, Unmarked: 2, Kinds: map[fault.Kind]int{"latency": 3}, Contrasts: []verdict.Contrast{
			contrast("p95", verdict.Seconds, 2, 0.02, 0.1, math.Inf(1)), contrast("p50", verdict.Seconds, 2, 1, math.Inf(-1), 2), contrast("error_rate", verdict.Ratio, 0.1, 0.2, -0.3, 0.1)}},
			"Of the requests of purchase, 3 were hit by latency and 5 were spared (2 unmarked). p95: 2 s (1.8–2.2 s) when hit, 20 ms (18–22 ms) when spared, 1.98 s more (at least 100 ms). p50: 2 s (1.8–2.2 s) when hit, 1 s (900 ms – 1.1 s) when spared, 1 s more, which so few requests leave open. error_rate: 10 % (9–11 %) when hit, 20 % (18–22 %) when spared, 10 % less, which may be chance."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := disproved()
			r.Loads[0].Phases[1].Marked = &c.with
			for name, write := range map[string]func(io.Writer) error{
				"text":     func(w io.Writer) error { return report.Text(w, r, report.Style{}) },
				"HTML":     func(w io.Writer) error { return report.HTML(w, r) },
				"Markdown": func(w io.Writer) error { return report.Markdown(w, report.Of(r), 0) },
			} {
				got := strings.ReplaceAll(string(render(t, write)), `\_`, "_")
				if !strings.Contains(strings.Join(strings.Fields(got), " "), c.want) {
					t.Errorf("%s does not say %q:\n%.2000s", name, c.want, got)
				}
			}
			var back engine.Result
			if err := json.Unmarshal(render(t, func(w io.Writer) error { return report.JSON(w, r) }), &back); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.with, back.Loads[0].Phases[1].Marked); diff != "" {
				t.Error(diff)
			}
		})
	}
	r := disproved()
	r.Loads[0].Phases[1].Marked = &engine.Comparison{Spared: 600}
	if text := render(t, func(w io.Writer) error { return report.Text(w, r, report.Style{}) }); bytes.Contains(text, []byte("spared")) {
		t.Errorf("nothing was compared:\n%s", text)
	}
}

// A run that injected nothing says how the requests failed that kept it from it.
func TestFailuresBeforeAnyFault(t *testing.T) {
	r := notSteady()
	p := &r.Loads[0].Phases[0]
	p.Due, p.Errors, p.Classes = 16, 15, map[string]int{"200": 1, "404": 12, "timeout": 3}
	var text bytes.Buffer
	if err := report.Text(&text, r, report.Style{Width: 200}); err != nil {
		t.Fatal(err)
	}
	if want := "Before any fault 15 of 16 requests of purchase failed: 404 (12), timeout (3)."; !strings.Contains(text.String(), want) {
		t.Errorf("%s\nwant %q", text.String(), want)
	}
}

// TestMarginsAreNoLimits: how much more something may be than something else does not belong on an axis of latencies or of error rates.
func TestMarginsAreNoLimits(t *testing.T) {
	r := disproved()
	for i, text := range []string{"p95 <= +10%", "p95 <= +7ms", "error_rate <= +3%", "slower <= 55%", "mean <= +9ms"} {
		e, err := verdict.ParseExpectation(text)
		if err != nil {
			t.Fatal(err)
		}
		m := r.Measures[0]
		m.Name, m.Baseline, m.Recovery = "compared "+string(rune('a'+i)), verdict.Finding{}, verdict.Finding{}
		m.Fault = found(e, verdict.Held, -0.08, -0.05, -0.03, 600, 0, "better than it was")
		m.Fault.Against = 600
		r.Measures = append(r.Measures, m)
	}
	page := string(render(t, func(w io.Writer) error { return report.HTML(w, r) }))
	text := string(render(t, func(w io.Writer) error { return report.Text(w, r, report.Style{}) }))
	for _, wrong := range []string{": p95 &lt;= +10 %", ": p95 &lt;= +7 ms", ": error_rate &lt;= +3 points", ": slower &lt;= 55 %", ": mean &lt;= +9 ms", "NaN", "limit of 7 ms"} {
		if strings.Contains(page, wrong) {
			t.Errorf("the page says %s", wrong)
		}
	}
	for _, want := range []string{"-8 % to -3 %", "-80 ms to -30 ms", "-8 points to -3 points"} {
		if !strings.Contains(page, want) || !strings.Contains(text, want) {
			t.Errorf("neither page nor text says %s", want)
		}
	}
}
