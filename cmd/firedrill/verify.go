package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	in       inputs
	own      house
	only     []string
	retries  int
	timeout  time.Duration
	junit    string
	markdown string
	logs     string
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
	flags.StringVar(&s.junit, "junit", "", "also write the outcome as JUnit XML to this file")
	flags.StringVar(&s.markdown, "markdown", "", "also write a summary as Markdown to this file")
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
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, errTimeout)
		defer cancel()
	}
	world, err := a.open(ctx, s.in, logw)
	if err != nil {
		return err
	}
	defer a.leave(ctx, world)
	all, err := a.checkAll(files, world.vars)
	if err != nil {
		return err
	}
	results, err := a.drill(ctx, all, world, s, interrupts)
	if outcome := a.concludeAll(results, len(all), s); outcome != nil {
		if f := (*failure)(nil); errors.As(outcome, &f) && f.code == exitInterrupted && errors.Is(context.Cause(ctx), errTimeout) {
			f.code = exitStopped // nobody interrupted it
		}
		return errors.Join(err, outcome)
	}
	return err
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
func (a *app) checkAll(files []string, vars map[string]string) ([]drilled, error) {
	var all []drilled
	var errs []error
	for _, file := range files {
		x, source, found, err := a.parse(file, vars)
		a.warn(found)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, drilled{file, x, source})
	}
	for _, err := range errs[:max(len(errs)-1, 0)] {
		a.report(err)
	}
	if len(errs) > 0 {
		return nil, errs[len(errs)-1]
	}
	return all, nil
}

// drill runs experiments one after the other. The end of ctx stops the one that is going on, and begins no other.
func (a *app) drill(ctx context.Context, all []drilled, world *session, s suite, interrupts *interrupts) ([]*engine.Result, error) {
	var results []*engine.Result
	for i, d := range all {
		for attempt := 0; ; attempt++ {
			if ctx.Err() != nil {
				return results, nil
			}
			if a.output == "text" && !a.quiet {
				fmt.Fprintf(a.stderr, "\n[%d/%d] %s\n", i+1, len(all), d.x.Title)
			}
			r, err := a.execute(ctx, d.x, d.source, world, s.in.guards, interrupts)
			if err != nil {
				return results, err
			}
			if r.Verdict == verdict.Inconclusive && len(r.Residue) == 0 && attempt < s.retries {
				continue
			}
			results = append(results, r)
			if len(r.Residue) > 0 || ordered(r) { // nothing more is broken while something is not whole, or somebody said stop
				return results, nil
			}
			break
		}
	}
	return results, nil
}

// ordered says that a person ended the run, who means the whole drill.
func ordered(r *engine.Result) bool {
	return r.Stop != nil && slices.Contains([]engine.StopKind{engine.StopInterrupted, engine.StopRequested, engine.StopKillSwitch}, r.Stop.Kind)
}

// concludeAll tells what came of a suite, and returns the error that carries its exit code.
func (a *app) concludeAll(results []*engine.Result, wanted int, s suite) error {
	err := a.printAll(results, wanted)
	if s.junit != "" {
		err = errors.Join(err, writeJUnit(s.junit, results...))
	}
	for _, file := range []string{s.markdown, a.getenv("GITHUB_STEP_SUMMARY")} {
		if file != "" {
			err = errors.Join(err, appendWith(file, func(w io.Writer) error { return report.Markdown(w, results) }))
		}
	}
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

// appendWith adds to a file, which may hold others' words.
func appendWith(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
