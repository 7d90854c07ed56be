package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

// manyRuns fills a folder with the journals of runs that have ended, as runs write them.
func manyRuns(t testing.TB, n int) *State {
	dir := t.TempDir()
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	finding := verdict.Finding{Expectation: expect(t, "p95 < 400ms"), Outcome: verdict.Held, Estimate: 0.2, Interval: verdict.Interval{Low: 0.19, High: 0.21, Confidence: 0.95}, Samples: 1000}
	for i := range n {
		at := begin.Add(time.Duration(i) * time.Hour)
		id := ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String()
		records := []Record{
			{Type: recordRun, Run: id, Title: "A slow inventory", Experiment: fmt.Sprintf("drills/%d.yaml", i%50), Source: "sha256:1", Labels: map[string]string{"version": "v1", "environment": "prod"}},
			{Type: recordFrozen, Targets: []FrozenTarget{{"slow", "latency", "file:/tmp/faults.json"}}},
			{Type: recordPhase, Phase: PhaseBaseline},
			{Type: recordPrepared, Condition: "slow", Kind: "latency", Target: "file:/tmp/faults.json", Undo: []byte(`{"place":{"kind":"file","path":"/tmp/faults.json"},"before":"e30K","member":"latency"}`)},
			{Type: recordPhase, Phase: PhaseFault}, {Type: recordApplied, Condition: "slow"}, {Type: recordRenewed, Condition: "slow"}, {Type: recordRenewed, Condition: "slow"},
			{Type: recordReverting, Condition: "slow"}, {Type: recordReverted, Condition: "slow"}, {Type: recordPhase, Phase: PhaseRecovery},
			{Type: recordVerdict, Verdict: "held", Reason: "every measure held while the fault was there", Measures: []history.Measure{{Name: "latency", Finding: finding}, {Name: "errors", Finding: finding}}},
			{Type: recordEnd},
		}
		var lines []byte
		for seq, r := range records {
			r.V, r.Seq, r.At = journalVersion, seq+1, at.Add(time.Duration(seq)*time.Second)
			line, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(append(lines, line...), '\n')
		}
		run := filepath.Join(dir, "runs", id)
		if err := os.MkdirAll(run, 0o700); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"journal.jsonl": lines, "lock": nil} {
			if err := os.WriteFile(filepath.Join(run, name), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return NewState(dir)
}

// BenchmarkRuns lists 10,000 runs that were listed before, and BenchmarkRunsBare reads their journals and nothing else.
func BenchmarkRuns(b *testing.B) {
	s := manyRuns(b, 10_000)
	if _, err := s.Runs(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if runs, err := s.Runs(b.Context()); err != nil || len(runs) != 10_000 || !runs[0].HasEnded() {
			b.Fatal(len(runs), err)
		}
	}
}

// A ledger that is gone, damaged, or says what is not so of a run, is no loss: the journals tell, and it is written again.
func TestLedger(t *testing.T) {
	s := manyRuns(t, 20)
	want, err := s.Runs(t.Context())
	if err != nil || len(want) != 20 {
		t.Fatal(len(want), err)
	}
	file := filepath.Join(s.Name(), ledgerName)
	whole, err := os.ReadFile(file)
	if err != nil || bytes.Count(whole, []byte("\n")) != 20 {
		t.Fatal("the ledger was not written", err)
	}
	left := append(bytes.Clone(whole), []byte(`{"run":"`+want[3].Run+`","title":"x","ended":"2026-01-01T00:00:00Z","live":false,"pending":["slow"]}`+"\n")...)
	for name, text := range map[string][]byte{
		"whole": whole, "gone": nil, "torn": whole[:len(whole)/2], "garbage": []byte("\x00{{\n[]\n{\"run\":\"\n"), "of a run that is gone": append(bytes.Clone(whole), []byte(`{"run":"01K0000000000000000000000A","ended":"2026-01-01T00:00:00Z"}`+"\n")...),
		"with something left": left,
	} {
		t.Run(name, func(t *testing.T) {
			if text == nil {
				_ = os.Remove(file)
			} else if err := os.WriteFile(file, text, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // it heals
				got, err := s.Runs(t.Context())
				if err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("got %d runs, %v", len(got), err)
				}
			}
		})
	}
	// a ledger that cannot be written keeps nothing from being listed
	_ = os.Remove(file)
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Runs(t.Context()); err != nil || len(got) != 20 {
		t.Error(len(got), err)
	}
}

// A run that left something behind is never settled, nor is one that goes on.
func TestWhatIsSettled(t *testing.T) {
	ended := time.Now()
	for _, info := range []RunInfo{{}, {Ended: ended, Live: true}, {Ended: ended, Pending: []string{"slow"}}, {Ended: ended, Problem: "damaged"}} {
		if info.settled() {
			t.Error(info)
		}
	}
	if !(RunInfo{Ended: ended}).settled() {
		t.Error("one that has ended")
	}
}

func FuzzReadSettled(f *testing.F) {
	f.Add([]byte(`{"run":"01K0000000000000000000000A","ended":"2026-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		run, ok := runOf(line)
		if info, settled := readSettled(run, line); ok && settled && (info.Run != run || len(info.Pending) > 0 || info.Live) {
			t.Error(info)
		}
	})
}

func BenchmarkRunsBare(b *testing.B) {
	s := manyRuns(b, 10_000)
	for b.Loop() {
		ids, err := s.home.Runs(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, id := range ids {
			if _, err := os.ReadFile(filepath.Join(s.RunDir(id), "journal.jsonl")); err != nil {
				b.Fatal(err)
			}
		}
	}
}
