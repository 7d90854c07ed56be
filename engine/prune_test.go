package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPrunable(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	run := func(id string, n int, experiment string, change func(*RunInfo)) RunInfo {
		r := RunInfo{Run: id, Title: experiment, Experiment: experiment, Started: day(n), Ended: day(n).Add(time.Minute), Verdict: "held"}
		if change != nil {
			change(&r)
		}
		return r
	}
	runs := []RunInfo{
		run("01", 1, "a", nil), run("02", 2, "a", nil), run("03", 3, "b", nil),
		run("04", 4, "a", func(r *RunInfo) { r.Pending = []string{"slow"} }),
		run("05", 5, "a", func(r *RunInfo) { r.Ended = time.Time{}; r.Live = true }),
		run("06", 6, "a", func(r *RunInfo) { r.Ended = time.Time{} }),
		run("07", 7, "a", func(r *RunInfo) { r.Within = "05" }),
		run("08", 8, "a", func(r *RunInfo) { r.Labels = map[string]string{"environment": "prod"} }),
		run("09", 9, "a", nil),
	}
	for _, test := range []struct {
		name string
		p    Pruning
		want string
	}{
		{"whatever has ended", Pruning{}, "01 02 03 08 09"},
		{"the latest of each stays", Pruning{Keep: 1}, "01 02"},
		{"old ones", Pruning{Before: day(3)}, "01 02"},
		{"old ones, but the latest", Pruning{Before: day(9), Keep: 2}, "01 02"},
		{"enough are kept", Pruning{Keep: 100}, ""},
	} {
		var got []string
		for _, r := range prunable(runs, test.p) {
			got = append(got, r.Run)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
	}
}

func TestPrune(t *testing.T) {
	s := manyRuns(t, 120) // of fifty experiments
	removed, err := s.Prune(t.Context(), Pruning{Keep: 1, Dry: true})
	if err != nil || len(removed) != 70 {
		t.Fatal(len(removed), err)
	}
	if runs, _ := s.Runs(t.Context()); len(runs) != 120 {
		t.Fatal("a dry run has removed something")
	}
	// what the ledger says does not count: the journal has something that is not put back
	left := removed[5].Run
	file := filepath.Join(s.RunDir(left), "journal.jsonl")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), `"reverted"`, `"reverting"`)), 0o600); err != nil {
		t.Fatal(err)
	}
	removed, err = s.Prune(t.Context(), Pruning{Keep: 1})
	if err != nil || len(removed) != 69 {
		t.Fatal(len(removed), err)
	}
	runs, err := s.Runs(t.Context())
	if err != nil || len(runs) != 51 {
		t.Fatal(len(runs), err)
	}
	if entries, _ := filepath.Glob(filepath.Join(s.Name(), "removed-*")); len(entries) != 0 {
		t.Error("left:", entries)
	}
	if _, err := os.Stat(file); err != nil {
		t.Error("what is not put back was removed:", err)
	}
}
