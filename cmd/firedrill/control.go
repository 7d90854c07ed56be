package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/engine"
)

// refused turns an error of the engine into one with its hint, under an exit code.
func refused(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: code, err: err, hint: cmp.Or(engine.HintOf(err), account.Hint(err))}
}

// completeRuns offers the ids of runs to the shell.
func (a *app) completeRuns(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	state, err := a.openState(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	runs, err := state.Runs(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var ids []string
	for _, r := range runs {
		ids = append(ids, r.Run+"\t"+r.Title)
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show running experiments, what is left to undo, and the kill switch",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			state, err := a.openState(cmd.Context())
			if err != nil {
				return err
			}
			live, unfinished, err := state.Status(cmd.Context())
			if err != nil {
				return refused(exitError, err)
			}
			reason, engaged := state.Engaged(cmd.Context())
			if a.output == "json" {
				return a.printJSON(map[string]any{
					"live": orEmpty(live), "unfinished": orEmpty(unfinished),
					"kill_switch": map[string]any{"engaged": engaged, "reason": reason},
				})
			}
			if engaged {
				fmt.Fprintf(a.stdout, "kill switch: engaged (%s): no experiment starts; firedrill killswitch off\n", reason)
			}
			for _, r := range live {
				fmt.Fprintf(a.stdout, "running  %s  %s  %s\n", r.Run, orDash(r.Phase), r.Title)
			}
			for _, r := range unfinished {
				fmt.Fprintf(a.stdout, "LEFT BEHIND  %s  %s: %s; put it back: firedrill recover %s\n", r.Run, r.Title, strings.Join(leftBehind(r), ", "), r.Run)
			}
			if len(live)+len(unfinished) == 0 {
				fmt.Fprintln(a.stdout, "nothing is running, nothing is left to undo")
			}
			return nil
		},
	}
}

// leftBehind is what a run did not put back, and why there may be more.
func leftBehind(r engine.RunInfo) []string {
	if r.Problem == "" {
		return r.Pending
	}
	return append(slices.Clone(r.Pending), "perhaps something, since "+r.Problem)
}

func (a *app) stopCommand() *cobra.Command {
	var all, wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop [RUN]",
		Short: "Stop a running experiment: everything is put back",
		Long: `Ask a running experiment to put everything back and end. RUN is its id or the beginning of it;
it may be left out while only one is running.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeRuns,
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := a.openState(cmd.Context())
			if err != nil {
				return err
			}
			runs, err := runsToStop(cmd.Context(), state, args, all)
			if err != nil {
				return err
			}
			for _, run := range runs {
				if err := state.RequestStop(cmd.Context(), run, "firedrill stop"); err != nil {
					return refused(exitUsage, err)
				}
			}
			if wait {
				ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
				defer cancel()
				if err := waitUntilEnded(ctx, state, runs); err != nil {
					return err
				}
			}
			if a.output == "json" {
				return a.printJSON(map[string]any{"stopped": orEmpty(runs), "ended": wait})
			}
			for _, run := range runs {
				if wait {
					fmt.Fprintf(a.stdout, "stopped %s: everything was put back\n", run)
				} else {
					fmt.Fprintf(a.stdout, "asked %s to stop; see firedrill status\n", run)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "stop every running experiment of this state")
	cmd.Flags().BoolVar(&wait, "wait", true, "wait until the run has ended")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to wait")
	return cmd
}

// runsToStop resolves what "stop" was asked to stop.
func runsToStop(ctx context.Context, state *engine.State, args []string, all bool) ([]string, error) {
	if len(args) == 1 {
		run, err := state.Find(ctx, args[0])
		return []string{run}, refused(exitUsage, err)
	}
	live, unfinished, err := state.Status(ctx)
	if err != nil {
		return nil, refused(exitError, err)
	}
	var runs []string
	for _, r := range live {
		part := slices.ContainsFunc(live, func(whole engine.RunInfo) bool { return whole.Run == r.Within })
		if all || !part { // who stops a rollout stops the experiment that it runs
			runs = append(runs, r.Run)
		}
	}
	switch {
	case all:
		return runs, nil
	case len(runs) == 1:
		return runs, nil
	case len(runs) > 1:
		return nil, usage("name one, or use --all", "%d experiments are running: %s", len(runs), strings.Join(runs, ", "))
	case len(unfinished) > 0:
		return nil, usage("put it back: firedrill recover", "nothing is running, but run %s left something behind", unfinished[0].Run)
	}
	return nil, usage("", "nothing is running in %s", state.Name())
}

// waitUntilEnded polls the runs' locks, which their processes hold, until all are released.
func waitUntilEnded(ctx context.Context, state *engine.State, runs []string) error {
	tick := time.NewTicker(state.Pace())
	defer tick.Stop()
	for {
		var left, undone []string
		for _, run := range runs {
			info := state.Info(ctx, run)
			if info.Live {
				left = append(left, run)
			} else if info.Unfinished() {
				undone = append(undone, run)
			}
		}
		if len(left) == 0 && len(undone) > 0 {
			return &failure{code: exitUndo, err: fmt.Errorf("run %s ended, but something could not be put back", strings.Join(undone, ", ")), hint: "try again: firedrill recover"}
		}
		if len(left) == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return &failure{code: exitError, err: fmt.Errorf("run %s did not end in time: %w", strings.Join(left, ", "), ctx.Err()), hint: "it is asked to stop and may still be undoing; see firedrill status"}
		}
	}
}

func (a *app) killSwitchCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:       "killswitch on|off|status",
		Short:     "Stop all experiments of this state and let none start",
		Long:      `While the kill switch is on, running experiments stop and put everything back, and new ones refuse to start.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"on", "off", "status"},
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := a.openState(cmd.Context())
			if err != nil {
				return err
			}
			switch args[0] {
			case "on":
				err = state.Engage(cmd.Context(), reason)
			case "off":
				err = state.Release(cmd.Context())
			}
			if err != nil {
				return refused(exitError, err)
			}
			why, engaged := state.Engaged(cmd.Context())
			if a.output == "json" {
				return a.printJSON(map[string]any{"engaged": engaged, "reason": why})
			}
			word := "off"
			if engaged {
				word = "on: " + why
			}
			fmt.Fprintf(a.stdout, "kill switch: %s\n", word)
			return nil
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "firedrill killswitch on", "why, for those who find it on")
	return cmd
}

// orEmpty makes an empty list [] rather than null in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
