package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

const (
	// pollEvery is how often a file is looked at, at most. It bounds both the cost of an invocation and how
	// long a fault outlives its removal.
	pollEvery = 100 * time.Millisecond
	// settled is the age at which a file's modification time can be trusted to tell two contents apart. File
	// systems count in ticks of some milliseconds.
	settled = 50 * time.Millisecond
	// maxFile bounds what is read; fault.Parse refuses less.
	maxFile = 2 << 20
)

// file is a fault set in a file. There is no goroutine: environments freeze between invocations, so an
// invocation looks by itself, if the last look was long enough ago by the wall clock. One looks at a time, and
// the others go on with the last set: no invocation waits for another.
type file struct {
	path string
	gate *Gate
	log  *problemLog

	looked atomic.Int64 // wall clock of the last look, Unix nanoseconds
	set    atomic.Pointer[fault.Set]

	looking sync.Mutex // guards the rest
	info    fs.FileInfo
	fresh   bool   // the file changed so lately that it may change again without showing
	trouble string // the last problem with reading, so that it is told once
	content string
}

func newFile(path string, gate *Gate, log *problemLog) *file {
	f := &file{path: path, gate: gate, log: log}
	f.looking.Lock()
	defer f.looking.Unlock()
	f.look(time.Now())
	return f
}

// Faults implements Source.
func (f *file) Faults(now time.Time) *fault.Set {
	at := now.UnixNano()
	// A clock that was set back must not stop the looking, hence the magnitude.
	if since := at - f.looked.Load(); since < int64(pollEvery) && since > -int64(pollEvery) {
		return f.set.Load()
	}
	if f.looking.TryLock() {
		defer f.looking.Unlock()
		f.look(now)
	}
	return f.set.Load()
}

// look reads the file if it has changed. A missing file is a disarmed function. Anything else that cannot be
// read, or is no fault set, also injects nothing: a fault set that was good must not outlive its replacement.
func (f *file) look(now time.Time) {
	defer f.looked.Store(now.UnixNano())
	info, err := os.Stat(f.path)
	if err == nil && f.info != nil && !f.fresh && os.SameFile(info, f.info) &&
		info.ModTime().Equal(f.info.ModTime()) && info.Size() == f.info.Size() {
		return
	}
	f.info = nil
	var content []byte
	if err == nil {
		content, err = read(f.path, info)
	}
	if err != nil {
		f.set.Store(nil)
		f.content = ""
		f.complain(err)
		return
	}
	f.info, f.trouble = info, ""
	age := now.Sub(info.ModTime())
	f.fresh = age < settled && age > -settled
	if text := string(content); text != f.content {
		f.content = text
		f.adopt(content, now)
	}
}

func (f *file) adopt(content []byte, now time.Time) {
	if len(bytes.TrimSpace(content)) == 0 {
		f.set.Store(nil) // an emptied file is a disarmed function, as a missing one is
		return
	}
	set, problems := f.gate.Admit(content, now)
	f.log.write(problems...)
	f.set.Store(set)
}

func (f *file) complain(err error) {
	if errors.Is(err, fs.ErrNotExist) {
		f.trouble = ""
		return
	}
	if text := err.Error(); text != f.trouble {
		f.trouble = text
		f.log.write(fault.Problem{Field: Config, Value: f.path, Message: "cannot be read, no faults are injected: " + text})
	}
}

// read returns the content of a regular file; anything else, such as a pipe, could block for ever.
func read(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", path, info.Size(), maxFile)
	}
	opened, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return io.ReadAll(io.LimitReader(opened, maxFile))
}
