package firedrill

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// proofVariable names a file to which records are appended beside the log, for functions whose log nobody reads.
const proofVariable = "FIREDRILL_PROOF"

// journal writes records of injections.
type journal struct {
	function string
	proof    string
	emf      bool // records are metrics, too

	mu  sync.Mutex
	log io.Writer
}

func newJournal(s settings) *journal {
	return &journal{function: s.getenv("AWS_LAMBDA_FUNCTION_NAME"), proof: s.getenv(proofVariable), log: s.log,
		emf: source.Chosen(s.getenv, s.log, fault.MetricsVariable, fault.MetricsEMF)}
}

// record is what the records of one invocation have in common.
type record struct {
	journal *journal
	run     string
	request string
	hits    *hits // what has fired, for the mark on the response; may be nil
}

func (j *journal) of(set *fault.Set, request string) record {
	return record{journal: j, run: set.Run(), request: request}
}

func (r record) fired(kind fault.Kind) { r.write(kind, 1, "", "") }

func (r record) noted(kind fault.Kind, note string) { r.write(kind, 1, "", note) }

func (r record) missed(kind fault.Kind, reason string) { r.write(kind, 0, reason, "") }

func (r record) allMissed(injections []fault.Injection, reason string) {
	for _, i := range injections {
		r.missed(i.Kind, reason)
	}
}

func (r record) write(kind fault.Kind, fired int64, reason, note string) {
	if fired > 0 {
		r.hits.add(kind)
	}
	one := fault.Record{
		Time: time.Now(), Run: r.run, Kind: kind, Function: r.journal.function, RequestID: r.request,
		Planned: 1, Fired: fired, Reason: reason, Note: note,
	}
	if r.journal.emf {
		r.journal.write(one.AppendEMF(nil))
		return
	}
	r.journal.write(one.AppendJSON(nil))
}

func (j *journal) write(line []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.print(line)
	if j.proof == "" {
		return
	}
	if err := appendFile(j.proof, line); err != nil {
		problem := fault.Problem{Field: proofVariable, Value: j.proof, Message: "cannot be written: " + err.Error()}
		j.print(problem.AppendJSON(nil, time.Now()))
	}
}

// print writes to the log. If that fails, there is nowhere left to say so, and the function must go on.
func (j *journal) print(line []byte) {
	if j.log != nil {
		_, _ = j.log.Write(line)
	}
}

// appendFile opens the file for each line: injections are rare, and whoever reads the file may move it away. It must be
// a regular one: opening a pipe would wait for its reader, and writing to a full one, too.
func appendFile(path string, line []byte) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err == nil {
		_, err = file.Write(line)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
