package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/history"
)

// A Forgetter is a Home that can remove a run, with its journal and reports.
type Forgetter interface {
	Forget(ctx context.Context, run string) error
}

// Pruning says which runs may be removed: those that began before an instant, and are not among the latest of their experiment and environment.
type Pruning struct {
	Before time.Time // zero: any
	Keep   int       // how many of each stay at least
	Dry    bool      // only tell
}

// Prune removes runs that have ended and left nothing behind, and tells which. One that is running, that died, that left something, or that belongs to a
// rollout which did is never removed.
func (s *State) Prune(ctx context.Context, p Pruning) ([]RunInfo, error) {
	forgetter, ok := s.home.(Forgetter)
	if !ok {
		return nil, &Refusal{Err: fmt.Errorf("runs cannot be removed from %s", s.Name())}
	}
	runs, err := s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var removed []RunInfo
	for _, r := range prunable(runs, p) {
		if now := s.Info(ctx, r.Run); !now.settled() { // the ledger is not asked for what cannot be taken back
			continue
		}
		if !p.Dry {
			if err := forgetter.Forget(ctx, r.Run); err != nil {
				return removed, fmt.Errorf("remove run %s: %w", r.Run, err)
			}
		}
		removed = append(removed, r)
	}
	return removed, nil
}

// prunable are the runs that may go, of runs that are sorted by time.
func prunable(runs []RunInfo, p Pruning) []RunInfo {
	var past []history.Run
	unsettled := map[string]bool{}
	for _, r := range runs {
		past = append(past, r.Past())
		unsettled[r.Run] = !r.settled()
	}
	stays := map[string]bool{}
	for _, l := range history.Lines(past) {
		for _, r := range l.Runs[max(0, len(l.Runs)-p.Keep):] {
			stays[r.Run] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(runs), func(r RunInfo) bool {
		return stays[r.Run] || unsettled[r.Run] || unsettled[r.Within] || !p.Before.IsZero() && !r.Started.Before(p.Before)
	})
}

// Forget removes a run's folder: out of sight in one step, then for good.
func (d *folder) Forget(_ context.Context, run string) error {
	gone := filepath.Join(d.dir, "removed-"+run)
	if err := os.Rename(d.RunDir(run), gone); err != nil {
		return err
	}
	left, _ := filepath.Glob(filepath.Join(d.dir, "removed-*")) // of a process that died
	var errs []error
	for _, dir := range left {
		errs = append(errs, os.RemoveAll(dir))
	}
	return errors.Join(errs...)
}
