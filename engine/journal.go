package engine

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/history"
)

// Types of journal records.
const (
	recordRun          = "run"           // what runs, and under which process
	recordFrozen       = "frozen"        // the targets, as they were resolved
	recordPredicted    = "predicted"     // what the run is reckoned to bring about
	recordPhase        = "phase"         // a phase begins
	recordPrepared     = "prepared"      // the undo of a change that comes next; on disk before the change
	recordApplied      = "applied"       // the change was made
	recordRenewed      = "renewed"       // its lease was extended
	recordReverting    = "reverting"     // the undo begins
	recordReverted     = "reverted"      // the undo is complete
	recordDrift        = "drift"         // the undo is complete, but for what somebody else changed meanwhile
	recordRevertFailed = "revert-failed" // the undo must be tried again
	recordKept         = "kept"          // of a rollout: its changes stay, and nobody undoes them any more
	recordIncludes     = "includes"      // of a rollout: a run of an experiment is part of it
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
	Within string        `json:"within,omitempty"` // the rollout of which this run is a part
	Title  string        `json:"title,omitempty"`
	File   string        `json:"file,omitempty"`
	Source string        `json:"source,omitempty"` // sha256:HEX of the experiment file
	Lease  time.Duration `json:"lease,omitempty"`
	PID    int           `json:"pid,omitempty"`
	Host   string        `json:"host,omitempty"`
	// Experiment is where its file is in the repository, by which its runs are recognized.
	Experiment string            `json:"experiment,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`

	Targets    []FrozenTarget `json:"targets,omitempty"`
	Prediction *Prediction    `json:"prediction,omitempty"`

	Phase string  `json:"phase,omitempty"`
	Stage int     `json:"stage,omitempty"`
	Share float64 `json:"share,omitempty"`

	Condition string          `json:"condition,omitempty"`
	Of        string          `json:"of,omitempty"` // the condition that has several targets, of which this is one
	Kind      string          `json:"kind,omitempty"`
	Target    string          `json:"target,omitempty"`
	Undo      json.RawMessage `json:"undo,omitempty"`
	// Irreversible changes stay, as the file says: their undo only ends what is still going on.
	Irreversible bool   `json:"irreversible,omitempty"`
	Detail       string `json:"detail,omitempty"` // of drift, of a failed undo

	Verdict string `json:"verdict,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Measures are what the verdict rests on.
	Measures []history.Measure `json:"measures,omitempty"`
}

// A FrozenTarget is what a condition's target turned out to be at the start of the run.
type FrozenTarget struct {
	Condition string `json:"condition"`
	Kind      string `json:"kind"`
	Key       string `json:"key"`
}

// A journal is the append-only record of one run. Its methods may be called from several goroutines; records that
// wait while others are being written go to the disk together, with one sync.
type journal struct {
	claim Claim

	mu  sync.Mutex // held by whoever writes
	seq int

	queue   sync.Mutex
	waiting []*entry
}

// An entry is a record on its way to the home.
type entry struct {
	record  Record
	durable bool
	done    bool // written, or given up with err
	err     error
}

// continued is the journal of a run that has these records already.
func continued(claim Claim, records []Record) *journal {
	j := &journal{claim: claim}
	for _, r := range records {
		j.seq = max(j.seq, r.Seq)
	}
	return j
}

// append writes one record and, if durable, returns only when it is safe. After an error it counts as not written.
func (j *journal) append(r Record, durable bool) error {
	e := &entry{record: r, durable: durable}
	j.queue.Lock()
	j.waiting = append(j.waiting, e)
	j.queue.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	for !e.done { // else by somebody who came to write before this one
		j.writeWaiting()
	}
	return e.err
}

// maxBatch bounds what is written at once, beyond the first record: homes have limits.
const maxBatch = 64 << 10

// writeWaiting writes the records that have waited longest, all or none. mu is held.
func (j *journal) writeWaiting() {
	j.queue.Lock()
	waiting := j.waiting
	j.queue.Unlock()
	var lines []byte
	var batch []*entry
	durable := false
	for _, e := range waiting {
		e.record.V, e.record.Seq, e.record.At = journalVersion, j.seq+1, time.Now().UTC()
		line, err := json.Marshal(e.record)
		if err == nil && len(lines) > 0 && len(lines)+len(line) > maxBatch {
			break
		}
		batch = append(batch, e)
		if e.err = err; err == nil {
			lines = append(append(lines, line...), '\n')
			durable = durable || e.durable
			j.seq++
		}
	}
	j.queue.Lock()
	j.waiting = j.waiting[len(batch):]
	j.queue.Unlock()
	var err error
	if len(lines) > 0 {
		err = j.claim.Append(lines, durable)
	}
	for _, e := range batch {
		if e.err == nil {
			e.err = err
		}
		if e.done = true; e.err != nil {
			e.err = fmt.Errorf("write the journal: record %q: %w", e.record.Type, e.err)
		}
	}
}
