package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/delivery"
	"github.com/firedrill-dev/firedrill/drill"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/report"
)

// A canary is what "canary" is asked for.
type canary struct {
	in      inputs
	own     house
	out     outputs
	plan    delivery.Plan
	alias   string
	version int
	timeout time.Duration
	dry     bool
	logs    string
}

func (a *app) canaryCommand() *cobra.Command {
	var c canary
	cmd := &cobra.Command{
		Use:   "canary PATH... --alias FUNCTION:ALIAS --version N",
		Short: "Lead an alias to a new version in steps, verified at each, and back if one does not hold",
		Long: `Lead a growing share of an alias's invocations to a new version of its function. At each step the experiments must hold: their
measures before the fault is there, and while it is. Only then the next step comes; at 100 % the alias leads to the version alone.
Anything else leads the traffic back to where it was: a measure that does not hold, one that nobody can settle, Ctrl-C, "firedrill
stop", the kill switch, --timeout. After a kill -9, "firedrill recover" does.

The experiments get the variables ${function}, ${alias}, ${canary} and ${baseline} (version numbers), and ${weight} (percent).

Exit codes: 0 promoted, 3 disproved and rolled back, 4 inconclusive and rolled back, 5 stopped and rolled back, or somebody else has
moved the alias and it was left alone, 1 the canary itself failed, 10 the alias could not be led back, 130 interrupted and rolled back.`,
		Example: `  firedrill canary canary.yaml --alias checkout:live --version 42
  firedrill canary canary/ --alias purchase:live --version 2 --local demo/versions.yaml --bake 1s`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.canary(cmd.Context(), args, c) },
	}
	c.in.register(cmd)
	c.in.signing.register(cmd)
	c.own.register(cmd)
	c.out.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.alias, "alias", "", "the alias that users invoke: FUNCTION:ALIAS, or its ARN")
	flags.IntVar(&c.version, "version", 0, "the published version that it is to lead to")
	flags.Float64SliceVar(&c.plan.Steps, "steps", []float64{5, 25, 50, 100}, "shares of the invocations, in percent; the last is 100")
	flags.DurationVar(&c.plan.Bake, "bake", 10*time.Second, "let each step be for this time before it is verified")
	flags.IntVar(&c.plan.Retries, "retries", 0, "verify a step again, so many times at most, that is inconclusive")
	flags.DurationVar(&c.timeout, "timeout", 0, "lead everything back after this time")
	flags.BoolVar(&c.dry, "dry-run", false, "check everything and say what would be done; change nothing")
	flags.StringVar(&c.logs, "logs", "", "with --local: write the functions' logs to this file, or - for standard error")
	_ = cmd.MarkFlagRequired("alias")
	_ = cmd.MarkFlagRequired("version")
	return cmd
}

func (a *app) canary(parent context.Context, paths []string, c canary) error {
	if err := c.plan.Check(); err != nil {
		return usage("such as --steps 5,25,50,100 --bake 10s --retries 1", "the plan: %w", err)
	}
	if c.version < 1 {
		return usage("choose one that is published: aws lambda list-versions-by-function", "--version %d is no published version: they count from 1", c.version)
	}
	search := drill.Search{Read: readFile}
	files, _, err := search.Files(paths)
	if err != nil {
		return refused(exitUsage, err)
	}
	logw, closeLogs, err := openLogs(c.logs)
	if err != nil {
		return err
	}
	defer closeLogs()
	if c.in.guards, err = a.guards(c.own); err != nil {
		return err
	}
	if err := c.out.begin(a); err != nil {
		return err
	}
	d, err := a.sendCanary(parent, files, c, logw)
	if d == nil {
		for _, file := range files {
			d = append(d, unbegun(file, err))
		}
	}
	return c.out.end(a, d, err)
}

// sendCanary is canary from the opened world to the outcome. Without a drill nothing was begun.
func (a *app) sendCanary(parent context.Context, files []string, c canary, logw io.Writer) (report.Drill, error) {
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.timeout, errTimeout)
		defer cancel()
	}
	world, err := a.open(ctx, c.in, logw)
	if err != nil {
		return nil, early(ctx, err)
	}
	defer a.leave(ctx, world)
	shift, err := account.NewFactory(world.accounts()).Shift(ctx, c.alias, c.version)
	if err != nil {
		return nil, refused(exitUsage, err)
	}
	if err := a.vacant(ctx, shift); err != nil {
		return nil, err
	}
	f := &flight{a: a, c: c, world: world, shift: shift, files: files, interrupts: interrupts}
	if err := f.check(ctx); err != nil {
		return nil, err
	}
	if c.dry {
		return report.Drill{}, a.printFlightPlan(f)
	}
	return f.fly(ctx)
}

// vacant refuses an alias that another run of this state has, by its name, and one that somebody else is at.
func (a *app) vacant(ctx context.Context, shift *account.Shift) error {
	state, err := a.openState(ctx)
	if err != nil {
		return err
	}
	if err := state.Vacant(ctx, shift.Target().Key()); err != nil {
		return refused(exitError, err)
	}
	return refused(exitUsage, shift.Check(ctx))
}

// A flight is one canary on its way.
type flight struct {
	a          *app
	c          canary
	world      *session
	shift      *account.Shift
	files      []string
	interrupts *interrupts
	plans      []*engine.PlanResult
	titles     []string
	rollout    *engine.Rollout
	show       *progress
	out        *relay
}

// at are the experiments while the new version gets a share.
func (f *flight) at(share float64) ([]drill.Job, error) {
	function, alias := f.named()
	vars := map[string]string{
		"function": function, "alias": alias, "canary": f.shift.Canary(), "baseline": f.shift.Baseline(),
		"weight": strconv.FormatFloat(share, 'g', -1, 64),
	}
	maps.Copy(vars, f.world.vars)
	var all []drill.Job
	var errs []error
	for _, file := range f.files {
		x, source, found, err := f.a.parse(file, vars)
		if share == f.c.plan.Steps[0] && f.rollout == nil { // once is enough
			f.a.warn(found)
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all = append(all, drill.Job{File: file, Experiment: x, Source: source})
	}
	return all, f.a.reportAll(errs)
}

// named are the function and the alias as they were named.
func (f *flight) named() (function, alias string) {
	i := strings.LastIndexByte(f.c.alias, ':')
	return f.c.alias[:i], f.c.alias[i+1:]
}

// check finds out what would keep the canary from its way before anything is changed.
func (f *flight) check(ctx context.Context) error {
	state, err := f.a.openState(ctx)
	if err != nil {
		return err
	}
	for i, share := range f.c.plan.Steps {
		all, err := f.at(share)
		if err != nil {
			return err
		}
		if i > 0 {
			continue // its targets are the same
		}
		for _, j := range all {
			f.titles = append(f.titles, j.Experiment.Title)
			plan, err := engine.Plan(ctx, j.Experiment, engine.Options{Registry: f.world.guarded(j.Experiment), State: state, Guards: f.c.in.guards})
			if err != nil {
				return refused(exitUsage, err)
			}
			f.plans = append(f.plans, plan)
		}
	}
	return nil
}

// takes is how long the canary takes that needs no second try, and the longest that it can take.
func (f *flight) takes() (usual, longest time.Duration) {
	for _, p := range f.plans {
		usual += p.Duration
		longest += p.MaxDuration
	}
	steps := time.Duration(len(f.c.plan.Steps))
	return steps * (f.c.plan.Bake + usual), steps * (f.c.plan.Bake + time.Duration(1+f.c.plan.Retries)*longest)
}

// fly takes the canary its way.
func (f *flight) fly(ctx context.Context) (report.Drill, error) {
	state, err := f.a.openState(ctx)
	if err != nil {
		return nil, err
	}
	f.out = newRelay(f.a.stderr)
	house := &experiment.Experiment{File: f.files[0]}
	f.show = f.a.newProgress(house, f.out)
	f.show.words = f.words
	f.interrupts.watch(f.show)
	_, longest := f.takes()
	f.rollout, err = engine.Begin(ctx, engine.RolloutOptions{
		State: state, Title: f.title(), Objective: "The experiments hold at each step: " + strings.Join(f.titles, "; "), File: f.files[0],
		Guards: f.c.in.guards, Registry: f.world.guarded(under(house, f.c.in.guards)), Longest: longest, Observer: f.show.observe,
		Finish: func(r *engine.Result) error { return writeHTML(state.RunDir(r.Run), r) },
	})
	if err != nil {
		f.out.close()
		return nil, refused(exitError, err)
	}
	res, err := delivery.Canary{Plan: f.c.plan, Lead: f.lead, Verify: f.verify, Told: f.tell}.Run(f.rollout)
	f.show.clear()
	f.out.close()
	if err != nil {
		f.a.warnOf(err)
	}
	return drillOf(res), f.conclude(ctx, res)
}

func (f *flight) title() string {
	return "Canary of " + f.c.alias + ": version " + f.shift.Baseline() + " to " + f.shift.Canary()
}

// lead is the step to a share, with what the engine must know of the alias.
func (f *flight) lead(share float64) engine.Step {
	t := f.world.targetedChanges([]*account.Change{f.shift.Target()}, newTags(f.world))[0]
	tagged, _ := t.Action.(engine.Tagged)
	t.Action = led{f.shift.Lead(share), tagged}
	return engine.Step{Name: f.c.alias + " to version " + f.shift.Canary(), Kind: account.ShiftKind, Target: t, Share: share}
}

// led is a step of a shift whose target's tags guards may ask for.
type led struct {
	*account.ShiftStep
	engine.Tagged
}

// verify runs the experiments one after the other, as long as they hold: no user is to bear the rest of a canary that is lost.
func (f *flight) verify(ctx context.Context, share float64) ([]*engine.Result, error) {
	all, err := f.at(share)
	if err != nil {
		return nil, err
	}
	state, err := f.a.openState(ctx)
	if err != nil {
		return nil, err
	}
	var results []*engine.Result
	for _, j := range all {
		if ctx.Err() != nil {
			return results, context.Cause(ctx)
		}
		show := f.a.newProgress(j.Experiment, f.out)
		show.within = f.show
		f.interrupts.watch(show)
		r, err := engine.Run(ctx, j.Experiment, engine.Options{
			Registry: f.world.guarded(j.Experiment), Guards: f.c.in.guards, State: state, Observer: show.observe, Source: j.Source, Within: f.rollout.Run(),
			Finish: func(r *engine.Result) error { return writeHTML(state.RunDir(r.Run), r) },
		})
		show.clear()
		f.interrupts.watch(f.show)
		if r == nil {
			return results, err
		}
		if err != nil {
			f.a.warnOf(err)
		}
		results = append(results, r)
		if delivery.Judge(results).Outcome != delivery.Promoted {
			break
		}
	}
	return results, nil
}

// drillOf is everything that was run: the experiments, those that were tried again as well, and the canary itself.
func drillOf(res *delivery.Result) report.Drill {
	var all []*engine.Result
	for _, try := range res.Tries {
		all = append(all, try.Runs...)
	}
	return report.Of(append(all, res.Rollout)...)
}

// canaryExit maps a canary's outcome to the contract for scripts.
func canaryExit(ctx context.Context, res *delivery.Result) int {
	for _, try := range res.Tries {
		for _, r := range try.Runs {
			if len(r.Residue) > 0 {
				return exitUndo
			}
		}
	}
	if len(res.Rollout.Residue) > 0 {
		return exitUndo
	}
	switch res.Outcome {
	case delivery.Promoted:
		return exitHeld
	case delivery.Disproved:
		return exitDisproved
	case delivery.Inconclusive:
		return exitUnsettled
	case delivery.Stopped, delivery.Moved:
		if s := res.Rollout.Stop; s != nil && s.Kind == engine.StopInterrupted && !errors.Is(context.Cause(ctx), errTimeout) {
			return exitInterrupted
		}
		return exitStopped
	}
	return exitError
}
