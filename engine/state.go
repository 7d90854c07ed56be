package engine

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// State is the folder that runs leave their traces in: runs/ID/{journal.jsonl,lock,stop,report.json}, locks/ and
// killswitch. Processes share it; nothing in it needs a server. Nothing is written before a run starts.
type State struct {
	dir string

	mu      sync.Mutex
	entropy *ulid.MonotonicEntropy
}

// NewState names a state folder. It is created when the first run needs it.
func NewState(dir string) *State {
	return &State{dir: dir, entropy: ulid.Monotonic(rand.Reader, 0)}
}

// Dir is the state folder.
func (s *State) Dir() string { return s.dir }

// RunDir is the folder of one run.
func (s *State) RunDir(run string) string { return filepath.Join(s.dir, "runs", run) }

func (s *State) journalPath(run string) string { return filepath.Join(s.RunDir(run), "journal.jsonl") }
func (s *State) lockPath(run string) string    { return filepath.Join(s.RunDir(run), "lock") }
func (s *State) stopPath(run string) string    { return filepath.Join(s.RunDir(run), "stop") }
func (s *State) reportPath(run string) string  { return filepath.Join(s.RunDir(run), "report.json") }
func (s *State) killSwitchPath() string        { return filepath.Join(s.dir, "killswitch") }

// RunInfo is one run, as its journal tells it.
type RunInfo struct {
	Run     string    `json:"run"`
	Title   string    `json:"title"`
	File    string    `json:"file,omitempty"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Verdict string    `json:"verdict,omitempty"` // empty while it runs, or if its process died
	Reason  string    `json:"reason,omitempty"`
	Phase   string    `json:"phase,omitempty"` // the last one it entered
	Live    bool      `json:"live"`            // a process is at it
	// Pending lists the conditions that are not put back. If the run is not live they need Recover.
	Pending []string `json:"pending,omitempty"`
	// Problem says why the journal does not tell for certain that nothing is pending.
	Problem string `json:"problem,omitempty"`
}

// Unfinished says that the run's process is gone and left something to put back, or may have.
func (i RunInfo) Unfinished() bool { return !i.Live && (len(i.Pending) > 0 || i.Problem != "") }

// newRun makes a run's folder and takes its lock. Ids sort by time.
func (s *State) newRun(at time.Time) (string, *fileLock, error) {
	if err := os.MkdirAll(filepath.Join(s.dir, "runs"), 0o700); err != nil {
		return "", nil, fmt.Errorf("create the state folder %s: %w", s.dir, err)
	}
	s.mu.Lock()
	id, err := ulid.New(ulid.Timestamp(at), s.entropy)
	s.mu.Unlock()
	if err != nil {
		return "", nil, fmt.Errorf("make a run's id: %w", err)
	}
	run := id.String()
	if err := os.Mkdir(s.RunDir(run), 0o700); err != nil {
		return "", nil, fmt.Errorf("create the run's folder: %w", err)
	}
	lock, err := lockFile(s.lockPath(run))
	if err != nil {
		return "", nil, fmt.Errorf("lock the new run: %w", err)
	}
	if err := syncDir(filepath.Join(s.dir, "runs")); err != nil {
		lock.release()
		return "", nil, fmt.Errorf("create the run's folder: %w", err)
	}
	return run, lock, nil
}

// Runs lists all runs, oldest first. A run whose journal cannot be read is listed with that as its Reason.
func (s *State) Runs() ([]RunInfo, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	var runs []RunInfo
	for _, e := range entries {
		if e.IsDir() {
			runs = append(runs, s.Info(e.Name()))
		}
	}
	slices.SortFunc(runs, func(a, b RunInfo) int { return strings.Compare(a.Run, b.Run) })
	return runs, nil
}

// Info reads one run's journal.
func (s *State) Info(run string) RunInfo {
	info := RunInfo{Run: run, Live: locked(s.lockPath(run))}
	c, err := readJournal(s.journalPath(run))
	if err != nil {
		info.Reason = err.Error()
		if !errors.Is(err, fs.ErrNotExist) { // without a journal nothing was changed
			info.Problem = err.Error()
		}
		return info
	}
	for _, r := range c.records {
		switch r.Type {
		case recordRun:
			info.Title, info.File, info.Started = r.Title, r.File, r.At
		case recordPhase:
			info.Phase = r.Phase
		case recordVerdict:
			info.Verdict, info.Reason = r.Verdict, r.Reason
		case recordEnd:
			info.Ended = r.At
		}
	}
	for _, change := range Changes(c.records) {
		if !change.Undone {
			info.Pending = append(info.Pending, change.Condition)
		}
	}
	if c.damaged > 0 && info.Ended.IsZero() {
		info.Problem = c.damage()
	}
	return info
}

// Find resolves what a person types: a run's id, the beginning of one, "latest", or nothing for the latest.
func (s *State) Find(ref string) (string, error) {
	runs, err := s.Runs()
	if err != nil {
		return "", err
	}
	if len(runs) == 0 {
		return "", &Refusal{Err: fmt.Errorf("there are no runs in %s", s.dir), Tip: "start one: firedrill run FILE; or name another folder: --state DIR"}
	}
	if ref == "" || ref == "latest" {
		return runs[len(runs)-1].Run, nil
	}
	var found []string
	for _, r := range runs {
		if strings.HasPrefix(r.Run, strings.ToUpper(ref)) {
			found = append(found, r.Run)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", &Refusal{Err: fmt.Errorf("there is no run %q in %s", ref, s.dir), Tip: "list them: firedrill runs"}
	}
	return "", &Refusal{Err: fmt.Errorf("%q could be any of %s", ref, strings.Join(found, ", ")), Tip: "type more of it"}
}

// Status tells the runs that are live and those that need Recover, oldest first.
func (s *State) Status() (live, unfinished []RunInfo, err error) {
	runs, err := s.Runs()
	for _, r := range runs {
		if r.Live {
			live = append(live, r)
		} else if r.Unfinished() {
			unfinished = append(unfinished, r)
		}
	}
	return live, unfinished, err
}

// RequestStop asks a live run to put everything back and end. It returns at once.
func (s *State) RequestStop(run, reason string) error {
	if !locked(s.lockPath(run)) {
		r := &Refusal{Err: fmt.Errorf("run %s is not running", run)}
		if s.Info(run).Unfinished() {
			r.Tip = "its process is gone; put things back: firedrill recover " + run
		}
		return r
	}
	if err := writeAtomically(s.stopPath(run), []byte(reason+"\n")); err != nil {
		return fmt.Errorf("ask run %s to stop: %w", run, err)
	}
	return nil
}

// Engage throws the kill switch: live runs of this folder stop, new ones refuse, until Release.
func (s *State) Engage(reason string) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("engage the kill switch: %w", err)
	}
	if err := writeAtomically(s.killSwitchPath(), []byte(reason+"\n")); err != nil {
		return fmt.Errorf("engage the kill switch: %w", err)
	}
	return nil
}

// Release lets runs start again. Releasing what is not engaged is fine.
func (s *State) Release() error {
	if err := os.Remove(s.killSwitchPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("release the kill switch: %w", err)
	}
	return nil
}

// Engaged reports whether the kill switch is thrown, and the reason that was given. A switch that cannot be
// read counts as thrown: doubt means do nothing.
func (s *State) Engaged() (reason string, engaged bool) {
	return readFlag(s.killSwitchPath())
}

// stopRequested reports whether somebody asked the run to stop, and why.
func (s *State) stopRequested(run string) (reason string, requested bool) {
	return readFlag(s.stopPath(run))
}

func readFlag(path string) (string, bool) {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	if err != nil {
		return err.Error(), true
	}
	return strings.TrimSpace(string(text)), true
}

// writeReport stores a finished run for "report".
func (s *State) writeReport(r *Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = writeAtomically(s.reportPath(r.Run), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the report of run %s: %w", r.Run, err)
	}
	return nil
}

// Report reads a finished run.
func (s *State) Report(run string) (*Result, error) {
	text, err := os.ReadFile(s.reportPath(run))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Refusal{Err: fmt.Errorf("run %s has no report: it did not end by itself", run), Tip: "see firedrill status"}
	}
	if err != nil {
		return nil, fmt.Errorf("read the report of run %s: %w", run, err)
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read the report of run %s: %w", run, err)
	}
	return &r, nil
}

// writeAtomically replaces a file so that readers see the old or the new, whole.
func writeAtomically(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
