package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A Ledger is a Home that keeps what will not change any more of runs, so that their journals need not be read again. It may lose some of it.
type Ledger interface {
	// Settled is what was kept, for each run that there is: nil if nothing was.
	Settled(ctx context.Context) (map[string][]byte, error)
	// Settle keeps a line for each of some runs, or for some of them.
	Settle(ctx context.Context, lines map[string][]byte) error
}

// settled says that nothing of a run will change any more: it has ended, and left nothing behind.
func (i RunInfo) settled() bool {
	return !i.Live && !i.Ended.IsZero() && len(i.Pending) == 0 && i.Problem == ""
}

// readSettled reads a line of a ledger about a run. What is damaged, or of another run, says nothing: the journal is asked again.
func readSettled(run string, line []byte) (RunInfo, bool) {
	var info RunInfo
	if len(line) == 0 || json.Unmarshal(line, &info) != nil {
		return RunInfo{}, false
	}
	return info, info.Run == run && info.settled()
}

// catalogue is the ids of all runs, with those of whom the ledger says everything.
func (s *State) catalogue(ctx context.Context) (ids []string, known map[string]RunInfo, err error) {
	ledger, ok := s.home.(Ledger)
	if !ok {
		ids, err = s.home.Runs(ctx)
		return ids, nil, err
	}
	lines, err := ledger.Settled(ctx)
	known = map[string]RunInfo{}
	for run, line := range lines {
		ids = append(ids, run)
		if info, ok := readSettled(run, line); ok {
			known[run] = info
		}
	}
	return ids, known, err
}

// settle keeps what has been read of runs that were not in the ledger. It is only for speed: an error is nobody's concern.
func (s *State) settle(ctx context.Context, runs []RunInfo, known map[string]RunInfo) {
	ledger, ok := s.home.(Ledger)
	if !ok {
		return
	}
	lines := map[string][]byte{}
	for _, info := range runs {
		if _, had := known[info.Run]; had || !info.settled() {
			continue
		}
		if line, err := json.Marshal(info); err == nil {
			lines[info.Run] = line
		}
	}
	if len(lines) > 0 {
		_ = ledger.Settle(ctx, lines)
	}
}

// ledgerName is a file of lines, each of a run. Whoever removes it loses time only.
const ledgerName = "settled.jsonl"

// Settled reads the ledger's file, and lists the folders of runs.
func (d *folder) Settled(ctx context.Context) (map[string][]byte, error) {
	runs, err := d.Runs(ctx)
	if err != nil || len(runs) == 0 {
		return nil, err
	}
	out := make(map[string][]byte, len(runs))
	for _, run := range runs {
		out[run] = nil
	}
	text, err := os.ReadFile(filepath.Join(d.dir, ledgerName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return out, nil // then the journals tell
	}
	for line := range bytes.Lines(text) {
		if run, ok := runOf(line); ok {
			if _, there := out[run]; there {
				out[run] = line
			}
		}
	}
	return out, nil
}

// runOf finds which run a line is of, without reading all of it.
func runOf(line []byte) (string, bool) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"run":"`))
	if !ok {
		return "", false
	}
	run, _, ok := bytes.Cut(rest, []byte(`"`))
	return string(run), ok
}

// Settle adds lines to the ledger's file. Lines of two processes that get mixed are damaged, and written again another time.
func (d *folder) Settle(_ context.Context, lines map[string][]byte) error {
	f, err := os.OpenFile(filepath.Join(d.dir, ledgerName), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("keep what runs were: %w", err)
	}
	var all []byte
	for _, line := range lines {
		all = append(append(all, line...), '\n')
	}
	_, err = f.Write(all)
	return errors.Join(err, f.Close())
}
