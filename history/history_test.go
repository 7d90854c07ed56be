package history_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

func TestChange(t *testing.T) {
	for _, test := range []struct {
		name string
		runs *maker
		kind history.Kind
		want string
	}{
		{"always held", newMaker().add("v1", "++++").add("v2", "++"), "", ""},
		{"never held", newMaker().add("v1", "---"), "", ""},
		{"nothing", newMaker().add("v1", "?ns!"), "", ""},
		{"regression", newMaker().add("v1.8.1", strings.Repeat("+", 41)).add("v1.8.2", "--"), history.Regressed, "held 41 times, disproved since v1.8.2 (2026-02-11), last held with v1.8.1"},
		{"at once", newMaker().add("v1", "+").add("v2", "-"), history.Regressed, "held once, disproved since v2 (2026-01-02), last held with v1"},
		{"what settles nothing is passed over", newMaker().add("v1", "++?").add("v2", "n!-?"), history.Regressed, "held 2 times, disproved since v2 (2026-01-06), last held with v1"},
		{"without versions", newMaker().add("", "+++--"), history.Regressed, "held 3 times, disproved since 2026-01-04"},
		{"though nothing was deployed", newMaker().add("v1", "+++--"), history.Regressed, "held 3 times, disproved since v1 (2026-01-04), though the version is the same"},
		{"recovered", newMaker().add("v1.8.1", "++++").add("v1.8.2", "---").add("v1.8.3", "++"), history.Recovered, "disproved 3 times, held since v1.8.3 (2026-01-08), last disproved with v1.8.2"},
		{"the whole hash of a commit", newMaker().add("v1", "+").add("0123456789abcdef0123456789abcdef01234567", "-"), history.Regressed, "held once, disproved since 0123456789ab (2026-01-02), last held with v1"},
		{"flaky", newMaker().add("v0", "+").add("v1", "++-++-+++"), history.Flaky, "disproved 2 of 9 times with v1, 22 % (6 to 55 %): the verdict has changed 4 times, and no version says why"},
		{"alternates with its versions", newMaker().add("v1", "++").add("v2", "--").add("v3", "++").add("v4", "-"), history.Regressed, "held 2 times, disproved since v4 (2026-01-07), last held with v3"},
		{"twice without a version", newMaker().add("", "++-+"), history.Recovered, "disproved once, held since 2026-01-04"},
		{"flaky without a version", newMaker().add("", "+-+-"), history.Flaky, "disproved 2 of 4 times without a known version, 50 % (15 to 85 %): the verdict has changed 3 times, and no version says why"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var kind history.Kind
			text := ""
			if n := test.runs.line().Change(); n != nil {
				kind, text = n.Kind, n.Text
			}
			if kind != test.kind || text != test.want {
				t.Errorf("got %q %q, want %q %q", kind, text, test.kind, test.want)
			}
		})
	}
}

// A change of the file is told, and keeps an experiment from counting as flaky.
func TestChangeOfTheFile(t *testing.T) {
	m := newMaker().add("v1", "+-+")
	m.runs[1].Source = "sha256:2"
	m.runs[2].Source = "sha256:3"
	n := m.line().Change()
	if n == nil || n.Kind != history.Recovered || !strings.Contains(n.Text, "the experiment's file has changed, too") {
		t.Error(n)
	}
}

func TestLines(t *testing.T) {
	m := newMaker()
	m.env = "staging"
	m.add("v1", "++")
	m.env = "prod"
	m.add("v1", "+")
	m.file, m.env = "checks/slow.yaml", "staging" // it has moved
	m.add("v2", "-")
	other := newMaker()
	other.file = "drills/other.yaml" // the title of one that is still in use, so it is a copy
	other.add("v1", "+")
	other.runs[0].Run = fmt.Sprintf("%025d5", 0)
	got := ""
	for _, l := range history.Lines(append(m.runs, other.runs...)) {
		got += fmt.Sprintf("%s %s %d\n", l.Experiment, l.Environment, len(l.Runs))
	}
	want := "checks/slow.yaml staging 3\ndrills/other.yaml  1\ndrills/slow.yaml prod 1\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestBefore(t *testing.T) {
	m := newMaker().add("v1", "+-?s!")
	now := history.Run{Run: fmt.Sprintf("%026d", 9), Experiment: m.file, Title: "A slow inventory"}
	if b, ok := history.Before(m.runs, now); !ok || b.Run != m.runs[2].Run {
		t.Error("the latest that was judged counts, got", b)
	}
	now.Labels = map[string]string{history.LabelEnvironment: "prod"}
	if b, ok := history.Before(m.runs, now); ok {
		t.Error("another environment", b)
	}
	now.Labels, now.Run = nil, m.runs[0].Run
	if b, ok := history.Before(m.runs, now); ok {
		t.Error("before the first", b)
	}
}

func TestDecisive(t *testing.T) {
	r := history.Run{Measures: []history.Measure{{Name: "far", Finding: finding(verdict.Held, 0.1)}, {Name: "near", Finding: finding(verdict.Held, 0.39)}, {Name: "off", Finding: finding(verdict.Disproved, 0.9)}}}
	if got := r.Decisive(); got != "off" {
		t.Error(got)
	}
	r.Measures = r.Measures[:2]
	if got := r.Decisive(); got != "near" {
		t.Error(got)
	}
}

func TestMatches(t *testing.T) {
	r := history.Run{Experiment: "drills/slow-inventory.yaml", Title: "Purchases survive"}
	for pattern, want := range map[string]bool{"slow-*": true, "drills/*": true, "slow-inventory.yaml": true, "survive": true, "fast-*": false, "": true} {
		if r.Matches(pattern) != want {
			t.Error(pattern)
		}
	}
}

// A drift that is there is found, told with its numbers, and one that is not is not.
func TestDriftIsFound(t *testing.T) {
	stories := history.Stories([]history.Line{series(rand.New(rand.NewPCG(1, 1)), 30, 0.02), series(rand.New(rand.NewPCG(2, 2)), 30, 0)})
	if n := stories[0].News; len(n) != 1 || n[0].Kind != history.Drifting || !strings.Contains(n[0].Text, "latency still holds, but worsens: p95 from ") {
		t.Error(n)
	} else if d := n[0].Drift; !(d.Slope.Low < 0.004 && 0.004 < d.Slope.High) || d.Runs != 30 {
		t.Error(*d)
	}
	if len(stories[1].News) != 0 {
		t.Error(stories[1].News)
	}
	for name, line := range map[string]history.Line{
		"it gets better":      series(rand.New(rand.NewPCG(3, 3)), 30, -0.02),
		"too few":             series(rand.New(rand.NewPCG(1, 1)), 9, 0.2),
		"steady but for ties": newMaker().add("v1", strings.Repeat("+", 40)).line(),
	} {
		if n := history.Stories([]history.Line{line})[0].News; len(n) != 0 {
			t.Error(name, n)
		}
	}
	small := newMaker()
	for i := range 50 {
		small.put("v1", verdict.Held, 0.2+0.0001*float64(i))
	}
	if n := history.Stories([]history.Line{small.line()})[0].News; len(n) != 0 {
		t.Error("certain, but too small to matter", n)
	}
}

// False alarms stay below the level, and power is what the docs say. The draws are seeded: the numbers are always the same.
func TestDriftIsCalibrated(t *testing.T) {
	const draws = 2000
	alarms := func(n int, slope float64) float64 {
		r := rand.New(rand.NewPCG(7, uint64(n)))
		hits := 0
		for range draws {
			if len(history.Drifts([]history.Line{series(r, n, slope)})[0]) > 0 {
				hits++
			}
		}
		return float64(hits) / draws
	}
	for _, test := range []struct {
		runs       int
		slope      float64
		least, top float64
	}{
		{10, 0, 0, 0.01}, {20, 0, 0, 0.01}, {60, 0, 0, 0.01},
		{10, 0.05, 0.5, 1}, {20, 0.02, 0.75, 1}, {30, 0.01, 0.6, 1}, {60, 0.005, 0.8, 1},
	} {
		got := alarms(test.runs, test.slope)
		t.Logf("%d runs, %g %% a run: %.1f %%", test.runs, 100*test.slope, 100*got)
		if got < test.least || got > test.top {
			t.Errorf("%d runs with a slope of %g: %g are alarms, want %g to %g", test.runs, test.slope, got, test.least, test.top)
		}
	}
	// a hundred experiments that are looked at together
	r := rand.New(rand.NewPCG(9, 9))
	families := 0
	for range 200 {
		var lines []history.Line
		for range 20 {
			lines = append(lines, series(r, 20, 0))
		}
		for _, d := range history.Drifts(lines) {
			if len(d) > 0 {
				families++
				break
			}
		}
	}
	if families > 6 {
		t.Errorf("%d of 200 looks at 20 experiments have a false alarm", families)
	}
}
