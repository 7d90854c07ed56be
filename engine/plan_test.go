package engine

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// TestPlanTouchesNothing: not the targets, not the state folder, not even by creating it.
func TestPlanTouchesNothing(t *testing.T) {
	c, x := newCloud(), example(t)
	x.Conditions = append(x.Conditions, experiment.Condition{Name: "then", Fault: "exception", Target: experiment.Target{Lambda: "b"}, After: "slow", Delay: time.Second, For: 3 * time.Second})
	x.Guards = experiment.Guards{MaxTargets: 2, Protected: []string{"prod-*"}, MaxDuration: time.Hour}
	dir := t.TempDir() + "/state"
	o := Options{Registry: c.registry(), State: NewState(dir)}
	p, err := Plan(t.Context(), x, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.calls) > 0 {
		t.Errorf("calls: %v", c.calls)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the state folder: %v", err)
	}
	if len(p.Conditions) != 2 || p.Conditions[0].Target != "a" || p.Conditions[0].Undo != "mend it" {
		t.Errorf("conditions: %+v", p.Conditions)
	}
	if got, want := p.Conditions[1].When, "1s after slow is over, for 3s"; got != want {
		t.Errorf("when: %q, want %q", got, want)
	}
	if p.Duration != 33*time.Second || p.MaxDuration != time.Minute {
		t.Errorf("takes %s, at most %s", p.Duration, p.MaxDuration)
	}
	if len(p.Guards) != 4 || len(p.Warnings) != 0 {
		t.Errorf("guards %q, warnings %q", p.Guards, p.Warnings)
	}
}

func TestPlanWarnsAndRefuses(t *testing.T) {
	tests := []struct {
		name    string
		change  func(x *experiment.Experiment, s *State)
		warning string
		refusal string
	}{
		{"too few samples", func(x *experiment.Experiment, s *State) { x.Phases.Fault = 200 * time.Millisecond }, "samples", ""},
		{"kill switch", func(x *experiment.Experiment, s *State) {
			if err := s.Engage(t.Context(), "incident"); err != nil {
				t.Fatal(err)
			}
		}, "kill switch", ""},
		{"longer than allowed", func(x *experiment.Experiment, s *State) { x.Guards.MaxDuration = time.Second }, "max_duration", ""},
		{"in use", func(x *experiment.Experiment, s *State) {
			_, claim, err := s.newRun(t.Context(), time.Now())
			if err == nil {
				err = claim.Lock(t.Context(), []string{"a"})
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { claim.Release(true) })
		}, "in use", ""},
		{"protected", func(x *experiment.Experiment, s *State) { x.Guards.Protected = []string{"a"} }, "", "protected"},
		{"protected by a bad pattern", func(x *experiment.Experiment, s *State) { x.Guards.Protected = []string{"["} }, "", "protected"},
		{"no target", func(x *experiment.Experiment, s *State) { x.Conditions[0].Target = experiment.Target{} }, "", "no such target"},
		{"no condition", func(x *experiment.Experiment, s *State) { x.Conditions = nil }, "", "no conditions"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, x := newCloud(), example(t)
			o := options(t, c)
			test.change(x, o.State)
			p, err := Plan(t.Context(), x, o)
			switch {
			case test.refusal != "":
				if err == nil || !strings.Contains(err.Error(), test.refusal) {
					t.Errorf("got %v", err)
				}
			case err != nil:
				t.Error(err)
			case !strings.Contains(strings.Join(p.Warnings, "\n"), test.warning):
				t.Errorf("warnings: %q", p.Warnings)
			}
		})
	}
}
