package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

func (a *app) runCommand() *cobra.Command {
	var in inputs
	var own house
	var out outputs
	var logs string
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run one experiment",
		Long: `Run one experiment: check the steady state, inject, observe, put everything back, judge.

Progress goes to standard error, the outcome to standard output. Ctrl-C stops the run and puts
everything back. Reports are kept in the state folder: runs/RUN/report.json and report.html.`,
		Example: `  firedrill run experiment.yaml --local functions.yaml
  firedrill run experiment.yaml --endpoint-url http://127.0.0.1:9001 --var api=http://127.0.0.1:8080`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			logw, closeLogs, err := openLogs(logs)
			if err != nil {
				return err
			}
			defer closeLogs()
			if in.guards, err = a.guards(own); err != nil {
				return err
			}
			if err := out.begin(a); err != nil {
				return err
			}
			result, err := a.runFile(cmd.Context(), args[0], in, logw)
			if err != nil {
				return out.end(a, report.Drill{unbegun(args[0], err)}, err)
			}
			return out.end(a, report.Of(result), a.conclude(result))
		},
	}
	in.register(cmd)
	in.signing.register(cmd)
	in.labels.register(cmd)
	in.prices.register(cmd)
	own.register(cmd)
	out.register(cmd)
	cmd.Flags().StringVar(&logs, "logs", "", "with --local: write the functions' logs to this file, or - for standard error")
	return cmd
}

// openLogs opens where functions' logs go: nowhere, standard error or a file.
func openLogs(name string) (io.Writer, func(), error) {
	switch name {
	case "":
		return io.Discard, func() {}, nil
	case "-":
		return os.Stderr, func() {}, nil
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, nil, usage("", "open the log file: %w", err)
	}
	return f, func() { _ = f.Close() }, nil
}

// runFile runs one experiment file from its check to its reports.
func (a *app) runFile(parent context.Context, file string, in inputs, logs io.Writer) (*engine.Result, error) {
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	world, err := a.open(ctx, in, logs)
	if err != nil && ctx.Err() != nil {
		return nil, &failure{code: exitInterrupted, err: fmt.Errorf("interrupted before anything was injected: %w", err)}
	}
	if err != nil {
		return nil, err
	}
	x, source, found, err := a.parse(file, world.vars)
	a.warn(found)
	if err != nil {
		return nil, errors.Join(err, world.close(ctx))
	}
	result, err := a.execute(ctx, x, source, world, in.guards, interrupts)
	if closeErr := world.close(ctx); closeErr != nil && err == nil {
		fmt.Fprintf(a.stderr, "firedrill: warning: %v\n", closeErr)
	}
	return result, err
}

// execute runs a parsed experiment in an open world.
func (a *app) execute(ctx context.Context, x *experiment.Experiment, source []byte, world *session, guards []experiment.Guards, interrupts *interrupts) (*engine.Result, error) {
	state, err := a.openState(ctx)
	if err != nil {
		return nil, err
	}
	return a.perform(ctx, x, runOptions(x, source, world, guards, state), interrupts)
}

// perform runs an experiment, and shows it as it happens.
func (a *app) perform(ctx context.Context, x *experiment.Experiment, o engine.Options, interrupts *interrupts) (*engine.Result, error) {
	out := newRelay(a.stderr)
	show := a.newProgress(x, out)
	interrupts.watch(show)
	o.Observer = show.observe
	result, err := engine.Run(ctx, x, o)
	show.clear()
	out.close()
	if result == nil {
		return nil, refused(exitError, err)
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "firedrill: warning: %v\n", err)
	}
	return result, nil
}

// runOptions are what every run in a world needs.
func runOptions(x *experiment.Experiment, source []byte, world *session, guards []experiment.Guards, state *engine.State) engine.Options {
	return engine.Options{
		Registry:   world.guarded(x),
		Guards:     guards,
		State:      state,
		Source:     source,
		Experiment: identity(x.File),
		Labels:     world.labels,
		Finish:     func(r *engine.Result) error { return writeHTML(state.RunDir(r.Run), r) },
	}
}

// conclude prints a finished run and returns the error that carries its exit code.
func (a *app) conclude(result *engine.Result) error {
	if a.output == "json" {
		if err := report.JSON(a.stdout, result); err != nil {
			return &failure{code: exitError, err: err}
		}
	} else {
		if err := report.Text(a.stdout, result, a.style()); err != nil {
			return &failure{code: exitError, err: err}
		}
		fmt.Fprintf(a.stdout, "\nreport: %s\n", a.whereReport(result.Run))
	}
	if len(result.Residue) > 0 {
		var left []string
		for _, r := range result.Residue {
			left = append(left, r.Target)
		}
		return &failure{
			code: exitUndo, err: fmt.Errorf("undo incomplete: %s", strings.Join(left, ", ")),
			hint: "try again: firedrill recover " + result.Run,
		}
	}
	if code := exitCode(result); code != exitHeld {
		return &failure{code: code, err: errors.New(result.Reason), hint: result.Hint, silent: code != exitError}
	}
	return nil
}

// exitCode maps an outcome to the contract for scripts.
func exitCode(r *engine.Result) int {
	switch {
	case len(r.Residue) > 0:
		return exitUndo
	case r.Stop != nil && r.Stop.Kind == engine.StopInterrupted:
		return exitInterrupted
	}
	switch r.Verdict {
	case verdict.Held:
		return exitHeld
	case verdict.Disproved:
		return exitDisproved
	case verdict.Inconclusive, verdict.NotSteady:
		return exitUnsettled
	case verdict.Stopped:
		return exitStopped
	}
	return exitError
}

// whereReport says how to see the HTML report: in a file, where the state is in a folder.
func (a *app) whereReport(run string) string {
	if dir := a.runDir(run); dir != "" {
		return filepath.Join(dir, "report.html")
	}
	return "firedrill report " + run + " --format html --state " + a.state
}

func writeHTML(dir string, r *engine.Result) error {
	if dir == "" {
		return nil // it is made from the table when somebody asks for it
	}
	return writeWith(filepath.Join(dir, "report.html"), func(w io.Writer) error { return report.HTMLBeside(w, r) })
}

func writeWith(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// interrupts turns Ctrl-C, SIGTERM and a closed terminal into the end of a context, once, and explains itself from then on.
type interrupts struct {
	signals chan os.Signal
	pipes   chan os.Signal // never read
	done    chan struct{}
	show    atomic.Pointer[leaver]
}

// A leaver knows what is injected at this moment.
type leaver interface{ left() []string }

// interruptible returns a context that the first signal ends. The second says what would be left if the
// process were killed now; the third ends it, because somebody means it.
func (a *app) interruptible(parent context.Context) (context.Context, *interrupts) {
	ctx, cancel := context.WithCancel(parent)
	i := &interrupts{signals: make(chan os.Signal, 3), pipes: make(chan os.Signal, 1), done: make(chan struct{})}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // nohup means it
		signal.Notify(i.signals, syscall.SIGHUP)
	}
	signal.Notify(i.pipes, syscall.SIGPIPE) // nobody reads our output any more: else this ends the process, undo and all
	go func() {
		defer cancel()
		for count := 1; ; count++ {
			select {
			case <-i.done:
				return
			case <-i.signals:
			}
			switch count {
			case 1:
				cancel()
				fmt.Fprintln(a.stderr, "firedrill: stopping: everything is being put back (press Ctrl-C again to see what is left)")
			case 2:
				fmt.Fprintf(a.stderr, "firedrill: still putting back %s. A third Ctrl-C ends at once and leaves it to \"firedrill recover\".\n", i.left())
			default:
				fmt.Fprintf(a.stderr, "firedrill: error: undo incomplete: %s\nfiredrill: hint: put it back: firedrill recover\n", i.left())
				os.Exit(exitUndo)
			}
		}
	}()
	return ctx, i
}

func (i *interrupts) watch(l leaver) { i.show.Store(&l) }

func (i *interrupts) release() {
	signal.Stop(i.signals)
	signal.Stop(i.pipes)
	close(i.done)
}

func (i *interrupts) left() string {
	show := i.show.Load()
	if show == nil {
		return "nothing"
	}
	left := (*show).left()
	if len(left) == 0 {
		return "what may be under way" // a change is told of once it is made, and may be half made
	}
	return strings.Join(left, ", ")
}
