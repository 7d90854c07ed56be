package engine

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// journaled makes a run's folder with a journal, without a live process.
func journaled(t *testing.T, s *State, records ...Record) string {
	t.Helper()
	run, claim, err := s.newRun(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release(true)
	j := continued(claim, nil)
	for _, r := range append([]Record{{Type: recordRun, Run: run, Title: "t"}}, records...) {
		if err := j.append(r, false); err != nil {
			t.Fatal(err)
		}
	}
	return run
}

func TestFind(t *testing.T) {
	s := NewState(filepath.Join(t.TempDir(), "state"))
	if _, err := s.Find(t.Context(), ""); HintOf(err) == "" {
		t.Errorf("no runs: %v", err)
	}
	if runs, err := s.Runs(t.Context()); err != nil || runs != nil {
		t.Errorf("no runs: %v, %v", runs, err)
	}
	first, second := journaled(t, s), journaled(t, s)
	if first >= second {
		t.Errorf("ids do not sort by time: %s, %s", first, second)
	}
	for ref, want := range map[string]string{"": second, "latest": second, first: first, second[:25] + second[25:]: second} {
		if got, err := s.Find(t.Context(), ref); err != nil || got != want {
			t.Errorf("%q: %q, %v", ref, got, err)
		}
	}
	for _, ref := range []string{"0", "ZZZ", "../x"} {
		if _, err := s.Find(t.Context(), ref); HintOf(err) == "" {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

func TestStatusOfADeadRun(t *testing.T) {
	s := NewState(t.TempDir())
	run := journaled(t, s, Record{Type: recordPhase, Phase: PhaseFault}, Record{Type: recordPrepared, Condition: "slow", Kind: "latency", Undo: []byte("1")})
	live, unfinished, err := s.Status(t.Context())
	if err != nil || len(live) != 0 || len(unfinished) != 1 || !unfinished[0].Unfinished() || unfinished[0].Phase != PhaseFault {
		t.Errorf("live %v, unfinished %+v, %v", live, unfinished, err)
	}
	err = s.RequestStop(t.Context(), run, "")
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Hint() != "its process is gone; put things back: firedrill recover "+run {
		t.Errorf("stop: %v, hint %q", err, HintOf(err))
	}
	if _, err := s.Report(t.Context(), run); HintOf(err) == "" {
		t.Errorf("report: %v", err)
	}
}

// TestUnreadableRun: a journal that cannot be read is listed, and does not hide the others.
func TestUnreadableRun(t *testing.T) {
	s := NewState(t.TempDir())
	journaled(t, s)
	if err := os.MkdirAll(s.RunDir("01BROKEN"), 0o700); err != nil {
		t.Fatal(err)
	}
	runs, err := s.Runs(t.Context())
	if err != nil || len(runs) != 2 {
		t.Fatalf("%v, %v", runs, err)
	}
	if _, err := s.Recover(t.Context(), "01BROKEN", RecoverOptions{}); err == nil {
		t.Error("recovered a run without a journal")
	}
	if got, err := s.Recover(t.Context(), "", RecoverOptions{}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

// TestRecoverWithoutTheKind: what this process cannot revert stays pending, and says so.
func TestRecoverWithoutTheKind(t *testing.T) {
	s := NewState(t.TempDir())
	run := journaled(t, s, Record{Type: recordPrepared, Condition: "slow", Kind: "gremlins", Undo: []byte("1")})
	got, err := s.Recover(t.Context(), run, RecoverOptions{Revert: func(string) (Action, error) { return nil, errors.New("unknown kind") }})
	if err != nil || len(got) != 1 || !got[0].Failed() || got[0].Conditions[0].Error != "unknown kind" {
		t.Errorf("%+v, %v", got, err)
	}
	if !s.Info(t.Context(), run).Unfinished() {
		t.Error("it counts as recovered")
	}
}

// TestRecoverGoesBackwards: the last change is undone first.
func TestRecoverGoesBackwards(t *testing.T) {
	s, c := NewState(t.TempDir()), newCloud()
	prepared := func(name string) Record {
		return Record{Type: recordPrepared, Condition: name, Kind: "latency", Undo: []byte(`{"target":"` + name + `","value":"` + c.values[name] + `"}`)}
	}
	run := journaled(t, s, prepared("a"), prepared("b"))
	if _, err := s.Recover(t.Context(), run, RecoverOptions{Revert: c.registry().Revert}); err != nil {
		t.Fatal(err)
	}
	if len(c.calls) != 2 || c.calls[0] != "revert b" || c.calls[1] != "revert a" {
		t.Errorf("calls: %v", c.calls)
	}
}
