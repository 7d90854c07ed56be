package engine

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Types of journal records.
const (
	recordRun          = "run"           // what runs, and under which process
	recordFrozen       = "frozen"        // the targets, as they were resolved
	recordPhase        = "phase"         // a phase begins
	recordPrepared     = "prepared"      // the undo of a change that comes next; on disk before the change
	recordApplied      = "applied"       // the change was made
	recordRenewed      = "renewed"       // its lease was extended
	recordReverting    = "reverting"     // the undo begins
	recordReverted     = "reverted"      // the undo is complete
	recordDrift        = "drift"         // the undo is complete, but for what somebody else changed meanwhile
	recordRevertFailed = "revert-failed" // the undo must be tried again
	recordVerdict      = "verdict"
	recordEnd          = "end" // the runner's or recoverer's last word
)

// journalVersion is the format of the records; readers refuse what they do not know.
const journalVersion = 1

// A Record is one line of a run's journal. Which fields are set depends on its type.
type Record struct {
	V    int       `json:"v"`
	Seq  int       `json:"seq"` // 1, 2, 3, ...
	At   time.Time `json:"at"`
	Type string    `json:"type"`

	Run    string        `json:"run,omitempty"`
	Title  string        `json:"title,omitempty"`
	File   string        `json:"file,omitempty"`
	Source string        `json:"source,omitempty"` // sha256:HEX of the experiment file
	Lease  time.Duration `json:"lease,omitempty"`
	PID    int           `json:"pid,omitempty"`
	Host   string        `json:"host,omitempty"`

	Targets []FrozenTarget `json:"targets,omitempty"`

	Phase string  `json:"phase,omitempty"`
	Stage int     `json:"stage,omitempty"`
	Share float64 `json:"share,omitempty"`

	Condition string          `json:"condition,omitempty"`
	Kind      string          `json:"kind,omitempty"`
	Target    string          `json:"target,omitempty"`
	Undo      json.RawMessage `json:"undo,omitempty"`
	Detail    string          `json:"detail,omitempty"` // of drift, of a failed undo

	Verdict string `json:"verdict,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// A FrozenTarget is what a condition's target turned out to be at the start of the run.
type FrozenTarget struct {
	Condition string `json:"condition"`
	Kind      string `json:"kind"`
	Key       string `json:"key"`
}

// A journal is the append-only record of one run. Its methods may be called from several goroutines.
type journal struct {
	mu   sync.Mutex
	f    journalFile
	seq  int
	size int64 // of the whole records; a torn write is cut back to it
	hook func(seq int, written bool)
}

// journalFile is what a journal needs of a file; tests put a full disk behind it.
type journalFile interface {
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

// newJournal creates the journal of a run; the file must not exist.
func newJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the journal: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("create the journal: %w", err)
	}
	return &journal{f: f}, nil
}

// reopenJournal continues a journal after its last whole record, for recovery.
func reopenJournal(path string) (*journal, contents, error) {
	c, err := readJournal(path)
	if err != nil {
		return nil, c, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return nil, c, fmt.Errorf("open the journal: %w", err)
	}
	if err := f.Truncate(c.whole); err != nil {
		_ = f.Close()
		return nil, c, fmt.Errorf("cut the journal's torn end: %w", err)
	}
	j := &journal{f: f, size: c.whole}
	if n := len(c.records); n > 0 {
		j.seq = c.records[n-1].Seq
	}
	return j, c, nil
}

// append writes one record and, if durable, returns only when it is on disk. After an error the journal
// is as before.
func (j *journal) append(r Record, durable bool) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r.V, r.Seq, r.At = journalVersion, j.seq+1, time.Now().UTC()
	line, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write the journal: record %q: %w", r.Type, err)
	}
	line = append(line, '\n')
	if j.hook != nil {
		j.hook(r.Seq, false)
	}
	if _, err := j.f.WriteAt(line, j.size); err != nil {
		_ = j.f.Truncate(j.size)
		return fmt.Errorf("write the journal: record %q: %w", r.Type, err)
	}
	if durable {
		if err := j.f.Sync(); err != nil {
			_ = j.f.Truncate(j.size)
			return fmt.Errorf("write the journal to disk: record %q: %w", r.Type, err)
		}
	}
	j.seq, j.size = r.Seq, j.size+int64(len(line))
	if j.hook != nil {
		j.hook(r.Seq, true)
	}
	return nil
}

func (j *journal) close() error { return j.f.Close() }
