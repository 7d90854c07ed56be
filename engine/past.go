package engine

import (
	"cmp"
	"context"
	"path"
	"path/filepath"
	"time"

	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

// recallTimeout bounds the look at earlier runs, which no run depends on.
const recallTimeout = 10 * time.Second

// identity is how the runs of an experiment are recognized.
func (r *runner) identity() string {
	return cmp.Or(r.o.Experiment, cleaned(r.x.File))
}

// recall adds the run before to a result.
func (r *runner) recall(res *Result) {
	ctx, cancel := context.WithTimeout(r.undo, recallTimeout)
	defer cancel()
	past, err := r.o.State.Past(ctx)
	if err != nil {
		res.Notes = unique(append(res.Notes, "the run before is not known: "+err.Error()))
		return
	}
	now := history.Run{Run: r.run, Experiment: r.identity(), Title: r.x.Title, Labels: r.o.Labels}
	if before, ok := history.Before(past, now); ok {
		res.Before = &before
	}
}

// Past is what remains of all runs that have ended with a verdict, oldest first.
func (s *State) Past(ctx context.Context) ([]history.Run, error) {
	runs, err := s.Runs(ctx)
	if err != nil {
		return nil, err
	}
	var past []history.Run
	for _, i := range runs {
		if i.HasEnded() {
			past = append(past, i.Past())
		}
	}
	return past, nil
}

// HasEnded says that a run of an experiment came to its end, with a verdict. A rollout, which has runs within it, is none.
func (i RunInfo) HasEnded() bool {
	return !i.Ended.IsZero() && i.Verdict != "" && (i.Experiment != "" || i.Source != "")
}

// Past is what remains of a run that has ended.
func (i RunInfo) Past() history.Run {
	return history.Run{
		Run: i.Run, Experiment: cmp.Or(i.Experiment, cleaned(i.File)), Title: i.Title, Source: i.Source, Labels: i.Labels,
		Started: i.Started, Verdict: verdict.Outcome(i.Verdict), Reason: i.Reason, Measures: i.Measures,
	}
}

// cleaned is a file as it was given, without detours: journals that are older than experiments' identities have no more.
func cleaned(file string) string {
	if file == "" {
		return ""
	}
	return path.Clean(filepath.ToSlash(file))
}

// brief is what a verdict rests on, in short.
func brief(res *Result) []history.Measure {
	var out []history.Measure
	for _, m := range res.Measures {
		f := m.Fault
		if f.Outcome == "" {
			f = m.Baseline
		}
		if f.Outcome == "" {
			continue
		}
		f.Reason = ""
		out = append(out, history.Measure{Name: m.Name, Finding: f})
	}
	return out
}
