package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// journalIn begins a run's journal in a folder, and says in which file.
func journalIn(t testing.TB, d *folder) (*journal, string) {
	t.Helper()
	claim, err := d.Claim(t.Context(), "R", true)
	if err != nil {
		t.Fatal(err)
	}
	return continued(claim, nil), d.journalPath("R")
}

// reopened takes over the run that journalIn began.
func reopened(t testing.TB, d *folder) (*journal, contents) {
	t.Helper()
	claim, err := d.Claim(t.Context(), "R", false)
	if err != nil {
		t.Fatal(err)
	}
	c, err := StateAt(d).contents(t.Context(), "R")
	if err != nil {
		t.Fatal(err)
	}
	return continued(claim, c.records), c
}

// wholeJournal is the journal of a run that held.
func wholeJournal(t testing.TB) []byte {
	t.Helper()
	j, path := journalIn(t, &folder{dir: t.TempDir()})
	for _, r := range []Record{
		{Type: recordRun, Run: "R", Title: "t\nu"}, {Type: recordPhase, Phase: PhaseBaseline},
		{Type: recordPrepared, Condition: "c", Kind: "latency", Target: "k", Undo: json.RawMessage(`{"a":[1,2]}`)},
		{Type: recordApplied, Condition: "c"}, {Type: recordPrepared, Condition: "d", Kind: "latency", Undo: json.RawMessage(`1`)},
		{Type: recordReverting, Condition: "c"}, {Type: recordReverted, Condition: "c"}, {Type: recordRevertFailed, Condition: "d", Detail: "x"}, {Type: recordEnd},
	} {
		if err := j.append(r, true); err != nil {
			t.Fatal(err)
		}
	}
	j.claim.Release(true)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestJournalAtEveryTruncation: whatever was cut off, the records before the cut are read, and can be continued.
func TestJournalAtEveryTruncation(t *testing.T) {
	text := wholeJournal(t)
	d := &folder{dir: t.TempDir()}
	first, path := journalIn(t, d)
	first.claim.Release(true)
	for n := range len(text) + 1 {
		records, whole, damaged := ParseJournal(text[:n])
		if lines := bytes.Count(text[:n], []byte("\n")); len(records) != lines || damaged != 0 || whole > n {
			t.Fatalf("cut at %d: %d records of %d lines, %d damaged", n, len(records), lines, damaged)
		}
		if err := os.WriteFile(path, text[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j, c := reopened(t, d)
		if err := j.append(Record{Type: recordEnd}, false); err != nil {
			t.Fatal(err)
		}
		j.claim.Release(true)
		again, err := StateAt(d).contents(t.Context(), "R")
		if err != nil || len(again.records) != len(c.records)+1 || again.damaged != 0 {
			t.Fatalf("cut at %d and continued: %d records after %d, %v", n, len(again.records), len(c.records), err)
		}
		if last := again.records[len(again.records)-1]; last.Seq != len(again.records) {
			t.Fatalf("cut at %d: the next record has number %d", n, last.Seq)
		}
	}
}

func TestChanges(t *testing.T) {
	records, _, _ := ParseJournal(wholeJournal(t))
	want := []Change{
		{Condition: "c", Kind: "latency", Target: "k", Undo: json.RawMessage(`{"a":[1,2]}`), Applied: true, Undone: true},
		{Condition: "d", Kind: "latency", Undo: json.RawMessage(`1`)},
	}
	if diff := cmp.Diff(want, Changes(records)); diff != "" {
		t.Error(diff)
	}
}

// TestDamagedLine: one bad line does not keep the rest from being undone.
func TestDamagedLine(t *testing.T) {
	lines := bytes.SplitAfter(wholeJournal(t), []byte("\n"))
	lines[3] = []byte("\x00\x00junk\n")
	records, _, damaged := ParseJournal(bytes.Join(lines, nil))
	if damaged != 1 || len(Changes(records)) != 2 {
		t.Errorf("%d damaged, changes %+v", damaged, Changes(records))
	}
}

func TestNewerJournalIsRefused(t *testing.T) {
	d := &folder{dir: t.TempDir()}
	first, path := journalIn(t, d)
	first.claim.Release(true)
	if err := os.WriteFile(path, []byte(`{"v":2,"seq":1,"type":"run"}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := StateAt(d).Recover(t.Context(), "R", RecoverOptions{}); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("got %v", err)
	}
}

// TestJournalKeepsNoSecret: what an experiment sends with its requests is not written down.
func TestJournalKeepsNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		o.Source = []byte("token: hunter2")
		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(o.State.RunDir(r.Run), "journal.jsonl"))
		if err != nil || bytes.Contains(text, []byte("hunter2")) || !bytes.Contains(text, []byte("sha256:")) {
			t.Errorf("%v\n%s", err, text)
		}
	})
}

func FuzzParseJournal(f *testing.F) {
	f.Add(wholeJournal(f))
	f.Add([]byte("{\"v\":1,\"seq\":1,\"type\":\"prepared\",\"condition\":\"c\"}\n{}\nnull\n[]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, whole, damaged := ParseJournal(data)
		if whole > len(data) || len(records)+damaged != bytes.Count(data[:whole], []byte("\n")) {
			t.Fatalf("%d records and %d damaged lines in %d bytes", len(records), damaged, whole)
		}
		Changes(records)
	})
}

// TestTornWriteIsCutOff: what a failed write left does not stand in the way of the next record.
func TestTornWriteIsCutOff(t *testing.T) {
	disk := &fullDisk{room: 1}
	j, path := journalIn(t, &folder{dir: t.TempDir(), file: func(f journalFile) journalFile { disk.journalFile = f; return disk }})
	defer j.claim.Release(true)
	if err := j.append(Record{Type: recordRun}, true); err != nil {
		t.Fatal(err)
	}
	if err := j.append(Record{Type: recordPrepared, Undo: json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)}, true); err == nil {
		t.Fatal("there was room on a full disk")
	}
	disk.room = 1
	if err := j.append(Record{Type: recordEnd}, true); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if records, whole, damaged := ParseJournal(text); len(records) != 2 || whole != len(text) || damaged != 0 {
		t.Errorf("%d records, %d of %d bytes, %d damaged:\n%s", len(records), whole, len(text), damaged, text)
	}
}

// syncedDisk knows how much would survive a power cut.
type syncedDisk struct {
	journalFile
	written, synced int64
}

func (d *syncedDisk) WriteAt(p []byte, at int64) (int, error) {
	d.written = at + int64(len(p))
	return d.journalFile.WriteAt(p, at)
}

func (d *syncedDisk) Sync() error {
	d.synced = d.written
	return d.journalFile.Sync()
}

// TestUndoIsOnDiskBeforeTheChange: at the moment of the change nothing that was journaled is in a cache.
func TestUndoIsOnDiskBeforeTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		disk := &syncedDisk{}
		o.State = StateAt(&folder{dir: t.TempDir(), file: func(f journalFile) journalFile { disk.journalFile = f; return disk }})
		applied := 0
		c.fail = func(step, target string) error {
			if step == "apply" {
				applied++
				if disk.synced != disk.written || disk.synced == 0 {
					t.Errorf("%d of %d bytes are on disk when the change is made", disk.synced, disk.written)
				}
			}
			return nil
		}
		if _, err := Run(t.Context(), x, o); err != nil || applied != 1 {
			t.Errorf("%d changes, %v", applied, err)
		}
	})
}

// TestJournalTogether: records that wait for each other are written in batches, each of them once, in order; and when
// the disk is full nobody is told that theirs was written.
func TestJournalTogether(t *testing.T) {
	claim := &countingClaim{}
	j := continued(claim, nil)
	lists := make([][]int, 200)
	for i := range lists {
		lists[i] = []int{i}
	}
	var mu sync.Mutex
	var failed, written int
	sideBySide(16, lists, func(i int) bool {
		err := j.append(Record{Type: recordPrepared, Condition: fmt.Sprint(i), Undo: json.RawMessage(`"` + strings.Repeat("x", 10_000) + `"`)}, true)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed++
		} else {
			written++
		}
		return true
	})
	records, _, damaged := ParseJournal(claim.text)
	if len(records) != written || written+failed != 200 || failed == 0 || damaged != 0 {
		t.Fatalf("%d records, %d were told that they are written, %d that not, %d damaged", len(records), written, failed, damaged)
	}
	had := map[string]bool{}
	last := 0
	for _, r := range records {
		if r.Seq <= last || had[r.Condition] {
			t.Errorf("record %d after %d, condition %s", r.Seq, last, r.Condition)
		}
		last, had[r.Condition] = r.Seq, true
	}
	if claim.longest > maxBatch {
		t.Errorf("a batch of %d bytes", claim.longest)
	}
}

// countingClaim keeps lines in memory; each third time it is full.
type countingClaim struct {
	folderClaim
	text    []byte
	appends int
	longest int
}

func (c *countingClaim) Append(lines []byte, durable bool) error {
	c.longest = max(c.longest, len(lines))
	if c.appends++; c.appends%3 == 0 {
		return errors.New("full")
	}
	c.text = append(c.text, lines...)
	return nil
}
