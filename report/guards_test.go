package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// TestWhoseLease: a lease ends faults in functions. Of a change of the account nobody may read that it ends by itself.
func TestWhoseLease(t *testing.T) {
	for percentage, said := range map[float64]bool{100: true, 0: false} {
		r := &engine.Result{Version: 1, Run: "RUN", Experiment: &experiment.Experiment{Lease: time.Minute, Conditions: []experiment.Condition{{Name: "c", Percentage: percentage}}}}
		var page bytes.Buffer
		if err := HTML(&page, r); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(page.String(), "even if nobody puts it back"); got != said {
			t.Errorf("of %v %% of the invocations the page tells a lease: %t", percentage, got)
		}
	}
}

// TestBudgetsAndWhatStays: every report says what was used up, and what was not undone as the file says, without calling it left
// behind.
func TestBudgetsAndWhatStays(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	r := &engine.Result{
		Version: 1, Run: "RUN", Verdict: verdict.Held, Reason: "every measure held", Started: at, Ended: at.Add(time.Minute),
		Budgets:    []engine.Spent{{What: "injections", Used: 7, Most: 5000}, {What: "failed requests", Used: 3, Most: 200, File: "house.yaml"}},
		Conditions: []engine.ConditionResult{{Name: "gone: instance/i-1", Condition: "gone", Kind: "ec2-terminate", Target: "ec2-terminate:i-1", Applied: &at, NotUndone: true, Proof: engine.Proof{Known: true, Planned: 1, Fired: 1}}},
	}
	var text, markdown, page bytes.Buffer
	for name, err := range map[string]error{"text": Text(&text, r, Style{Width: 200}), "markdown": Markdown(&markdown, Of(r), 0), "page": HTML(&page, r)} {
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for name, got := range map[string]string{"text": text.String(), "markdown": markdown.String(), "page": page.String()} {
		plain := strings.NewReplacer(`\`, "", "\u00a0", " ").Replace(got)
		for _, want := range []string{"Of a budget of 5000 injections, 7 were used up.", "3 were used up (house.yaml).", engine.NotUndone, "ec2-terminate on i-1"} {
			if !strings.Contains(plain, want) {
				t.Errorf("%s does not say %q:\n%s", name, want, got)
			}
		}
		if strings.Contains(got, "not put back") {
			t.Errorf("%s calls it left behind", name)
		}
	}
}
