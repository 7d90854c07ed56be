package report

import (
	"math"
	"slices"
	"testing"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// TestAlarms: an alarm that stops is named among the settings, one that never fired has no number, and a chart of states has no limit.
func TestAlarms(t *testing.T) {
	r := &engine.Result{Experiment: &experiment.Experiment{Stop: []experiment.StopRule{{Alarm: experiment.Alarm{Name: "shop-critical", Account: "shop"}}}}}
	if all := facts(r); !slices.Contains(all, fact{"stops if", "alarm shop-critical (account shop) fires"}) {
		t.Errorf("%q", all)
	}
	e, err := verdict.ParseExpectation("fires within 60s")
	if err != nil {
		t.Fatal(err)
	}
	f := verdict.Finding{Expectation: e, Outcome: verdict.Disproved, Estimate: math.Inf(1), Interval: verdict.Interval{Low: 61, High: math.Inf(1), Confidence: 1}, Samples: 12}
	if estimate(f) != "never" || spread(f) != "≥ 61 s" {
		t.Errorf("%s, %s", estimate(f), spread(f))
	}
	c := probeChart(r, chart{}, engine.MeasureResult{Name: "paged", Fault: f})
	if c.limits != nil || c.format(1) != "ALARM" || c.format(0) != "OK" || c.format(0.5) != "" {
		t.Errorf("limits %v, %s %s %q", c.limits, c.format(0), c.format(1), c.format(0.5))
	}
}
