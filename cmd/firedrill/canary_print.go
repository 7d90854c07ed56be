package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/firedrill-dev/firedrill/delivery"
	"github.com/firedrill-dev/firedrill/engine"
)

// A toldCanary is the outcome for programs.
type toldCanary struct {
	Alias       string               `json:"alias"`
	Baseline    string               `json:"baseline"`
	Canary      string               `json:"canary"`
	Plan        any                  `json:"plan"`
	Outcome     string               `json:"outcome,omitempty"`
	Reason      string               `json:"reason,omitempty"`
	Hint        string               `json:"hint,omitempty"`
	Run         string               `json:"run,omitempty"`
	Tries       []toldTry            `json:"tries,omitempty"`
	Rollout     *engine.Result       `json:"rollout,omitempty"`
	Experiments []*engine.PlanResult `json:"experiments,omitempty"` // of a dry run
	Usual       time.Duration        `json:"usual,omitempty"`
	Longest     time.Duration        `json:"longest,omitempty"`
}

type toldTry struct {
	delivery.Try
	Runs []toldRun `json:"runs"`
}

type toldRun struct {
	Run     string `json:"run"`
	Title   string `json:"title"`
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

func (f *flight) told() toldCanary {
	return toldCanary{Alias: f.c.alias, Baseline: f.shift.Baseline(), Canary: f.shift.Canary(), Plan: f.c.plan}
}

// printFlightPlan says what a canary would do.
func (a *app) printFlightPlan(f *flight) error {
	usual, longest := f.takes()
	if a.output == "json" {
		told := f.told()
		told.Experiments, told.Usual, told.Longest = f.plans, usual, longest
		return a.printJSON(told)
	}
	w := a.stdout
	fmt.Fprintln(w, f.title())
	for _, share := range f.c.plan.Steps {
		fmt.Fprintf(w, "  lead %g %% of the invocations to version %s, wait %s, verify\n", share, f.shift.Canary(), f.c.plan.Bake)
	}
	fmt.Fprintf(w, "undo     lead all of them to version %s again\ntakes    %s, at most %s\n", f.shift.Baseline(), usual, longest)
	fmt.Fprintf(w, "\nat each step:\n")
	for _, p := range f.plans {
		fmt.Fprintln(w)
		a.printPlan(p)
	}
	return nil
}

// tell says what a step came to, as soon as that is known.
func (f *flight) tell(t delivery.Try) {
	word := map[delivery.Outcome]string{delivery.Promoted: "held"}[t.Outcome]
	if word == "" {
		word = string(t.Outcome)
	}
	f.show.say(fmt.Sprintf("%g %%: %s: %s", t.Share, word, t.Reason))
}

// words tell what became of the alias.
func (f *flight) words(e engine.Event) string {
	switch e.Kind {
	case engine.EventPhase:
		return "" // what it leads where follows
	case engine.EventApplied:
		return fmt.Sprintf("%g %% of %s led to version %s", e.Share, f.c.alias, f.shift.Canary())
	case engine.EventReverted:
		if e.Message != "" {
			return f.c.alias + " left as somebody else has moved it: " + e.Message
		}
		return f.c.alias + " led back to version " + f.shift.Baseline()
	case engine.EventKept:
		return f.c.alias + " stays at version " + f.shift.Canary()
	case engine.EventResidue:
		return "COULD NOT LEAD " + f.c.alias + " BACK: " + e.Message
	}
	return eventText(e)
}

// say prints a line that is no event.
func (p *progress) say(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.quiet && !p.json {
		p.clear()
		fmt.Fprintf(p.w, "%9s%s\n", "", text)
	}
}

// conclude prints what became of a canary, and returns the error that carries its exit code.
func (f *flight) conclude(ctx context.Context, res *delivery.Result) error {
	if err := f.print(res); err != nil {
		return &failure{code: exitError, err: err}
	}
	code := canaryExit(ctx, res)
	switch code {
	case exitHeld:
		return nil
	case exitUndo:
		return &failure{code: code, err: fmt.Errorf("undo incomplete: %s", res.Reason), hint: "try again: firedrill recover"}
	}
	return &failure{code: code, err: errors.New(res.Reason), hint: res.Hint, silent: code != exitError}
}

func (f *flight) print(res *delivery.Result) error {
	a := f.a
	if a.output == "json" {
		told := f.told()
		told.Outcome, told.Reason, told.Hint, told.Run, told.Rollout = string(res.Outcome), res.Reason, res.Hint, res.Rollout.Run, res.Rollout
		for _, t := range res.Tries {
			one := toldTry{Try: t, Runs: []toldRun{}}
			for _, r := range t.Runs {
				one.Runs = append(one.Runs, toldRun{r.Run, r.Experiment.Title, string(r.Verdict), r.Reason})
			}
			told.Tries = append(told.Tries, one)
		}
		return a.printJSON(told)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, f.title())
	for _, t := range res.Tries {
		for _, r := range t.Runs {
			fmt.Fprintf(w, "%g %%\t%s\t%s\t%s\t%s\n", t.Share, r.Verdict, took(r), r.Experiment.Title, r.Run)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\n%s: %s\n", strings.ToUpper(res.Outcome.String()), res.Reason)
	for _, c := range res.Rollout.Conditions {
		if c.Drift != "" {
			fmt.Fprintf(a.stdout, "somebody else changed it meanwhile, and it was left alone: %s\n", c.Drift)
		}
	}
	fmt.Fprintf(a.stdout, "\nreport: %s\n", a.whereReport(res.Rollout.Run))
	return nil
}

func took(r *engine.Result) string {
	return r.Ended.Sub(r.Started).Round(time.Second).String()
}

// warnOf tells of what went wrong beside the outcome.
func (a *app) warnOf(err error) { fmt.Fprintf(a.stderr, "firedrill: warning: %v\n", err) }
