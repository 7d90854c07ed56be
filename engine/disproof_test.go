package engine

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// TestUntilDisproved: whoever only wants the verdict does not wait for the end of the phase once it is certain.
func TestUntilDisproved(t *testing.T) {
	for _, tt := range []struct {
		name        string
		broken      time.Duration
		failing     bool
		until       bool
		want        verdict.Outcome
		least, most time.Duration // that the fault is there
	}{
		{"far too slow", 700 * time.Millisecond, false, true, verdict.Disproved, time.Second, 9 * time.Second},
		{"all fail", 50 * time.Millisecond, true, true, verdict.Disproved, time.Second, 9 * time.Second},
		{"it holds", 50 * time.Millisecond, false, true, verdict.Held, 20 * time.Second, 21 * time.Second},
		{"nobody asked for less", 700 * time.Millisecond, false, false, verdict.Disproved, 20 * time.Second, 21 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				c.broken, c.failing = tt.broken, tt.failing
				o := options(t, c)
				o.UntilDisproved = tt.until
				r, err := Run(t.Context(), example(t), o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != tt.want || r.Stop != nil {
					t.Errorf("%s: %s", r.Verdict, r.Reason)
				}
				for _, p := range r.Phases {
					if took := p.End.Sub(p.Start); p.Name == PhaseFault && (took < tt.least || took > tt.most) {
						t.Errorf("the fault was there for %s", took)
					}
				}
				told := strings.Contains(strings.Join(r.Notes, "\n"), "ended early, because it is certain that it does not hold: ")
				if told != (tt.until && tt.want == verdict.Disproved) {
					t.Errorf("notes: %q", r.Notes)
				}
				pristine(t, c)
			})
		})
	}
}
