package proxy

import (
	"io"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// journal writes records and problems, one JSON line each, to every writer. It is safe for concurrent use.
// Nothing can be done about a log that cannot be written: the function must go on.
type journal struct {
	function string
	emf      bool // records are metrics, too
	mu       sync.Mutex
	log      io.Writer
	proof    io.Writer // records only; may be nil
}

// entry is what all records of one invocation share.
type entry struct {
	journal *journal
	run, id string
	marker  *marker // notes what has fired; may be nil
}

func (e entry) fired(k fault.Kind) { e.write(k, 1, "", "") }

func (e entry) noted(k fault.Kind, note string) { e.write(k, 1, "", note) }

func (e entry) missed(k fault.Kind, reason string) { e.write(k, 0, reason, "") }

// settle records the outcome of something that may have failed on the way.
func (e entry) settle(k fault.Kind, reason string) {
	if reason == "" {
		e.fired(k)
	} else {
		e.missed(k, reason)
	}
}

func (e entry) write(k fault.Kind, fired int64, reason, note string) {
	if fired > 0 {
		e.marker.note(k)
	}
	r := fault.Record{Time: time.Now(), Run: e.run, Kind: k, Function: e.journal.function,
		RequestID: e.id, Planned: 1, Fired: fired, Reason: reason, Note: note}
	var line []byte
	if e.journal.emf {
		line = r.AppendEMF(nil)
	} else {
		line = r.AppendJSON(nil)
	}
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	_, _ = e.journal.log.Write(line)
	if e.journal.proof != nil {
		_, _ = e.journal.proof.Write(line)
	}
}

func (j *journal) problem(p fault.Problem) {
	line := p.AppendJSON(nil, time.Now())
	j.mu.Lock()
	defer j.mu.Unlock()
	_, _ = j.log.Write(line)
}
