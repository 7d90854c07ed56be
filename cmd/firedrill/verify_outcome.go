package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/drill"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

// drilled is what pipelines read of outcomes.
func drilled(outcomes []drill.Outcome) report.Drill {
	var d report.Drill
	for _, o := range outcomes {
		x := report.Drilled{Result: o.Result, Earlier: o.Earlier, Title: o.Experiment.Title, File: o.File}
		switch {
		case o.Result != nil:
		case o.Err != nil:
			x = unbegun(o.File, o.Err)
		default:
			x.NotRun = whyNotRun(o)
		}
		d = append(d, x)
	}
	return d
}

// concludeAll tells what came of a suite, and returns the error that carries its exit code. failed is why a run could not even begin.
func (a *app) concludeAll(outcomes []drill.Outcome, failed error) error {
	var results []*engine.Result
	for _, o := range outcomes {
		if o.Result != nil {
			results = append(results, o.Result)
		}
	}
	err := a.printAll(outcomes, results)
	code := exitHeld
	for _, o := range outcomes {
		code = worse(code, outcomeCode(o))
	}
	if err = errors.Join(failed, err); err != nil {
		f := (*failure)(nil)
		if !errors.As(err, &f) {
			f = &failure{code: exitError}
		}
		return &failure{code: worse(code, worse(exitError, f.code)), err: err, hint: f.hint}
	}
	if code == exitHeld {
		return nil
	}
	return &failure{code: code, err: fmt.Errorf("%d of %d experiments did not hold", len(outcomes)-held(outcomes), len(outcomes)), silent: true}
}

// outcomeCode is the exit code of one experiment of a suite.
func outcomeCode(o drill.Outcome) int {
	interrupted := errors.Is(o.Ending, context.Canceled)
	switch {
	case o.Result == nil && (o.Ending == nil || errors.Is(o.Ending, drill.ErrFailFast)):
		return exitHeld // another one's code says why
	case o.Result == nil && interrupted:
		return exitInterrupted
	case o.Result == nil:
		return exitStopped
	}
	code := exitCode(o.Result)
	if code == exitInterrupted && !interrupted {
		return exitStopped // the drill ended it, nobody interrupted it
	}
	return code
}

// worse is the worse of two exit codes: what a suite ends with.
func worse(a, b int) int {
	order := []int{exitHeld, exitUnsettled, exitDisproved, exitStopped, exitInterrupted, exitError, exitUndo}
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}

func held(outcomes []drill.Outcome) int {
	n := 0
	for _, o := range outcomes {
		if o.Result != nil && exitCode(o.Result) == exitHeld {
			n++
		}
	}
	return n
}

func (a *app) printAll(outcomes []drill.Outcome, results []*engine.Result) error {
	if a.output == "json" {
		return a.printJSON(withUnrun(outcomes))
	}
	for _, o := range outcomes {
		if o.Result == nil || exitCode(o.Result) == exitHeld {
			continue
		}
		if err := report.Text(a.stdout, o.Result, a.style()); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "\nreport: %s\n%s\n", a.whereReport(o.Result.Run), besides(o))
	}
	if err := report.Summary(a.stdout, results, a.style()); err != nil {
		return err
	}
	return a.printNotRun(outcomes)
}

// An unrun experiment stands for itself among the results that programs read: a list of those that held must not look like all.
type unrun struct {
	File   string `json:"file"`
	Title  string `json:"title"`
	NotRun string `json:"not_run"`
}

func withUnrun(outcomes []drill.Outcome) []any {
	all := []any{}
	for _, o := range outcomes {
		switch {
		case o.Result != nil:
			all = append(all, o.Result)
		case o.Err != nil:
			all = append(all, unrun{o.File, o.Experiment.Title, o.Err.Error()})
		default:
			all = append(all, unrun{o.File, o.Experiment.Title, whyNotRun(o)})
		}
	}
	return all
}

// printNotRun lists what was not run, by the reason.
func (a *app) printNotRun(outcomes []drill.Outcome) error {
	var why []string
	files := map[string][]string{}
	for _, o := range outcomes {
		if o.Result != nil || o.Ending == nil {
			continue
		}
		text := whyNotRun(o)
		if files[text] == nil {
			why = append(why, text)
		}
		files[text] = append(files[text], o.File)
	}
	for _, text := range why {
		if _, err := fmt.Fprintf(a.stdout, "%d not run (%s): %s\n", len(files[text]), text, strings.Join(files[text], ", ")); err != nil {
			return err
		}
	}
	return nil
}

func whyNotRun(o drill.Outcome) string {
	if errors.Is(o.Ending, context.Canceled) {
		return "interrupted"
	}
	return o.Ending.Error()
}

// besides says what ran at the same time as an experiment whose measures did not do what they should: what nobody wrote down may connect
// them.
func besides(o drill.Outcome) string {
	if len(o.Beside) == 0 || !slices.Contains([]verdict.Outcome{verdict.Disproved, verdict.NotSteady, verdict.Inconclusive}, o.Result.Verdict) {
		return ""
	}
	var names []string
	for _, j := range o.Beside {
		if name := filepath.Base(j.File); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return fmt.Sprintf("ran beside: %s (alone: firedrill run %s)\n", strings.Join(names, ", "), o.File)
}
