package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/sweep"
)

// A sweeping is what "sweep" is asked for.
type sweeping struct {
	in        inputs
	own       house
	over      string
	set       []string
	precision string
	atLeast   string
	maxRuns   int
	patience  float64
	timeout   time.Duration
	dry       bool
	logs      string
}

func (a *app) sweepCommand() *cobra.Command {
	var s sweeping
	cmd := &cobra.Command{
		Use:   "sweep FILE --over PATH=FROM..TO",
		Short: "Find the breaking point: the value from which on an experiment no longer holds",
		Long: `Run an experiment again and again with other values of one of its settings, until it is known up to where it holds and from where on
it does not. The range goes from gentle to harsh. Each run is an ordinary one, with its own guards, undo and report; the functions of --local
are started once. Ctrl-C, "firedrill stop" and the kill switch end the sweep, and so does an undo that is incomplete.

The exit code is 0 if the breaking point was found or nothing broke, 3 if it does not hold even at the gentle end, and 4 if the
runs do not say. With --at-least it is 0 if it holds up to there, 3 if it does not, and 4 if the runs do not say.`,
		Example: `  firedrill sweep slow.yaml --over 'conditions[0].with.{min,max}=0ms..2s'
  firedrill sweep slow.yaml --over 'conditions["slow inventory"].percentage=1..100' --at-least 25
  firedrill sweep busy.yaml --over load.purchase.rate=10/s..500/s --precision 10% --dry-run`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.sweep(cmd.Context(), args[0], s) },
	}
	s.in.register(cmd)
	s.in.signing.register(cmd)
	s.in.labels.register(cmd)
	s.own.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.over, "over", "", "PATH=FROM..TO: what to vary, from gentle to harsh; {min,max} at the end of a path sets both, and NAME a variable")
	flags.StringArrayVar(&s.set, "set", nil, "PATH=VALUE to use in place of what the file says, in all runs (repeatable)")
	flags.StringVar(&s.precision, "precision", "5%", "how far apart the answer's two ends may be: a share of the breaking point, or an amount such as 10ms")
	flags.StringVar(&s.atLeast, "at-least", "", "exit with 0 only if it holds up to this value, and with 3 if it does not")
	flags.IntVar(&s.maxRuns, "max-runs", sweep.DefaultMaxRuns, "make so many runs at most")
	flags.Float64Var(&s.patience, "patience", sweep.DefaultPatience, "repeat an undecided run with a fault phase that is up to so many times as long")
	flags.DurationVar(&s.timeout, "timeout", 0, "begin no run after this time, and stop the one that is going on")
	flags.BoolVar(&s.dry, "dry-run", false, "show what the harshest run would do, and how many there would be; touch nothing")
	flags.StringVar(&s.logs, "logs", "", "with --local: write the functions' logs to this file, or - for standard error")
	_ = cmd.MarkFlagRequired("over")
	return cmd
}

// A hunt is a sweep under way.
type hunt struct {
	a        *app
	world    *session
	guards   []experiment.Guards
	file     string
	source   []byte
	over     experiment.Path
	set      []experiment.Setting
	search   sweep.Search
	usual    time.Duration // the fault phase that the file asks for
	atLeast  string
	gentle   *experiment.Experiment // at the ends of the range
	harsh    *experiment.Experiment
	traffic  bool // it is the traffic that varies, which is there before the fault, too
	unsteady int  // runs in a row that did not begin
	report   sweep.Report
	last     *engine.Result
}

func (a *app) sweep(parent context.Context, file string, s sweeping) error {
	logw, closeLogs, err := openLogs(s.logs)
	if err != nil {
		return err
	}
	defer closeLogs()
	if s.in.guards, err = a.guards(s.own); err != nil {
		return err
	}
	h, err := a.newHunt(file, s)
	if err != nil {
		return err
	}
	ctx, interrupts := a.interruptible(parent)
	defer interrupts.release()
	if s.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, s.timeout, errTimeout)
		defer cancel()
	}
	if s.dry {
		logw = io.Discard
	}
	if h.world, err = a.open(ctx, s.in, logw); err != nil {
		return early(ctx, err)
	}
	defer a.leave(ctx, h.world)
	if err := h.check(); err != nil {
		return err
	}
	if s.dry {
		return h.dryRun(ctx)
	}
	err = h.seek(ctx, interrupts)
	return errors.Join(err, h.conclude(ctx))
}

// newHunt reads the flags: whatever is wrong with them is found before anything is started.
func (a *app) newHunt(file string, s sweeping) (*hunt, error) {
	over, err := experiment.ParseSetting(s.over)
	if err != nil {
		return nil, usage("such as --over 'conditions[0].with.{min,max}=0ms..2s'", "--over: %w", err)
	}
	scale, err := sweep.ParseScale(over.Value)
	if err != nil {
		return nil, usage("such as --over 'conditions[0].with.{min,max}=0ms..2s'", "--over: %w", err)
	}
	h := &hunt{a: a, file: file, guards: s.in.guards, over: over.Path, atLeast: s.atLeast}
	h.search = sweep.Search{Scale: scale, Ask: math.NaN(), MaxRuns: s.maxRuns, Patience: s.patience}
	if h.search.Precision, err = scale.ParsePrecision(s.precision); err != nil {
		return nil, usage("such as --precision 5% or --precision 10ms", "--precision: %w", err)
	}
	if s.atLeast != "" {
		if h.search.Ask, err = scale.ParseValue(s.atLeast); err != nil {
			return nil, usage("", "--at-least: %w", err)
		}
		if p := scale.Position(h.search.Ask); p < 0 || p > 1 {
			return nil, usage("widen the range", "--at-least %s is outside of %s", s.atLeast, over.Value)
		}
	}
	if s.maxRuns < 3 || s.maxRuns > 1000 || !(s.patience >= 1 && s.patience <= 100) {
		return nil, usage("--max-runs from 3 to 1000, --patience from 1 to 100", "--max-runs %d --patience %g", s.maxRuns, s.patience)
	}
	for _, text := range s.set {
		setting, err := experiment.ParseSetting(text)
		if err != nil {
			return nil, usage("", "--set: %w", err)
		}
		h.set = append(h.set, setting)
	}
	h.source, err = readFile(file)
	return h, err
}

// at is the experiment with a value in place of what the file says, and the text of what is different.
func (h *hunt) at(t sweep.Trial) (*experiment.Experiment, []byte, []experiment.Problem, error) {
	set := append(h.set[:len(h.set):len(h.set)], experiment.Setting{Path: h.over, Value: h.search.Scale.Format(t.Value)})
	if t.Effort > 1 {
		longer, err := experiment.ParseSetting("phases.fault=" + time.Duration(t.Effort*float64(h.usual)).Round(time.Second).String())
		if err != nil {
			return nil, nil, nil, err
		}
		set = append(set, longer)
	}
	x, found, err := h.a.parseText(h.file, h.source, h.world.vars, set)
	if err != nil {
		return nil, nil, found, err
	}
	source := h.source
	for _, s := range set {
		source = append(source[:len(source):len(source)], ("\n# set " + s.String())...)
	}
	x.Title += ", at " + h.search.Scale.Format(t.Value)
	return x, source, found, nil
}

// check parses the experiment at both ends of the range, and with the longest fault phase, before anything is run.
func (h *hunt) check() error {
	ends := []*experiment.Experiment{nil, nil}
	for i, v := range []float64{h.search.Scale.From, h.search.Scale.To} {
		x, _, found, err := h.at(sweep.Trial{Value: v, Effort: 1})
		h.a.warn(found)
		if f := (*failure)(nil); errors.As(err, &f) {
			f.err = fmt.Errorf("with %s=%s: %w", h.over, h.search.Scale.Format(v), f.err)
			f.hint = coupled(h.over.String(), found)
		}
		if err != nil {
			return err
		}
		ends[i] = x
	}
	h.gentle, h.harsh = ends[0], ends[1]
	h.usual = h.gentle.Phases.Fault
	h.traffic = !reflect.DeepEqual(h.gentle.Loads, h.harsh.Loads)
	if why := h.fixed(); why != "" {
		h.search.Patience = 1
		h.note(why + ", so undecided runs are not made longer")
		return nil
	}
	if _, _, _, err := h.at(sweep.Trial{Value: h.search.Scale.To, Effort: h.search.Patience}); err != nil {
		f := &failure{code: exitUsage, err: fmt.Errorf("with a fault phase %g times as long (--patience): %w", h.search.Patience, err)}
		f.hint = "--patience 1, or raise what stands against it"
		return f
	}
	return nil
}

// fixed says why a longer fault phase would not be the same experiment for longer; empty if it would.
func (h *hunt) fixed() string {
	if h.gentle.Phases.Fault != h.harsh.Phases.Fault {
		return "the length of the fault phase is what varies"
	}
	for _, c := range slices.Concat(h.gentle.Conditions, h.harsh.Conditions) {
		if c.For > 0 || c.Delay > 0 {
			return "conditions have times of their own (for, delay)"
		}
	}
	return ""
}

// coupled is a hint for settings that are checked together.
func coupled(path string, found []experiment.Problem) string {
	if !slices.ContainsFunc(found, func(p experiment.Problem) bool { return strings.Contains(p.Message, "is less than min") }) {
		return ""
	}
	for _, end := range []string{".min", ".max"} {
		if base, ok := strings.CutSuffix(path, end); ok {
			return fmt.Sprintf("min and max belong together: set both with --over '%s.{min,max}=...', or choose a range in which both ends are right", base)
		}
	}
	return ""
}

func (h *hunt) note(text string) {
	if h.a.output == "text" && !h.a.quiet {
		fmt.Fprintf(h.a.stderr, "firedrill: note: %s\n", text)
	}
}

// dryRun shows the harshest run and the cost of all.
func (h *hunt) dryRun(ctx context.Context) error {
	x, source, _, err := h.at(sweep.Trial{Value: h.search.Scale.To, Effort: 1})
	if err != nil {
		return err
	}
	state, err := h.a.openState(ctx)
	if err != nil {
		return err
	}
	plan, err := engine.Plan(ctx, x, engine.Options{Registry: h.world.guarded(x), State: state, Guards: h.guards, Source: source})
	if err != nil {
		return refused(exitUsage, err)
	}
	p := x.Phases
	longest := p.BaselineMax + p.Recovery + time.Duration(h.search.Patience*float64(h.usual))*time.Duration(len(x.Stages))
	most := time.Duration(h.search.MaxRuns) * longest
	if h.a.output == "json" {
		return h.a.printJSON(map[string]any{"over": h.over.String(), "scale": h.search.Scale, "max_runs": h.search.MaxRuns, "longest_run": longest, "longest": most, "harshest": plan})
	}
	fmt.Fprintf(h.a.stdout, "The harshest of the runs would be:\n\n")
	h.a.printPlan(plan)
	fmt.Fprintf(h.a.stdout, "\nsweep    %s from %s to %s%s\n", h.over, h.search.Scale.Format(h.search.Scale.From), h.search.Scale.Format(h.search.Scale.To), byFactors(h.search.Scale))
	fmt.Fprintf(h.a.stdout, "runs     %d at most, each %s at most: %s at most in all; usually 6 to 12 of them\n", h.search.MaxRuns, longest, most)
	return nil
}

func byFactors(s sweep.Scale) string {
	if s.Log {
		return ", by factors"
	}
	return ""
}

// folder is where the report of a sweep is kept: beside the runs, under the name of the first.
func (h *hunt) folder() string {
	return filepath.Join(h.a.localFolder(), "sweeps", h.report.Runs[0].Run)
}

// write keeps the report and returns where.
func (h *hunt) write() (string, error) {
	if len(h.report.Runs) == 0 {
		return "", nil
	}
	page := filepath.Join(h.folder(), "sweep.html")
	if err := makeFolder(h.folder()); err != nil {
		return "", err
	}
	return page, errors.Join(
		writeWith(filepath.Join(h.folder(), "sweep.json"), func(w io.Writer) error { return report.SweepJSON(w, &h.report) }),
		writeWith(page, func(w io.Writer) error { return report.SweepHTML(w, &h.report) }))
}
