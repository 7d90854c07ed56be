package engine

import (
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// BenchmarkOverhead runs a whole experiment on the disk and the clock, and reports what it takes beside its phases.
// The bar is 300 ms.
func BenchmarkOverhead(b *testing.B) {
	c, x := newCloud(), example(b)
	x.Loads, x.Measures = nil, []experiment.Measure{{Name: "up", Of: "command", Every: 10 * time.Millisecond, Expect: expect(b, "count >= 1")}}
	x.Phases = experiment.Phases{Baseline: 50 * time.Millisecond, Fault: 50 * time.Millisecond, Recovery: 50 * time.Millisecond}
	o := options(b, c)
	var own time.Duration
	for b.Loop() {
		start := time.Now()
		r, err := Run(b.Context(), x, o)
		if err != nil || r.Verdict != verdict.Held {
			b.Fatal(r, err)
		}
		own += time.Since(start)
		for _, p := range r.Phases {
			own -= p.End.Sub(p.Start)
		}
	}
	b.ReportMetric(float64(own.Milliseconds())/float64(b.N), "ms-overhead/run")
}

// BenchmarkStoreAdd is the hot path of a load's answers.
func BenchmarkStoreAdd(b *testing.B) {
	var s store
	o := verdict.Observation{At: time.Now(), Value: 0.01, Class: "200"}
	b.ReportAllocs()
	for b.Loop() {
		s.add(o)
	}
}

// BenchmarkJournalAppendTogether is one of sixteen records that are to be synced at once.
func BenchmarkJournalAppendTogether(b *testing.B) {
	j, _ := journalIn(b, &folder{dir: b.TempDir()})
	defer j.claim.Release(true)
	lists := make([][]int, b.N)
	for i := range lists {
		lists[i] = []int{i}
	}
	b.ResetTimer()
	sideBySide(defaultParallel, lists, func(int) bool {
		err := j.append(Record{Type: recordPrepared, Condition: "slow", Undo: []byte(`{"a":1}`)}, true)
		if err != nil {
			b.Error(err)
		}
		return err == nil
	})
}

// BenchmarkJournalAppend is one synced record.
func BenchmarkJournalAppend(b *testing.B) {
	j, _ := journalIn(b, &folder{dir: b.TempDir()})
	defer j.claim.Release(true)
	for b.Loop() {
		if err := j.append(Record{Type: recordPrepared, Condition: "slow", Undo: []byte(`{"a":1}`)}, true); err != nil {
			b.Fatal(err)
		}
	}
}
