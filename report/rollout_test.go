package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

// TestRollout: a rollout is told as one, kept or put back.
func TestRollout(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	kept := &engine.Result{
		Version: 1, Rollout: true, Run: "01R", Verdict: verdict.Held, Reason: "promoted", Started: at, Ended: at.Add(time.Minute),
		Experiment: &experiment.Experiment{Title: "Canary"},
		Phases:     []engine.PhaseSpan{{Name: engine.StepPhase, Stage: 1, Share: 5, Start: at, End: at.Add(20 * time.Second)}, {Name: engine.StepPhase, Stage: 2, Share: 100, Start: at.Add(20 * time.Second), End: at.Add(time.Minute)}},
		Conditions: []engine.ConditionResult{{Name: "live to version 2", Kind: "k", Target: "t", Applied: &at, Kept: true, Proof: engine.Proof{Known: true, Planned: 2, Fired: 2}}},
		Runs:       []string{"01A", "01B"},
	}
	back := *kept
	back.Verdict, back.Conditions = verdict.Disproved, []engine.ConditionResult{kept.Conditions[0]}
	back.Conditions[0].Kept, back.Conditions[0].Reverted = false, &at
	for _, tc := range []struct {
		result *engine.Result
		want   []string
		never  string
	}{
		{kept, []string{"5 % for 20s, 100 % for 40s, and kept.", "01A, 01B", engine.Kept}, "not put back"},
		{&back, []string{"5 % for 20s, 100 % for 40s, then put back."}, engine.Kept},
	} {
		var text, page, markdown bytes.Buffer
		if err := report.Text(&text, tc.result, report.Style{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if err := report.HTML(&page, tc.result); err != nil {
			t.Fatal(err)
		}
		if err := report.Markdown(&markdown, report.Of(tc.result), 0); err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string]string{"text": text.String(), "html": strings.ReplaceAll(page.String(), "\u00a0", " ")} {
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("%s does not say %q:\n%s", name, want, got)
				}
			}
			if strings.Contains(got, tc.never) {
				t.Errorf("%s says %q", name, tc.never)
			}
		}
		if !strings.Contains(text.String(), "  change ") || strings.Contains(markdown.String(), "fault ") {
			t.Errorf("a rollout is no fault:\n%s\n%s", &text, &markdown)
		}
	}
}
