package engine

import (
	"encoding/json"
	"fmt"
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
	claim Claim
	hook  func(seq int, written bool) // nil; tests die here

	mu  sync.Mutex
	seq int
}

// continued is the journal of a run that has these records already.
func continued(claim Claim, records []Record, hook func(int, bool)) *journal {
	j := &journal{claim: claim, hook: hook}
	for _, r := range records {
		j.seq = max(j.seq, r.Seq)
	}
	return j
}

// append writes one record and, if durable, returns only when it is safe. After an error it counts as not written.
func (j *journal) append(r Record, durable bool) error {
	j.mu.Lock()
	j.seq++
	r.V, r.Seq, r.At = journalVersion, j.seq, time.Now().UTC()
	j.mu.Unlock()
	line, err := json.Marshal(r)
	if err == nil {
		j.tell(r.Seq, false)
		err = j.claim.Append(append(line, '\n'), durable)
	}
	if err != nil {
		return fmt.Errorf("write the journal: record %q: %w", r.Type, err)
	}
	j.tell(r.Seq, true)
	return nil
}

func (j *journal) tell(seq int, written bool) {
	if j.hook != nil {
		j.hook(seq, written)
	}
}
