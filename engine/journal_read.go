package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
)

// maxJournal bounds what is read; a run's journal is a few kilobytes and an undo record a few hundred.
const maxJournal = 256 << 20

// A Change is one condition of a journal, on one of its targets, that was prepared, with what became of it.
type Change struct {
	Condition string
	Of        string // the condition that has several targets; empty if it has one
	Kind      string
	Target    string
	Undo      json.RawMessage
	Applied   bool
	Undone    bool // reverted, or reverted but for drift
	Kept      bool // it stays, because its rollout went well
	// Irreversible says that it cannot be put back, and that the file knows.
	Irreversible bool
}

// Pending says that the change is there, or may be, and must be put back.
func (c Change) Pending() bool { return !c.Undone && !c.Kept }

// ParseJournal reads the records of a journal. A last line without its end is torn: it was never acted on, and
// is left out of whole, the length of what was read. Other lines that are no records are counted as damaged
// and passed over, so that one bad line does not keep the rest from being undone.
func ParseJournal(data []byte) (records []Record, whole, damaged int) {
	for whole < len(data) {
		end := bytes.IndexByte(data[whole:], '\n')
		if end < 0 {
			break
		}
		var r Record
		if err := json.Unmarshal(data[whole:whole+end], &r); err != nil || r.V < 1 || r.Type == "" {
			damaged++
		} else {
			records = append(records, r)
		}
		whole += end + 1
	}
	return records, whole, damaged
}

// Changes folds the records of a journal into its changes, in the order of their preparation.
func Changes(records []Record) []Change {
	var changes []Change
	at := map[string]int{}
	for _, r := range records {
		if r.Type == recordKept || r.Type == recordReverting { // a rollout that does not know whether its record was written takes all back
			for i := range changes {
				changes[i].Kept = r.Type == recordKept
			}
		}
		if i, known := at[r.Condition]; known && r.Type == recordPrepared && changes[i].Target == r.Target && changes[i].Pending() {
			changes[i].Undo = r.Undo // of a further step of the same change
			continue
		}
		if r.Type == recordPrepared {
			at[r.Condition] = len(changes)
			changes = append(changes, Change{Condition: r.Condition, Of: r.Of, Kind: r.Kind, Target: r.Target, Undo: r.Undo, Irreversible: r.Irreversible})
			continue
		}
		i, known := at[r.Condition]
		if !known {
			continue
		}
		switch r.Type {
		case recordApplied:
			changes[i].Applied = true
		case recordReverted, recordDrift:
			changes[i].Undone = true
		}
	}
	return changes
}

// contents is a journal as it was read.
type contents struct {
	records []Record
	damaged int  // lines that are no records
	live    bool // a process is at the run
}

// contents reads a run's journal. An unknown version is an error, since its undo could not be trusted.
func (s *State) contents(ctx context.Context, run string) (contents, error) {
	trace, err := s.home.Trace(ctx, run)
	c := contents{live: trace.Live}
	if err != nil {
		return c, fmt.Errorf("read the journal: %w", err)
	}
	c.records, _, c.damaged = ParseJournal(trace.Lines)
	for _, r := range c.records {
		if r.V > journalVersion {
			return c, fmt.Errorf("read the journal of run %s: record %d has version %d, this firedrill knows %d: use the one that wrote it", run, r.Seq, r.V, journalVersion)
		}
	}
	return c, nil
}

// damage says in words that lines could not be read.
func (c contents) damage() string {
	return fmt.Sprintf("%d lines of the journal are damaged; what they said is lost", c.damaged)
}
