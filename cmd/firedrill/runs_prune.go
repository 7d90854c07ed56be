package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/engine"
)

// A retention is what "runs --prune" is asked for.
type retention struct {
	on        bool
	keep      int
	olderThan string
	dry       bool
}

func (r *retention) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&r.on, "prune", false, "remove runs that --keep and --older-than both allow; never one that is unfinished")
	flags.IntVar(&r.keep, "keep", 0, "with --prune: the latest so many runs of each experiment and environment stay")
	flags.StringVar(&r.olderThan, "older-than", "", "with --prune: only runs that began so long ago, such as 90d or 12h")
	flags.BoolVar(&r.dry, "dry-run", false, "with --prune: only say what would be removed")
}

// prune removes runs, with their reports.
func (a *app) prune(ctx context.Context, r retention) error {
	p := engine.Pruning{Keep: r.keep, Dry: r.dry}
	if r.keep < 0 || r.keep == 0 && r.olderThan == "" {
		return usage("such as firedrill runs --prune --keep 50 --older-than 90d", "--prune needs --keep, --older-than, or both")
	}
	if r.olderThan != "" {
		age, err := parseAge(r.olderThan)
		if err != nil {
			return err
		}
		p.Before = time.Now().Add(-age)
	}
	state, err := a.openState(ctx)
	if err != nil {
		return err
	}
	removed, err := state.Prune(ctx, p)
	if err != nil {
		return refused(exitError, err)
	}
	if a.output == "json" {
		return a.printJSON(orEmpty(removed))
	}
	for _, run := range removed {
		fmt.Fprintf(a.stdout, "%s  %s  %s\n", run.Run, startedText(run.Started), run.Title)
	}
	word := "removed"
	if r.dry {
		word = "would be removed"
	}
	fmt.Fprintf(a.stdout, "%d %s\n", len(removed), word)
	return nil
}

// maxAge is more than any state is old.
const maxAge = 100 * 365 * 24 * time.Hour

// parseAge reads a length of time, in which a day may be one.
func parseAge(text string) (time.Duration, error) {
	age, err := time.ParseDuration(text)
	if number, ok := strings.CutSuffix(text, "d"); ok {
		var days float64
		days, err = strconv.ParseFloat(number, 64)
		if age = maxAge + 1; err == nil && days >= 0 && days <= maxAge.Hours()/24 {
			age = time.Duration(days * 24 * float64(time.Hour))
		}
	}
	if err != nil || age < 0 || age > maxAge {
		return 0, usage("write 90d or 12h", "--older-than %q is no length of time", text)
	}
	return age, nil
}
