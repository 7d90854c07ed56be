package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/drill"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

// A suite is what "verify" is asked for.
type suite struct {
	in       inputs
	own      house
	only     []string
	shard    string
	parallel int
	retries  int
	timeout  time.Duration
	failFast bool
	budget   string
	list     bool
	out      outputs
	logs     string
}

func (a *app) verifyCommand() *cobra.Command {
	var s suite
	cmd := &cobra.Command{
		Use:   "verify PATH...",
		Short: "Run many experiments, for a pipeline: one table, one exit code",
		Long: `Run experiments as one drill: files, and all .yaml files in folders and below them, in the order of their names. All of them are
checked before the first is run. The functions of --local are started once, for all.

Experiments run side by side if they reach nothing in common: no target, no address that requests are sent to, nothing that is
measured. --list says which ones do, and how long it takes.

The exit code is that of the worst verdict: an undo that is incomplete (10), a run that failed (1), an interruption (130), stopped, or
not all were run (5), disproved (3), inconclusive or not steady (4), and 0 only if every one held. Where GITHUB_STEP_SUMMARY names a file,
a summary is added to it.`,
		Example: `  firedrill verify experiments/ --junit verify.xml
  firedrill verify experiments/ --only 'slow-*' --retries 1 --timeout 20m
  firedrill verify experiments/ --list --parallel 8`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []string{"budget", "shard"} {
				if cmd.Flags().Changed(name) && cmd.Flags().Lookup(name).Value.String() == "" { // of a variable that nobody has set
					return usage("leave it out, or give it a value", "--%s is empty", name)
				}
			}
			return a.verify(cmd.Context(), args, s)
		},
	}
	s.in.register(cmd)
	s.in.signing.register(cmd)
	s.in.labels.register(cmd)
	s.in.prices.register(cmd)
	s.own.register(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&s.only, "only", nil, "run only those whose file name, without .yaml, matches one of these patterns")
	flags.StringVar(&s.shard, "shard", "", "run one machine's part: I/N is the I-th of N, 1/4 to 4/4")
	flags.IntVar(&s.parallel, "parallel", 0, "run so many side by side at most; 1: all in order (default 4; with --local one for two processors, 4 at most)")
	flags.IntVar(&s.retries, "retries", 0, "run an experiment again, so many times at most, whose verdict is inconclusive")
	flags.DurationVar(&s.timeout, "timeout", 0, "begin no experiment after this time, and stop those that are going on")
	flags.BoolVar(&s.failFast, "fail-fast", false, "begin no other experiment once one did not hold")
	flags.StringVar(&s.budget, "budget", "", "what all experiments may spend together: errors=N failed requests, invocations=N injections, cost=N US dollars; several with commas")
	flags.BoolVar(&s.list, "list", false, "run nothing: say what would be run, in which order, and how long it takes")
	s.out.register(cmd)
	flags.StringVar(&s.logs, "logs", "", "with --local: write the functions' logs to this file, or - for standard error")
	return cmd
}

// A verification is a suite that was read: what it asks for has a meaning.
type verification struct {
	*suite
	files  []string
	passed []string // files in folders that are no experiments
	part   drill.Shard
	spend  drill.Budget
}

// widest is how many experiments run side by side unless somebody says otherwise.
const widest = 4

func (a *app) verify(parent context.Context, paths []string, s suite) error {
	v, err := readSuite(&s, paths)
	if err != nil {
		return err
	}
	logw, closeLogs, err := openLogs(s.logs)
	if err != nil {
		return err
	}
	defer closeLogs()
	if s.in.guards, err = a.guards(s.own); err != nil {
		return err
	}
	if s.list {
		_, err := a.prepare(parent, v, logw, func(_ context.Context, p prepared) (report.Drill, error) { return nil, a.listDrill(v, p.jobs) })
		return err
	}
	if err := s.out.begin(a); err != nil {
		return err
	}
	d, err := a.prepare(parent, v, logw, a.drill)
	return s.out.end(a, d, err)
}

// prepared is a suite that can be run.
type prepared struct {
	*verification
	jobs       []drill.Job
	world      *session
	interrupts *interrupts
}

// prepare checks files, opens the world of their experiments and has something done there. The drill that comes back has every file,
// whatever happens.
func (a *app) prepare(parent context.Context, v *verification, logs io.Writer, do func(context.Context, prepared) (report.Drill, error)) (report.Drill, error) {
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	if v.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, v.timeout, errTimeout)
		defer cancel()
	}
	world, err := a.open(ctx, v.in, logs)
	if err != nil {
		err = early(ctx, err)
		return notBegun(v.files, err), err
	}
	defer a.leave(ctx, world)
	jobs, d, err := a.jobs(v, world)
	if err != nil {
		return d, err
	}
	if v.parallel > 1 || v.list || v.spend != (drill.Budget{}) {
		resolve(ctx, jobs, world, v)
	}
	return do(ctx, prepared{v, jobs, world, interrupts})
}

// notBegun is a drill of which nothing was run: it was ended before, or could not be begun.
func notBegun(files []string, err error) report.Drill {
	x := report.Drilled{Refused: err.Error()}
	f := (*failure)(nil)
	switch {
	case !errors.As(err, &f):
	case f.code == exitInterrupted || f.code == exitStopped:
		x = report.Drilled{NotRun: err.Error()}
	default:
		x.Hint = f.hint
	}
	d := slices.Repeat(report.Drill{x}, len(files))
	for i, file := range files {
		d[i].File = file
	}
	return d
}

var errTimeout = errors.New("the time of --timeout is over")

// readSuite makes sense of flags and paths.
func readSuite(s *suite, paths []string) (*verification, error) {
	v := &verification{suite: s}
	var err error
	if s.shard != "" {
		if v.part, err = drill.ParseShard(s.shard); err != nil {
			return nil, usage("write --shard 1/4: the first of four", "--shard: %w", err)
		}
	}
	if s.budget != "" {
		if v.spend, err = drill.ParseBudget(s.budget); err != nil {
			return nil, usage("write --budget errors=200,invocations=5000", "--budget: %w", err)
		}
	}
	if s.parallel < 0 || s.retries < 0 || s.timeout < 0 {
		return nil, usage("", "--parallel, --retries and --timeout are not negative")
	}
	if s.parallel == 0 {
		s.parallel = widest
		if s.in.local != "" {
			s.parallel = min(max(runtime.GOMAXPROCS(0)/2, 1), widest)
		}
	}
	search := drill.Search{Only: s.only, Read: readFile}
	v.files, v.passed, err = search.Files(paths)
	if f := (*failure)(nil); err != nil && !errors.As(err, &f) {
		err = refused(exitUsage, err)
	}
	return v, err
}

// early is an error before the first run: an interruption, if that is what it comes from.
func early(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errTimeout) {
		return &failure{code: exitStopped, err: fmt.Errorf("%w before anything was injected: %w", errTimeout, err)}
	}
	return &failure{code: exitInterrupted, err: fmt.Errorf("interrupted before anything was injected: %w", err)}
}

// leave ends what a world has started.
func (a *app) leave(ctx context.Context, world *session) {
	if err := world.close(ctx); err != nil {
		fmt.Fprintf(a.stderr, "firedrill: warning: %v\n", err)
	}
}

// jobs checks all files, finds out what each experiment says that it reaches, and takes the shard's part of them. If one is wrong, the
// drill says so of each.
func (a *app) jobs(v *verification, world *session) ([]drill.Job, report.Drill, error) {
	var all []drill.Job
	var errs []error
	var d report.Drill
	behind, err := a.behind(v.in.local, world)
	if err != nil {
		return nil, notBegun(v.files, err), err
	}
	for _, file := range v.files {
		x, source, found, err := a.parse(file, world.vars)
		a.warn(found)
		if err != nil {
			errs = append(errs, err)
			d = append(d, unbegun(file, err))
			continue
		}
		length, _ := engine.Length(x, v.in.guards)
		j := drill.Job{File: file, Experiment: x, Source: source, Length: length, Reach: drill.ReachOf(x, v.in.guards)}
		j.Reach.Behind(world.vars["api"], behind...)
		all = append(all, j)
		d = append(d, report.Drilled{File: file, Title: x.Title})
	}
	if err := a.reportAll(errs); err != nil {
		return nil, d, err
	}
	return v.part.Choose(all, v.in.local == ""), nil, nil
}

// behind are the functions that a functions file puts behind its HTTP API.
func (a *app) behind(file string, world *session) ([]string, error) {
	if world.host == nil {
		return nil, nil
	}
	config, err := a.parseFunctions(file)
	if err != nil || config.HTTP == nil {
		return nil, err
	}
	var names []string
	for _, route := range config.HTTP.Routes {
		names = append(names, route.Function)
	}
	return names, nil
}

// resolve adds to what each experiment says of itself what its targets turn out to be and, for a budget, what it will spend. One whose
// targets cannot be found runs alone, and says itself what is wrong.
func resolve(ctx context.Context, jobs []drill.Job, world *session, v *verification) {
	var all sync.WaitGroup
	some := make(chan struct{}, 2*widest)
	for i := range jobs {
		j := &jobs[i]
		some <- struct{}{}
		all.Go(func() {
			defer func() { <-some }()
			registry := world.guarded(j.Experiment)
			names, err := engine.Reach(ctx, j.Experiment, registry)
			if err != nil {
				j.Reach.Alone = cmp.Or(j.Reach.Alone, "its targets cannot be resolved: "+strings.ReplaceAll(err.Error(), "\n", "; "))
			}
			j.Reach.Add(names...)
			if v.spend == (drill.Budget{}) {
				return
			}
			j.Prediction = engine.Predict(j.Experiment)
			if p, err := engine.Plan(ctx, j.Experiment, engine.Options{Registry: registry, Guards: v.in.guards}); err == nil {
				j.Prediction = p.Prediction
			}
		})
	}
	all.Wait()
}

// drill runs the jobs. The end of ctx stops those that are going on, and begins no other.
func (a *app) drill(ctx context.Context, p prepared) (report.Drill, error) {
	state, err := a.openState(ctx)
	if err != nil {
		err = early(ctx, err)
		return notBegun(p.files, err), err
	}
	if len(p.jobs) == 0 && a.output == "text" {
		_, err := fmt.Fprintf(a.stdout, "no experiment is in shard %s\n", p.shard)
		return nil, err
	}
	out := newRelay(a.stderr)
	board := a.newBoard(p.jobs, out)
	p.interrupts.watch(board)
	for _, file := range p.passed {
		board.say(file + ": passed over, it is no experiment")
	}
	outcomes, err := drill.Run(ctx, p.jobs, drill.Options{
		Width: p.parallel, Retries: p.retries, FailFast: p.failFast, Budget: p.spend, Watch: board.standing,
		Run: func(ctx context.Context, j *drill.Job, link drill.Link) (*engine.Result, error) {
			row := board.begin(j, link.Attempt)
			defer board.end(row)
			return runLinked(ctx, j, link, row, runOptions(j.Experiment, j.Source, p.world, slices.Concat(p.in.guards, link.Guards), state))
		},
	})
	board.clear()
	out.close()
	return drilled(outcomes), a.concludeAll(outcomes, err)
}

// runLinked runs one experiment of a drill, and shows it in a row.
func runLinked(ctx context.Context, j *drill.Job, link drill.Link, row *row, o engine.Options) (*engine.Result, error) {
	o.Observer = func(e engine.Event) { link.Observe(e); row.observe(e) }
	o.Wait = func(ctx context.Context, held *engine.TargetHeld) bool {
		row.note(fmt.Sprintf("waits: %v", held))
		return link.Wait(ctx, held)
	}
	result, err := engine.Run(ctx, j.Experiment, o)
	if result == nil {
		return nil, refused(exitError, err)
	}
	if err != nil {
		row.note(fmt.Sprintf("warning: %v", err))
	}
	return result, nil
}
