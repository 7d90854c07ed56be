package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/flag"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A raising brings a flag to a cohort.
type raising struct {
	app        *app
	asked      flagging
	where      string
	order      flag.Order
	x          *experiment.Experiment
	source     []byte
	world      *session
	interrupts *interrupts

	state  *engine.State
	show   *progress
	out    *relay
	flags  flagged
	before view
	ran    *engine.Result // of the experiment; nil: it was not run
	failed error          // what kept the flag from being turned on
}

// A view is what those inside and outside of the cohort get of the flag.
type view struct{ inside, outside flag.Evaluation }

// run turns the flag on, verifies, and keeps it on or turns it off. Without a drill nothing was begun.
func (d *raising) run(ctx context.Context) (report.Drill, error) {
	a := d.app
	var err error
	if d.state, err = a.openState(ctx); err != nil {
		return nil, err
	}
	if err := d.look(ctx); err != nil { // before a run begins that has nothing to do
		return nil, early(ctx, refused(exitUsage, err))
	}
	d.out = newRelay(a.stderr)
	d.show = a.newProgress(d.x, d.out)
	d.show.words = d.words
	d.interrupts.watch(d.show)
	result, err := d.rollout(ctx)
	d.show.clear()
	d.out.close()
	if result == nil {
		return nil, refused(exitError, err)
	}
	if err != nil {
		a.warnOf(err)
	}
	if d.ran != nil {
		return report.Of(d.ran, result), d.conclude(result)
	}
	return report.Of(result), d.conclude(result)
}

// look finds the flag, and refuses one that cannot be turned on.
func (d *raising) look(ctx context.Context) error {
	var err error
	if d.flags, err = d.world.flags(ctx, d.where, ""); err != nil {
		return err
	}
	if _, err := d.flags.Switch(d.order).Prepare(ctx); err != nil {
		return err
	}
	d.before, err = d.view(ctx)
	if err == nil && d.asked.control != "" && !d.before.inside.Same(d.before.outside) {
		return &flag.Refused{Reason: fmt.Sprintf("flag %q is %s for the cohort, and %s for its control: they differ before anything is turned on", d.order.Flag, d.before.inside, d.before.outside),
			Tip: "take a control that gets what the cohort gets now"}
	}
	return err
}

// view evaluates the flag for both.
func (d *raising) view(ctx context.Context) (v view, err error) {
	c := d.order.Cohort
	if v.inside, err = d.flags.Evaluate(ctx, d.order.Flag, c.Member()); err != nil {
		return v, err
	}
	v.outside, err = d.flags.Evaluate(ctx, d.order.Flag, c.Other(d.asked.control))
	return v, err
}

// rollout is the change that stays if all goes well.
func (d *raising) rollout(ctx context.Context) (*engine.Result, error) {
	r, err := engine.Begin(ctx, engine.RolloutOptions{
		State: d.state, Title: fmt.Sprintf("Flag %s for %s", d.order.Flag, d.order.Cohort), Objective: d.x.Objective, File: d.x.File,
		Guards: d.asked.in.guards, Registry: d.world.guarded(d.x), Longest: d.longest(), Observer: d.show.observe,
		Finish: func(r *engine.Result) error { return writeHTML(d.state.RunDir(r.Run), r) },
	})
	if err != nil {
		return nil, err
	}
	outcome, reason := d.deliver(r)
	kept := false
	if outcome == verdict.Held && !d.asked.offAfter {
		err := r.Keep()
		if kept = err == nil; !kept {
			outcome, reason = verdict.Error, "the flag could not be kept on: "+err.Error()
		}
	}
	switch stop := r.Stopped(); {
	case kept || stop == nil: // whoever said stop after that came too late
	case stop.Kind == engine.StopError:
		outcome, reason = verdict.Error, stop.Reason
	default:
		outcome, reason = verdict.Stopped, stop.Reason
	}
	return r.End(outcome, reason)
}

// longest is how long it may all take.
func (d *raising) longest() time.Duration {
	p := d.x.Phases
	return max(p.BaselineMax, p.Baseline) + time.Duration(len(d.x.Stages))*p.Fault + p.Recovery + max(d.asked.settle, d.flags.delay()) + slowFlag
}

// deliver turns the flag on and finds out what comes of it.
func (d *raising) deliver(r *engine.Rollout) (verdict.Outcome, string) {
	ctx := r.Context()
	d.order.Run = r.Run()
	var err error
	if d.flags, err = d.world.flags(ctx, d.where, r.Run()); err == nil {
		err = r.Step(engine.Step{Name: "flag " + d.order.Flag, Kind: flagKind, Target: d.flags.target(d.order), Share: 100})
	}
	if err == nil {
		err = d.seen(ctx)
	}
	if err != nil {
		d.failed = err
		return verdict.Error, err.Error()
	}
	if d.ran, err = d.verify(ctx, r.Run()); d.ran == nil {
		d.failed = err
		return verdict.Error, err.Error()
	}
	if err := errors.Join(err, r.Includes(d.ran.Run)); err != nil {
		r.Note(err.Error())
	}
	if len(d.ran.Residue) > 0 {
		return verdict.Error, "a fault of the experiment could not be put back: firedrill recover " + d.ran.Run
	}
	if d.ran.Verdict == verdict.Held {
		return d.still(r)
	}
	return d.ran.Verdict, d.ran.Reason
}

// verify runs the experiment inside of the rollout.
func (d *raising) verify(ctx context.Context, within string) (*engine.Result, error) {
	show := d.app.newProgress(d.x, d.out)
	show.within = d.show
	d.interrupts.watch(show)
	defer d.interrupts.watch(d.show)
	defer show.clear()
	return engine.Run(ctx, d.x, engine.Options{
		Registry: d.world.guarded(d.x), Guards: d.asked.in.guards, State: d.state, Within: within, Observer: show.observe, Source: d.source,
		Finish: func(r *engine.Result) error { return writeHTML(d.state.RunDir(r.Run), r) },
	})
}

// still says that it held, if the flag was on for the cohort, and for nobody else, to the end.
func (d *raising) still(r *engine.Rollout) (verdict.Outcome, string) {
	err := r.Check()
	if what, ok := engine.DriftOf(err); ok {
		return verdict.Inconclusive, "it held, but somebody else was at the flag: " + what
	}
	if err == nil {
		err = d.on(r.Context())
	}
	if err != nil {
		return verdict.Inconclusive, "it held, but nobody knows with which flag: " + err.Error()
	}
	return verdict.Held, d.ran.Reason
}

// seen waits until functions know of it, and makes sure that the flag is on for the cohort and for nobody else.
func (d *raising) seen(ctx context.Context) error {
	if err := d.on(ctx); err != nil {
		return err
	}
	wait := d.asked.settle
	if wait < 0 {
		wait = d.flags.delay()
	}
	if wait == 0 {
		return nil
	}
	d.show.say(fmt.Sprintf("waiting %s until functions have asked for the flag", wait))
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return d.on(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// on fails unless the flag is on for the cohort, and for others what it was.
func (d *raising) on(ctx context.Context) error {
	now, err := d.view(ctx)
	switch {
	case err != nil:
		return err
	case now.inside.Same(d.before.inside):
		return fmt.Errorf("the flag is still %s for %s", now.inside, d.order.Cohort)
	case !now.outside.Same(d.before.outside):
		return fmt.Errorf("the flag is %s for others, and was %s", now.outside, d.before.outside)
	}
	return nil
}

// words are what happened to the flag.
func (d *raising) words(e engine.Event) string {
	switch e.Kind {
	case engine.EventApplied:
		return fmt.Sprintf("%s is on for %s", e.Condition, d.order.Cohort)
	case engine.EventReverted:
		if e.Message != "" {
			return e.Condition + ": kept what somebody else changed: " + e.Message
		}
		return e.Condition + " is off"
	case engine.EventKept:
		return fmt.Sprintf("%s stays on for %s", e.Condition, d.order.Cohort)
	case engine.EventResidue:
		return "COULD NOT TURN OFF " + e.Condition + ": " + e.Message
	}
	return eventText(e)
}

// conclude prints the experiment, then the flag, and returns the error that carries the exit code.
func (d *raising) conclude(r *engine.Result) error {
	a := d.app
	if a.output == "json" {
		if err := a.printJSON(d.outcome(r)); err != nil {
			return err
		}
	} else if err := d.print(r); err != nil {
		return &failure{code: exitError, err: err}
	}
	code := exitCode(r)
	if code == exitHeld {
		return nil
	}
	if d.ran != nil && len(d.ran.Residue) > 0 {
		code = exitUndo
	}
	return &failure{code: code, err: errors.New(r.Reason), hint: cmp.Or(r.Hint, engine.HintOf(d.failed)), silent: code != exitError && code != exitUndo}
}

// A flagOutcome is what "flag --output json" prints.
type flagOutcome struct {
	Flag       string          `json:"flag"`
	Where      string          `json:"where"`
	Cohort     flag.Cohort     `json:"cohort"`
	Control    string          `json:"control,omitempty"`
	On         bool            `json:"on"` // still
	Verdict    verdict.Outcome `json:"verdict"`
	Reason     string          `json:"reason"`
	Run        string          `json:"run"`
	Notes      []string        `json:"notes,omitempty"`
	Experiment *engine.Result  `json:"experiment,omitempty"`
}

func (d *raising) outcome(r *engine.Result) flagOutcome {
	return flagOutcome{
		Flag: d.order.Flag, Where: d.flags.name, Cohort: d.order.Cohort, Control: d.asked.control, On: keptOn(r),
		Verdict: r.Verdict, Reason: r.Reason, Run: r.Run, Notes: r.Notes, Experiment: d.ran,
	}
}

// keptOn says whether the flag stays on.
func keptOn(r *engine.Result) bool {
	for _, c := range r.Conditions {
		if c.Kept {
			return true
		}
	}
	return false
}

func (d *raising) print(r *engine.Result) error {
	a := d.app
	if d.ran != nil {
		if err := report.Text(a.stdout, d.ran, a.style()); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "\nreport: %s\n\n", a.whereReport(d.ran.Run))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(a.stdout, "note: %s\n", note)
	}
	state := "is off again"
	switch {
	case len(r.Residue) > 0:
		state = "COULD NOT BE TURNED OFF"
	case keptOn(r):
		state = "stays on"
	case len(r.Conditions) == 0:
		state = "was never turned on"
	}
	fmt.Fprintf(a.stdout, "flag %s %s for %s (%s: %s)\nrun %s\n", d.order.Flag, state, d.order.Cohort, r.Verdict, r.Reason, r.Run)
	return nil
}

// printPolicy prints the least permissions: the experiment's, and the flag's.
func (d *raising) printPolicy(ctx context.Context) error {
	all, err := d.world.permissions(ctx, d.x)
	if err != nil {
		return refused(exitUsage, err)
	}
	kept, err := d.world.flags(ctx, d.where, "policy")
	if err != nil {
		return refused(exitUsage, err)
	}
	own, err := kept.permissions(ctx)
	if err != nil {
		return refused(exitUsage, err)
	}
	state, err := d.app.statePermissions(ctx)
	if err != nil {
		return err
	}
	return d.app.printJSON(action.NewPolicy(append(append(all.runner[""], own...), state...)))
}
