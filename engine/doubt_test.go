package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestUnreadableJournal: a run whose journal cannot be read may have left something, so nobody says that nothing is left.
func TestUnreadableJournal(t *testing.T) {
	tests := []struct {
		name, journal string
		doubtful      bool
	}{
		{"of a later version", `{"v":2,"seq":1,"type":"run","run":"X"}` + "\n", true},
		{"damaged", "{\"v\":1,\"seq\":1,\"type\":\"run\"}\n\x00\x00\x00\n", true},
		{"torn", `{"v":1,"seq":1,"type":"run"}` + "\n" + `{"v":1,"se`, false},
		{"empty", "", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewState(t.TempDir())
			run, claim, err := s.newRun(t.Context(), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			claim.Release(true)
			if err := os.WriteFile(filepath.Join(s.RunDir(run), "journal.jsonl"), []byte(test.journal), 0o600); err != nil {
				t.Fatal(err)
			}
			_, unfinished, err := s.Status(t.Context())
			if err != nil || (len(unfinished) == 1) != test.doubtful {
				t.Fatalf("status: %+v, %v", unfinished, err)
			}
			if !test.doubtful {
				return
			}
			if unfinished[0].Problem == "" {
				t.Error("status does not say why")
			}
			recovered, err := s.Recover(t.Context(), "", RecoverOptions{Revert: newCloud().registry().Revert})
			if err == nil && (len(recovered) != 1 || len(recovered[0].Notes) == 0) {
				t.Errorf("recover does not say that something may be left: %+v", recovered)
			}
			if err != nil && !strings.Contains(err.Error(), run) {
				t.Errorf("recover does not name the run: %v", err)
			}
			if _, again, _ := s.Status(t.Context()); err == nil && len(again) != 0 {
				t.Errorf("what recover has told is told again: %+v", again)
			}
		})
	}
}

// TestNoJournal: a run that was killed before its journal was there has changed nothing.
func TestNoJournal(t *testing.T) {
	s := NewState(t.TempDir())
	run, claim, err := s.newRun(t.Context(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	claim.Release(true)
	if info := s.Info(t.Context(), run); info.Unfinished() {
		t.Errorf("%+v", info)
	}
}

// TestLeaseIsWallTime: a suspended machine's monotonic clock stands still while the lease runs out.
func TestLeaseIsWallTime(t *testing.T) {
	m := newMachine(spec{baseline: time.Second, fault: time.Minute, lease: 15 * time.Second, stages: []float64{100}, conditions: []plannedCondition{{renewable: true}}})
	m.state, m.busy, m.doing = injecting, true, command{op: opApply}
	m.conds = []progress{{prepared: true, order: 1}}
	now := time.Now()
	m.Step(event{kind: evDone, at: now, leases: leases{renewed: wallTime(now)}})
	if m.state != observing {
		t.Fatal(m.state)
	}
	wall := now.Add(time.Hour).Round(0) // only the wall clock went on
	m.Step(event{kind: evTick, at: wall})
	if m.stop == nil {
		t.Error("the lost lease was not noticed")
	}
	ch := &change{action: &fakeAction{}}
	ch.extended(now, nil)
	g := &group{changes: []*change{ch}}
	if renewed := g.leases().renewed; renewed != renewed.Round(0) {
		t.Errorf("the age of the lease %v would be measured by the monotonic clock", renewed)
	}
}
