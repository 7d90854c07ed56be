package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/firedrill-dev/firedrill/history"
)

// State is what runs leave behind, and how they find each other: journals, locks, reports, requests to stop and the
// kill switch. Where it lives is its Home's affair.
type State struct {
	home Home

	mu      sync.Mutex
	entropy *ulid.MonotonicEntropy
}

// NewState names a state folder. It is created when the first run needs it.
func NewState(dir string) *State { return StateAt(Folder(dir)) }

// StateAt is the state that lives in a home.
func StateAt(home Home) *State {
	return &State{home: home, entropy: ulid.Monotonic(rand.Reader, 0)}
}

// Name is how people call the state: the argument of --state.
func (s *State) Name() string { return s.home.Name() }

// Pace is how often a process may look for news.
func (s *State) Pace() time.Duration { return s.home.Pace() }

// RunDir is the folder of one run; empty if the state is in no folder.
func (s *State) RunDir(run string) string {
	if d, ok := s.home.(interface{ RunDir(run string) string }); ok {
		return d.RunDir(run)
	}
	return ""
}

const killSwitchNote = "killswitch"

func stopNote(run string) string   { return "runs/" + run + "/stop" }
func reportNote(run string) string { return "runs/" + run + "/report.json" }

// RunInfo is one run, as its journal tells it.
type RunInfo struct {
	Run   string `json:"run"`
	Title string `json:"title"`
	File  string `json:"file,omitempty"`
	// Experiment is where its file is in the repository, and Source the digest of its text.
	Experiment string            `json:"experiment,omitempty"`
	Source     string            `json:"source,omitempty"`
	Labels     map[string]string `json:"labels,omitempty"`
	Started    time.Time         `json:"started"`
	Ended      time.Time         `json:"ended,omitzero"`
	Verdict    string            `json:"verdict,omitempty"` // empty while it runs, or if its process died
	Reason     string            `json:"reason,omitempty"`
	// Measures are what the verdict rests on.
	Measures []history.Measure `json:"measures,omitempty"`
	Phase    string            `json:"phase,omitempty"` // the last one it entered
	Live     bool              `json:"live"`            // a process is at it
	// Within is the rollout of which the run is a part; empty for others.
	Within string `json:"within,omitempty"`
	// Pending lists the conditions that are not put back. If the run is not live they need Recover.
	Pending []string `json:"pending,omitempty"`
	// Kept says that it was a rollout whose changes stay.
	Kept bool `json:"kept,omitempty"`
	// Problem says why the journal does not tell for certain that nothing is pending.
	Problem string `json:"problem,omitempty"`
}

// Unfinished says that the run's process is gone and left something to put back, or may have.
func (i RunInfo) Unfinished() bool { return !i.Live && (len(i.Pending) > 0 || i.Problem != "") }

// newRun makes a run and claims it. Ids sort by time.
func (s *State) newRun(ctx context.Context, at time.Time) (string, Claim, error) {
	s.mu.Lock()
	id, err := ulid.New(ulid.Timestamp(at), s.entropy)
	s.mu.Unlock()
	if err != nil {
		return "", nil, fmt.Errorf("make a run's id: %w", err)
	}
	claim, err := s.home.Claim(ctx, id.String(), true)
	if err != nil {
		return "", nil, fmt.Errorf("begin a run in %s: %w", s.Name(), err)
	}
	return id.String(), claim, nil
}

// Runs lists all runs, oldest first. A run whose journal cannot be read is listed with that as its Reason.
func (s *State) Runs(ctx context.Context) ([]RunInfo, error) {
	ids, known, err := s.catalogue(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	runs := make([]RunInfo, len(ids))
	var unknown [][]int
	for i, id := range ids {
		if info, ok := known[id]; ok {
			runs[i] = info
		} else {
			unknown = append(unknown, []int{i})
		}
	}
	sideBySide(defaultParallel, unknown, func(i int) bool {
		runs[i] = s.Info(ctx, ids[i])
		return true
	})
	s.settle(ctx, runs, known)
	slices.SortFunc(runs, func(a, b RunInfo) int { return strings.Compare(a.Run, b.Run) })
	return runs, nil
}

// Info reads one run's journal.
func (s *State) Info(ctx context.Context, run string) RunInfo {
	c, err := s.contents(ctx, run)
	info := RunInfo{Run: run, Live: c.live}
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
			info.Title, info.File, info.Started, info.Within = r.Title, r.File, r.At, r.Within
			info.Experiment, info.Source, info.Labels = r.Experiment, r.Source, r.Labels
		case recordPhase:
			info.Phase = r.Phase
		case recordVerdict:
			info.Verdict, info.Reason, info.Measures = r.Verdict, r.Reason, r.Measures
		case recordEnd:
			info.Ended = r.At
		}
	}
	for _, change := range Changes(c.records) {
		if change.Pending() {
			info.Pending = append(info.Pending, change.Condition)
		}
		info.Kept = info.Kept || change.Kept
	}
	if c.damaged > 0 && info.Ended.IsZero() {
		info.Problem = c.damage()
	}
	return info
}

// Find resolves what a person types: a run's id, the beginning of one, "latest", or nothing for the latest.
func (s *State) Find(ctx context.Context, ref string) (string, error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return "", err
	}
	if len(runs) == 0 {
		return "", &Refusal{Err: fmt.Errorf("there are no runs in %s", s.Name()), Tip: "start one: firedrill run FILE; or name another state: --state"}
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
		return "", &Refusal{Err: fmt.Errorf("there is no run %q in %s", ref, s.Name()), Tip: "list them: firedrill runs"}
	}
	return "", &Refusal{Err: fmt.Errorf("%q could be any of %s", ref, strings.Join(found, ", ")), Tip: "type more of it"}
}

// Status tells the runs that are live and those that need Recover, oldest first.
func (s *State) Status(ctx context.Context) (live, unfinished []RunInfo, err error) {
	runs, err := s.Runs(ctx)
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
func (s *State) RequestStop(ctx context.Context, run, reason string) error {
	if info := s.Info(ctx, run); !info.Live {
		r := &Refusal{Err: fmt.Errorf("run %s is not running", run)}
		if info.Unfinished() {
			r.Tip = "its process is gone; put things back: firedrill recover " + run
		}
		return r
	}
	if err := s.home.Write(ctx, stopNote(run), []byte(reason+"\n")); err != nil {
		return fmt.Errorf("ask run %s to stop: %w", run, err)
	}
	return nil
}

// Engage throws the kill switch: live runs of this state stop, new ones refuse, until Release.
func (s *State) Engage(ctx context.Context, reason string) error {
	if err := s.home.Write(ctx, killSwitchNote, []byte(reason+"\n")); err != nil {
		return fmt.Errorf("engage the kill switch: %w", err)
	}
	return nil
}

// Release lets runs start again. Releasing what is not engaged is fine.
func (s *State) Release(ctx context.Context) error {
	if err := s.home.Remove(ctx, killSwitchNote); err != nil {
		return fmt.Errorf("release the kill switch: %w", err)
	}
	return nil
}

// Engaged reports whether the kill switch is thrown, and the reason that was given. A switch that cannot be
// read counts as thrown: doubt means do nothing.
func (s *State) Engaged(ctx context.Context) (reason string, engaged bool) {
	return s.flag(ctx, killSwitchNote)
}

// released is nil if the kill switch lets a run start.
func (s *State) released(ctx context.Context) error {
	reason, err := s.home.Read(ctx, killSwitchNote)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &Refusal{Err: fmt.Errorf("the kill switch cannot be read: %w", err), Tip: HintOf(err)}
	}
	return &Refusal{Err: fmt.Errorf("the kill switch is engaged: %s", strings.TrimSpace(string(reason))), Tip: "release it when it is safe: firedrill killswitch off"}
}

// stopRequested reports whether somebody asked the run to stop, and why.
func (s *State) stopRequested(ctx context.Context, run string) (reason string, requested bool) {
	return s.flag(ctx, stopNote(run))
}

func (s *State) flag(ctx context.Context, note string) (string, bool) {
	text, err := s.home.Read(ctx, note)
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	if err != nil {
		return err.Error(), true
	}
	return strings.TrimSpace(string(text)), true
}

// writeReport stores a finished run for "report".
func (s *State) writeReport(ctx context.Context, r *Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = s.home.Write(ctx, reportNote(r.Run), append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the report of run %s: %w", r.Run, err)
	}
	return nil
}

// Report reads a finished run.
func (s *State) Report(ctx context.Context, run string) (*Result, error) {
	text, err := s.home.Read(ctx, reportNote(run))
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
