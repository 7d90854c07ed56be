package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/engine/dynamostate"
)

func (a *app) recoverCommand() *cobra.Command {
	var in inputs
	var wait time.Duration
	cmd := &cobra.Command{
		Use:   "recover [RUN]",
		Short: "Put back what a killed run left behind",
		Long: `Put back what runs left behind whose process was killed: one run, or all of this state.
It works from the journal alone, never overwrites what somebody else changed meanwhile, and may be
interrupted and repeated. Exit code 10 if something could still not be put back.

Of a state in a table, nobody knows at once that a run's process was killed: its claim must run out first,
within 30 s. --wait 1m waits for that.`,
		Example:           "  firedrill recover\n  firedrill recover --state dynamodb:drills --wait 1m",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, interrupts := a.interruptible(cmd.Context())
			defer interrupts.release()
			state, err := a.openState(ctx)
			if err != nil {
				return err
			}
			run := ""
			if len(args) == 1 {
				found, err := state.Find(ctx, args[0])
				if err != nil {
					return refused(exitUsage, err)
				}
				run = found
			}
			world, err := a.open(ctx, in, nil)
			if err != nil {
				return err
			}
			if err := waitUntilDead(ctx, state, run, wait); err != nil {
				return refused(exitError, err)
			}
			show, clear := a.recovering()
			recovered, err := state.Recover(ctx, run, engine.RecoverOptions{Revert: world.registry().Revert, Progress: show})
			clear()
			if printErr := a.printRecovered(orEmpty(recovered)); printErr != nil {
				return printErr
			}
			if err != nil {
				return refused(exitUndo, err)
			}
			a.tellOfLive(ctx, state)
			for _, r := range recovered {
				if r.Failed() {
					return &failure{code: exitUndo, err: fmt.Errorf("undo incomplete in run %s", r.Run), hint: "mend the cause and repeat: firedrill recover " + r.Run}
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&in.endpoint, "endpoint-url", "", "address of the Lambda API (default $AWS_ENDPOINT_URL_LAMBDA, then AWS)")
	cmd.Flags().DurationVar(&wait, "wait", 0, "wait this long for the claims of killed runs to run out")
	in.signing.register(cmd)
	return cmd
}

// waitUntilDead waits until no run counts as live, or not the one that is meant.
func waitUntilDead(ctx context.Context, state *engine.State, run string, wait time.Duration) error {
	enough := time.NewTimer(wait)
	defer enough.Stop()
	for wait > 0 {
		live, _, err := state.Status(ctx)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(live, func(r engine.RunInfo) bool { return run == "" || r.Run == run }) {
			return nil
		}
		select {
		case <-time.After(state.Pace()):
		case <-enough.C:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("interrupted while runs counted as live: %w", context.Cause(ctx))
		}
	}
	return nil
}

// tellOfLive says which runs were left alone. Those of a folder are live for certain.
func (a *app) tellOfLive(ctx context.Context, state *engine.State) {
	if !dynamostate.IsLocation(a.state) || a.output == "json" {
		return
	}
	live, _, err := state.Status(ctx)
	if err != nil {
		return
	}
	for _, r := range live {
		fmt.Fprintf(a.stderr, "firedrill: run %s counts as live and was left alone; if its process was killed: firedrill recover --wait 1m\n", r.Run)
	}
}

// recovering shows on a terminal how far a recovery of many targets is, until it is cleared; what became of each is
// printed in the end.
func (a *app) recovering() (show func(run string, done, all int), clear func()) {
	f, ok := a.stderr.(*os.File)
	if !ok || a.quiet || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	show = func(run string, done, all int) { fmt.Fprintf(f, "\r\x1b[K%s  put back %d of %d", run, done, all) }
	return show, func() { fmt.Fprint(f, "\r\x1b[K") }
}

func (a *app) printRecovered(all []engine.Recovered) error {
	if a.output == "json" {
		return a.printJSON(all)
	}
	count := 0
	for _, r := range all {
		for _, note := range r.Notes {
			fmt.Fprintf(a.stdout, "%s  note: %s\n", r.Run, note)
		}
		for _, c := range r.Conditions {
			count++
			switch {
			case c.Error != "":
				fmt.Fprintf(a.stdout, "%s  LEFT BEHIND %q on %s: %s\n", r.Run, c.Name, c.Target, c.Error)
				if c.Hint != "" {
					fmt.Fprintf(a.stdout, "%s  hint: %s\n", r.Run, c.Hint)
				}
			case c.NotUndone:
				fmt.Fprintf(a.stdout, "%s  %q on %s: %s\n", r.Run, c.Name, c.Target, engine.NotUndone)
			case c.Drift != "":
				fmt.Fprintf(a.stdout, "%s  put back %q on %s; kept what somebody else changed: %s\n", r.Run, c.Name, c.Target, c.Drift)
			default:
				fmt.Fprintf(a.stdout, "%s  put back %q on %s\n", r.Run, c.Name, c.Target)
			}
		}
	}
	if count == 0 {
		fmt.Fprintln(a.stdout, "nothing to put back")
	}
	return nil
}
