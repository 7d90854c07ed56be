package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

func (a *app) validateCommand() *cobra.Command {
	var in inputs
	cmd := &cobra.Command{
		Use:     "validate FILE...",
		Short:   "Check experiment files, with line numbers",
		Long:    "Check experiment files: every mistake is reported with its line, and nothing is started or touched.",
		Example: "  firedrill validate experiments/*.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			vars, err := in.values()
			if err != nil {
				return err
			}
			if in.local != "" {
				if err := a.localVars(in.local, vars); err != nil {
					return err
				}
			}
			return a.validate(args, vars)
		},
	}
	in.register(cmd)
	return cmd
}

// localVars sets what a functions file would define, without starting anything.
func (a *app) localVars(file string, vars map[string]string) error {
	config, err := a.parseFunctions(file)
	if err != nil {
		return err
	}
	if _, set := vars["lambda"]; !set {
		vars["lambda"] = "http://" + config.LambdaListen
	}
	if _, set := vars["api"]; !set && config.HTTP != nil {
		vars["api"] = "http://" + config.HTTP.Listen
	}
	return nil
}

func (a *app) validate(files []string, vars map[string]string) error {
	type checked struct {
		File     string               `json:"file"`
		OK       bool                 `json:"ok"`
		Problems []experiment.Problem `json:"problems"`
	}
	var all []checked
	var errs []error
	for _, file := range files {
		x, _, found, err := a.parse(file, vars)
		all = append(all, checked{file, err == nil, orEmpty(found)})
		a.warn(found)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if a.output == "text" {
			fmt.Fprintf(a.stdout, "%s: ok: %s\n", file, x.Title)
		}
	}
	if a.output == "json" {
		if err := a.printJSON(all); err != nil {
			return err
		}
		if len(errs) > 0 {
			return &failure{code: exitUsage, err: errors.Join(errs...), silent: true}
		}
		return nil
	}
	return a.reportAll(errs)
}

// reportAll prints all errors but the last, which is main's to print; nil if there are none.
func (a *app) reportAll(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	for _, err := range errs[:len(errs)-1] {
		a.report(err)
	}
	return errs[len(errs)-1]
}

// inspect opens what an experiment runs in, for a command that only reads it.
func (a *app) inspect(ctx context.Context, file string, in inputs, read func(ctx context.Context, s *session, x *experiment.Experiment, source []byte) error) error {
	ctx, interrupts := a.interruptible(ctx)
	defer interrupts.release()
	s, err := a.open(ctx, in, io.Discard)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	x, source, found, err := a.parse(file, s.vars)
	a.warn(found)
	if err != nil {
		return err
	}
	return read(ctx, s, x, source)
}

func (a *app) planCommand() *cobra.Command {
	var in inputs
	var own house
	rehearse := false
	cmd := &cobra.Command{
		Use:   "plan FILE",
		Short: "Show what a run would do; touches nothing",
		Long: `Resolve the targets, check the guards and show what a run would change, when, and how it would be put back.

With --rehearse, try the way back instead: read each target, try its undo where that has no effect, and stop the run in every
way that it can be stopped, on the engine itself with actions that change nothing. Exit code 1 if any of it fails.`,
		Example: "  firedrill plan experiment.yaml\n  firedrill plan --rehearse experiment.yaml",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			guards, err := a.guards(own)
			if err != nil {
				return err
			}
			return a.inspect(cmd.Context(), args[0], in, func(ctx context.Context, s *session, x *experiment.Experiment, source []byte) error {
				state, err := a.openState(ctx)
				if err != nil {
					return err
				}
				o := engine.Options{Registry: s.guarded(x), State: state, Guards: guards, Source: source}
				if rehearse {
					return a.rehearse(ctx, x, o)
				}
				plan, err := engine.Plan(ctx, x, o)
				if err != nil {
					return refused(exitUsage, err)
				}
				if a.output == "json" {
					return a.printJSON(plan)
				}
				a.printPlan(plan)
				return nil
			})
		},
	}
	in.register(cmd)
	in.signing.register(cmd)
	in.prices.register(cmd)
	own.register(cmd)
	cmd.Flags().BoolVar(&rehearse, "rehearse", false, "try the way back: the undo's permissions, and every way to stop")
	return cmd
}

func (a *app) printPlan(p *engine.PlanResult) {
	w := a.stdout
	fmt.Fprintf(w, "%s\n  %s\n", p.Title, p.Objective)
	for _, c := range p.Conditions {
		fmt.Fprintf(w, "\ncondition %q (%s)\n", c.Name, c.Kind)
		if c.Irreversible {
			fmt.Fprintf(w, "  %s\n", a.loud("IRREVERSIBLE: nothing and nobody puts this back"))
		}
		for _, row := range [][2]string{{"target", c.Target}, {"change", c.Change}, {"where", c.Where}, {"when", c.When}, {"undo", c.Undo}} {
			if row[1] != "" {
				fmt.Fprintf(w, "  %-8s%s\n", row[0], row[1])
			}
		}
	}
	fmt.Fprintln(w)
	if len(p.Stages) > 1 {
		fmt.Fprint(w, "stages  ")
		for _, s := range p.Stages {
			fmt.Fprintf(w, " %g%%", s)
		}
		fmt.Fprintln(w)
	}
	for _, g := range p.Guards {
		fmt.Fprintf(w, "guard    %s\n", g)
	}
	for _, s := range p.Stop {
		fmt.Fprintf(w, "stop if  %s\n", s)
	}
	fmt.Fprintf(w, "takes    %s, at most %s\n", p.Duration, p.MaxDuration)
	a.printPrediction(p.Prediction)
	if n := irreversible(p); n > 0 {
		fmt.Fprintln(w, a.loud(fmt.Sprintf("IRREVERSIBLE: %d of %d changes are not put back", n, len(p.Conditions))))
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "warning  %s\n", warning)
	}
}

// irreversible is how many changes of a plan would stay.
func irreversible(p *engine.PlanResult) int {
	n := 0
	for _, c := range p.Conditions {
		if c.Irreversible {
			n++
		}
	}
	return n
}

// loud is text that nobody overlooks.
func (a *app) loud(text string) string {
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) && a.colors() {
		return "\x1b[1;31m" + text + "\x1b[0m"
	}
	return text
}
