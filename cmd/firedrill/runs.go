package main

import (
	"context"
	"fmt"
	"path"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/report"
)

// A look is what "runs" is asked for.
type look struct {
	trend   bool
	pattern string
	format  string
	labels  []string
	prune   retention
}

func (a *app) runsCommand() *cobra.Command {
	var l look
	cmd := &cobra.Command{
		Use:   "runs [PATTERN]",
		Short: "List the runs of this state, oldest first, or what they show over time",
		Long: `List the runs of this state, oldest first: all, or those of the experiments that PATTERN means. It is compared with the file's path
in its repository, with its name without .yaml, and with parts of the title.

With --trend, show each experiment's verdicts over time instead, in each environment: since which version it does not hold any
more, which one alternates without a reason, and which measure worsens though it still holds.

With --prune, remove runs that are not needed any more. One that is running, or left something behind, is never removed.`,
		Example: `  firedrill runs
  firedrill runs --trend
  firedrill runs --trend 'slow-*' --label environment=prod
  firedrill runs --trend --format html > .firedrill/trend.html
  firedrill runs --prune --keep 50 --older-than 90d`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				l.pattern = args[0]
			}
			if l.prune.on && l.pattern != "" {
				return usage("leave the pattern out", "--prune goes by --keep and --older-than, not by a pattern")
			}
			if l.prune.on {
				return a.prune(cmd.Context(), l.prune)
			}
			return a.runs(cmd.Context(), l)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&l.trend, "trend", false, "what each experiment's runs show over time")
	flags.StringVarP(&l.format, "format", "f", "text", "text or json; with --trend also html")
	flags.StringArrayVar(&l.labels, "label", nil, "only runs with this label, NAME=VALUE (repeatable)")
	l.prune.register(cmd)
	cmd.MarkFlagsMutuallyExclusive("prune", "trend")
	cmd.MarkFlagsMutuallyExclusive("prune", "label")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"text", "json", "html"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runs(ctx context.Context, l look) error {
	keep, err := l.filter()
	if err != nil {
		return err
	}
	if a.output == "json" {
		l.format = "json"
	}
	state, err := a.openState(ctx)
	if err != nil {
		return err
	}
	all, err := state.Runs(ctx)
	if err != nil {
		return refused(exitError, err)
	}
	var runs []engine.RunInfo
	for _, r := range all {
		if keep(r) {
			runs = append(runs, r)
		}
	}
	if l.trend {
		return a.trend(runs, l.format)
	}
	switch l.format {
	case "json":
		return a.printJSON(orEmpty(runs))
	case "text":
		return a.listRuns(runs, len(all))
	}
	return usage("use text or json, or add --trend", "format %q is none of a list", l.format)
}

// filter says which runs are asked for.
func (l look) filter() (func(engine.RunInfo) bool, error) {
	labels := map[string]string{}
	for _, pair := range l.labels {
		name, value, err := parseLabel(pair)
		if err != nil {
			return nil, err
		}
		labels[name] = value
	}
	if _, err := path.Match(l.pattern, ""); err != nil {
		return nil, usage("patterns have * and ? and [a-z]", "%q is no pattern", l.pattern)
	}
	return func(r engine.RunInfo) bool {
		for name, value := range labels {
			if r.Labels[name] != value {
				return false
			}
		}
		return l.pattern == "" || r.Past().Matches(l.pattern)
	}, nil
}

func (a *app) listRuns(runs []engine.RunInfo, all int) error {
	if len(runs) == 0 {
		if all > 0 {
			fmt.Fprintf(a.stdout, "none of the %d runs in %s is meant\n", all, a.state)
			return nil
		}
		fmt.Fprintf(a.stdout, "no runs in %s yet; start one: firedrill run FILE\n", a.state)
		return nil
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RUN\tSTARTED\tVERDICT\tTITLE")
	for _, r := range runs {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", r.Run, startedText(r.Started), runVerdict(r), r.Title)
	}
	return w.Flush()
}

// trend shows what runs say together.
func (a *app) trend(runs []engine.RunInfo, format string) error {
	var past []history.Run
	for _, r := range runs {
		if r.HasEnded() {
			past = append(past, r.Past())
		}
	}
	stories := history.Stories(history.Lines(past))
	switch format {
	case "json":
		return a.printJSON(orEmpty(stories))
	case "html":
		return report.TrendHTML(a.stdout, stories)
	case "text":
		if len(stories) == 0 {
			fmt.Fprintf(a.stdout, "no run in %s has ended with a verdict that is asked for\n", a.state)
			return nil
		}
		return report.Trend(a.stdout, stories, a.style())
	}
	return usage("use text, json or html", "unknown format %q", format)
}

func startedText(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// runVerdict is a run's verdict or, without one, its state.
func runVerdict(r engine.RunInfo) string {
	switch {
	case r.Live:
		return "running"
	case r.Unfinished():
		return "left behind"
	case r.Verdict == "" && r.Kept:
		return "died, kept"
	case r.Verdict == "":
		return "died"
	}
	return r.Verdict
}
