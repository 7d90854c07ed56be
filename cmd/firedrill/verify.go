package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A suite is what "verify" is asked for.
type suite struct {
	in      inputs
	own     house
	only    []string
	retries int
	timeout time.Duration
	out     outputs
	logs    string
}

func (a *app) verifyCommand() *cobra.Command {
	var s suite
	cmd := &cobra.Command{
		Use:   "verify PATH...",
		Short: "Run many experiments, for a pipeline: one table, one exit code",
		Long: `Run experiments one after the other as one drill: files, and all .yaml files in folders, in the order of their names. All of
them are checked before the first is run. The functions of --local are started once, for all.

The exit code is that of the worst verdict: an undo that is incomplete (10), a run that failed (1), stopped (5), disproved (3),
inconclusive or not steady (4), and 0 only if every one held. Where GITHUB_STEP_SUMMARY names a file, a summary is added to it.`,
		Example: `  firedrill verify experiments/ --junit verify.xml
  firedrill verify experiments/ --only 'slow-*' --retries 1 --timeout 20m`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd.Context(), args, s) },
	}
	s.in.register(cmd)
	s.in.signing.register(cmd)
	s.own.register(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&s.only, "only", nil, "run only those whose file name, without .yaml, matches one of these patterns")
	flags.IntVar(&s.retries, "retries", 0, "run an experiment again, so many times at most, whose verdict is inconclusive")
	flags.DurationVar(&s.timeout, "timeout", 0, "begin no experiment after this time, and stop the one that is going on")
	s.out.register(cmd)
	flags.StringVar(&s.logs, "logs", "", "with --local: write the functions' logs to this file, or - for standard error")
	return cmd
}

// A drilled experiment is one of a suite, checked.
type drilled struct {
	file   string
	x      *experiment.Experiment
	source []byte
}

func (a *app) verify(parent context.Context, paths []string, s suite) error {
	files, err := experimentFiles(paths, s.only)
	if err != nil {
		return err
	}
	logw, closeLogs, err := openLogs(s.logs)
	if err != nil {
		return err
	}
	defer closeLogs()
	if s.in.guards, err = a.guards(s.own); err != nil {
		return err
	}
	if err := s.out.begin(a); err != nil {
		return err
	}
	d, err := a.verifyFiles(parent, files, s, logw)
	return s.out.end(a, d, err)
}

// verifyFiles checks files and drills them. The drill has every file, whatever happens.
func (a *app) verifyFiles(parent context.Context, files []string, s suite, logw io.Writer) (report.Drill, error) {
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, errTimeout)
		defer cancel()
	}
	world, err := a.open(ctx, s.in, logw)
	if err != nil {
		return notBegun(files, "the drill could not be begun: "+err.Error()), err
	}
	defer a.leave(ctx, world)
	all, d, err := a.checkAll(files, world.vars)
	if err != nil {
		return d, err
	}
	results, earlier, err := a.drill(ctx, all, world, s, interrupts)
	for i, r := range results {
		d[i] = report.Drilled{Result: r, Earlier: earlier[i], File: files[i]}
	}
	if err != nil && len(results) < len(d) {
		d[len(results)] = unbegun(files[len(results)], err)
	}
	if outcome := a.concludeAll(results, len(all)); outcome != nil {
		if f := (*failure)(nil); errors.As(outcome, &f) && f.code == exitInterrupted && errors.Is(context.Cause(ctx), errTimeout) {
			f.code = exitStopped // nobody interrupted it
		}
		return d, errors.Join(err, outcome)
	}
	return d, err
}

// notBegun is a drill of which nothing was run.
func notBegun(files []string, why string) report.Drill {
	var d report.Drill
	for _, file := range files {
		d = append(d, report.Drilled{File: file, NotRun: why})
	}
	return d
}

var errTimeout = errors.New("the time of --timeout is over")

// leave ends what a world has started.
func (a *app) leave(ctx context.Context, world *session) {
	if err := world.close(ctx); err != nil {
		fmt.Fprintf(a.stderr, "firedrill: warning: %v\n", err)
	}
}

// experimentFiles are the files that paths mean, each once, in their order.
func experimentFiles(paths, only []string) ([]string, error) {
	var out []string
	for _, path := range paths {
		found := []string{path}
		if entries, err := filepath.Glob(filepath.Join(path, "*.y*ml")); err == nil && len(entries) > 0 {
			found = entries
		}
		out = append(out, found...)
	}
	var chosen []string
	for _, file := range out {
		wanted, err := matches(file, only)
		if err != nil {
			return nil, err
		}
		if wanted && !slices.Contains(chosen, file) {
			chosen = append(chosen, file)
		}
	}
	if len(chosen) == 0 {
		return nil, usage("name experiment files, or a folder that has some", "no experiment in %s%s", strings.Join(paths, ", "), butOnly(only))
	}
	return chosen, nil
}

func butOnly(only []string) string {
	if len(only) == 0 {
		return ""
	}
	return " matches --only " + strings.Join(only, ",")
}

func matches(file string, only []string) (bool, error) {
	name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	for _, pattern := range only {
		ok, err := filepath.Match(pattern, name)
		if err != nil {
			return false, usage("patterns have * and ? and [a-z]", "--only %q is no pattern", pattern)
		}
		if ok {
			return true, nil
		}
	}
	return len(only) == 0, nil
}

// checkAll parses every file before anything is run.
func (a *app) checkAll(files []string, vars map[string]string) ([]drilled, report.Drill, error) {
	var all []drilled
	var errs []error
	var d report.Drill
	for _, file := range files {
		x, source, found, err := a.parse(file, vars)
		a.warn(found)
		if err != nil {
			errs = append(errs, err)
			d = append(d, unbegun(file, err))
			continue
		}
		all = append(all, drilled{file, x, source})
		d = append(d, report.Drilled{File: file, Title: x.Title})
	}
	for _, err := range errs[:max(len(errs)-1, 0)] {
		a.report(err)
	}
	if len(errs) > 0 {
		return nil, d, errs[len(errs)-1]
	}
	return all, d, nil
}

// drill runs experiments one after the other. The end of ctx stops the one that is going on, and begins no other. earlier are the
// attempts before each result that were tried again.
func (a *app) drill(ctx context.Context, all []drilled, world *session, s suite, interrupts *interrupts) (results []*engine.Result, earlier [][]*engine.Result, err error) {
	for i, d := range all {
		var before []*engine.Result
		for {
			if ctx.Err() != nil {
				return results, earlier, nil
			}
			if a.output == "text" && !a.quiet {
				fmt.Fprintf(a.stderr, "\n[%d/%d] %s\n", i+1, len(all), d.x.Title)
			}
			r, err := a.execute(ctx, d.x, d.source, world, s.in.guards, interrupts)
			if err != nil {
				return results, earlier, err
			}
			if r.Verdict == verdict.Inconclusive && len(r.Residue) == 0 && len(before) < s.retries {
				before = append(before, r)
				continue
			}
			results, earlier = append(results, r), append(earlier, before)
			if len(r.Residue) > 0 || ordered(r) { // nothing more is broken while something is not whole, or somebody said stop
				return results, earlier, nil
			}
			break
		}
	}
	return results, earlier, nil
}

// ordered says that a person ended the run, who means the whole drill.
func ordered(r *engine.Result) bool {
	return r.Stop != nil && slices.Contains([]engine.StopKind{engine.StopInterrupted, engine.StopRequested, engine.StopKillSwitch}, r.Stop.Kind)
}

// concludeAll tells what came of a suite, and returns the error that carries its exit code.
func (a *app) concludeAll(results []*engine.Result, wanted int) error {
	err := a.printAll(results, wanted)
	if err != nil {
		return &failure{code: exitError, err: err}
	}
	worst := exitHeld
	for _, r := range results {
		if code := exitCode(r); severity(code) > severity(worst) {
			worst = code
		}
	}
	if len(results) < wanted && severity(exitStopped) > severity(worst) {
		worst = exitStopped
	}
	if worst == exitHeld {
		return nil
	}
	return &failure{code: worst, err: fmt.Errorf("%d of %d experiments did not hold", wanted-held(results), wanted), silent: true}
}

// severity orders exit codes: the worst of a suite counts.
func severity(code int) int {
	return slices.Index([]int{exitHeld, exitUnsettled, exitDisproved, exitStopped, exitInterrupted, exitError, exitUndo}, code)
}

func held(results []*engine.Result) int {
	n := 0
	for _, r := range results {
		if exitCode(r) == exitHeld {
			n++
		}
	}
	return n
}

func (a *app) printAll(results []*engine.Result, wanted int) error {
	if a.output == "json" {
		return a.printJSON(orEmpty(results))
	}
	for _, r := range results {
		if exitCode(r) == exitHeld {
			continue
		}
		if err := report.Text(a.stdout, r, a.style()); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "\nreport: %s\n\n", a.whereReport(r.Run))
	}
	if err := report.Summary(a.stdout, results, a.style()); err != nil {
		return err
	}
	if n := wanted - len(results); n > 0 {
		fmt.Fprintf(a.stdout, "%d not run\n", n)
	}
	return nil
}
