package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A RehearsedStop is one way to stop a run that was tried, on the engine itself.
type RehearsedStop struct {
	Way      string        `json:"way"`
	Injected int           `json:"injected"` // targets, before the stop
	PutBack  int           `json:"put_back"`
	Took     time.Duration `json:"took"`  // from the stop's cause to the last undo; the undo itself took no time
	Bound    time.Duration `json:"bound"` // what it may take
	Error    string        `json:"error,omitempty"`
}

// How a rehearsed run differs from a real one.
const (
	rehearsedBaseline = 300 * time.Millisecond
	rehearsedFault    = 30 * time.Second // the stop comes long before
	rehearsedStep     = 20 * time.Millisecond
	rehearsedLimit    = 5 * time.Second // in place of guards.max_duration
	rehearsedBudget   = 10              // in place of a larger one
	noticed           = 5 * time.Second // within which a run must have noticed that it is to stop
)

// A way is one that leads to the end of a run.
type way struct {
	name     string
	kind     StopKind
	rule     *experiment.StopRule
	alarm    experiment.Alarm
	guards   experiment.Guards
	trip     func(ctx context.Context, s *stage, run string) error // nil: what is observed after the injection does it
	calm     traits                                                // what is observed before
	tripping traits                                                // and after
	broken   string                                                // why it cannot be tried
}

// A stage is where one way is tried: a run of the engine with actions that only note what is done to them.
type stage struct {
	way       way
	state     *State
	run       string
	interrupt context.CancelFunc

	mu       sync.Mutex
	all      int
	applied  int
	undone   int
	tripped  time.Time // zero: not yet
	lastUndo time.Time
	ready    chan struct{} // closed when everything is injected
}

// rehearse runs the experiment until the way has ended it.
func (w way) rehearse(ctx context.Context, x *experiment.Experiment, o Options, changes []*change) RehearsedStop {
	bound := o.UndoTimeout
	if bound <= 0 {
		bound = undoTimeout
	}
	out := RehearsedStop{Way: w.name, Bound: bound + noticed, Error: w.broken}
	if w.broken != "" {
		return out
	}
	dir, err := os.MkdirTemp("", "firedrill-rehearsal-")
	if err != nil {
		out.Error = err.Error()
		return out
	}
	defer os.RemoveAll(dir)
	s := &stage{way: w, state: NewState(dir), all: len(changes), ready: make(chan struct{})}
	ctx, s.interrupt = context.WithCancel(ctx)
	defer s.interrupt()
	failed := make(chan error, 1)
	go func() { failed <- s.end(ctx) }()
	r, err := Run(ctx, w.shorten(x), Options{
		Registry: s.registry(changes), State: s.state, Parallel: o.Parallel, UndoTimeout: o.UndoTimeout,
		Observer: func(e Event) { s.named(e.Run) },
	})
	s.interrupt()
	s.judge(&out, r, errors.Join(err, <-failed))
	return out
}

// shorten is the experiment with everything injected at once, for as short as can be.
func (w way) shorten(x *experiment.Experiment) *experiment.Experiment {
	c := *x
	c.Phases = experiment.Phases{Baseline: rehearsedBaseline, BaselineMax: rehearsedFault, Fault: rehearsedFault}
	c.Stages, c.Lease, c.Stop, c.Guards = []float64{100}, 0, nil, w.guards
	if w.rule != nil {
		c.Stop = []experiment.StopRule{*w.rule}
	}
	c.Conditions = append([]experiment.Condition(nil), x.Conditions...)
	for i := range c.Conditions {
		c.Conditions[i].After, c.Conditions[i].Delay, c.Conditions[i].For = "", 0, 0
	}
	c.Measures = append([]experiment.Measure(nil), x.Measures...)
	for i := range c.Measures {
		m := &c.Measures[i]
		if !isLoad(x, m.Of) {
			m.Of = "rehearsal"
		}
		m.Expect = verdict.Expectation{Text: "error_rate <= 100%", Statistic: "error_rate", Op: "<=", Threshold: 1, Unit: verdict.Ratio} // of any observation
		m.Every = rehearsedStep
	}
	return &c
}

// registry has the targets as they were resolved, and nothing that reaches them.
func (s *stage) registry(changes []*change) Registry {
	return Registry{
		Actions: func(_ context.Context, c experiment.Condition, _ ActionParams) ([]Targeted, error) {
			var out []Targeted
			for _, ch := range changes {
				if ch.of != c.Name {
					continue
				}
				out = append(out, Targeted{
					Action: s.action(ch), Key: ch.key, Label: strings.TrimPrefix(strings.TrimPrefix(ch.Name, ch.of), ": "), Fixed: ch.fixed,
				})
			}
			return out, nil
		},
		Load:   func(experiment.Load) (Generator, error) { return rehearsedLoad{s}, nil },
		Probe:  func(experiment.Measure) (Probe, error) { return rehearsedProbe{s}, nil },
		Alarms: s.alarms,
	}
}

// named learns the run's name.
func (s *stage) named(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
}

// end waits until everything is injected, then has the run stopped.
func (s *stage) end(ctx context.Context) error {
	select {
	case <-s.ready:
	case <-ctx.Done():
		return nil // judge says what is missing
	}
	s.mu.Lock()
	s.tripped = time.Now()
	run := s.run
	s.mu.Unlock()
	if s.way.trip == nil {
		return nil
	}
	return s.way.trip(context.WithoutCancel(ctx), s, run)
}

// judge says whether the way leads where it should.
func (s *stage) judge(out *RehearsedStop, r *Result, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out.Injected, out.PutBack = s.applied, s.undone
	if cause := s.cause(r); !cause.IsZero() && !s.lastUndo.IsZero() {
		out.Took = s.lastUndo.Sub(cause)
	}
	switch {
	case err != nil:
		out.Error = err.Error()
	case r.Stop == nil:
		out.Error = "it does not stop the run"
	case r.Stop.Kind != s.way.kind:
		out.Error = fmt.Sprintf("the run was stopped by something else: %s", r.Stop.Reason)
	case s.applied != s.all:
		out.Error = fmt.Sprintf("only %d of %d targets were injected by then", s.applied, s.all)
	case s.undone != s.applied || len(r.Residue) > 0:
		out.Error = fmt.Sprintf("only %d of %d targets were put back", s.undone, s.applied)
	case out.Took > out.Bound:
		out.Error = fmt.Sprintf("it took %s, more than %s", out.Took, out.Bound)
	}
}

// cause is since when there is a reason to stop. s.mu is held.
func (s *stage) cause(r *Result) time.Time {
	if s.way.kind == StopDeadline && r != nil && r.Stop != nil {
		return r.Stop.At
	}
	return s.tripped
}

// after says whether the cause of the stop is there.
func (s *stage) after() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.tripped.IsZero()
}

// A rehearsedAction notes what is done to it.
type rehearsedAction struct {
	s       *stage
	applied bool
	undone  bool
}

// rehearsedLease is one whose kind has a lease.
type rehearsedLease struct{ *rehearsedAction }

func (s *stage) action(ch *change) Action {
	a := &rehearsedAction{s: s}
	if _, ok := ch.action.(Renewer); ok {
		return rehearsedLease{a}
	}
	return a
}

// Prepare implements Action.
func (a *rehearsedAction) Prepare(context.Context) (json.RawMessage, error) {
	return json.RawMessage("{}"), nil
}

// Apply implements Action.
func (a *rehearsedAction) Apply(context.Context, json.RawMessage) error {
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	a.applied = true
	if a.s.applied++; a.s.applied == a.s.all {
		close(a.s.ready)
	}
	return nil
}

// Revert implements Action.
func (a *rehearsedAction) Revert(ctx context.Context, _ json.RawMessage) error {
	if ctx.Err() != nil {
		return errors.New("the undo was cut short with the run")
	}
	a.s.mu.Lock()
	defer a.s.mu.Unlock()
	if a.applied && !a.undone {
		a.undone = true
		a.s.undone++
		a.s.lastUndo = time.Now()
	}
	return nil
}

// Proof implements Prover.
func (a *rehearsedAction) Proof(context.Context) (Proof, error) {
	if a.s.after() {
		return Proof{Known: true, Planned: rehearsedBudget, Fired: rehearsedBudget}, nil
	}
	return Proof{Known: true}, nil
}

// Renew implements Renewer.
func (a rehearsedLease) Renew(context.Context, json.RawMessage, float64) error { return nil }

// alarms are quiet until the way's own fires.
func (s *stage) alarms(_ context.Context, alarms []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
	out := map[experiment.Alarm]verdict.AlarmState{}
	for _, a := range alarms {
		out[a] = verdict.AlarmOK
		if a == s.way.alarm && s.after() {
			out[a] = verdict.AlarmFiring
		}
	}
	return out, nil
}

// traits are what the observations of a second are like.
type traits struct {
	perSecond int
	value     float64
	failed    bool
}

// usual is what is observed where nothing else is asked for.
func usual() traits { return traits{perSecond: int(time.Second / rehearsedStep), value: 0.001} }

func failing() traits {
	return traits{perSecond: int(time.Second / rehearsedStep), value: math.Inf(1), failed: true}
}

func (t traits) observation() verdict.Observation {
	o := verdict.Observation{At: time.Now(), Value: t.value, Failed: t.failed, Class: "200"}
	if t.failed {
		o.Class = "error"
	}
	return o
}

func (s *stage) traits() traits {
	t := s.way.calm
	if s.after() && s.way.trip == nil {
		t = s.way.tripping
	}
	if t == (traits{}) {
		return usual()
	}
	return t
}

// rehearsedLoad is traffic that nobody sends.
type rehearsedLoad struct{ s *stage }

// Run implements Generator.
func (l rehearsedLoad) Run(ctx context.Context, sink func(verdict.Observation)) error {
	ticks := time.NewTicker(rehearsedStep)
	defer ticks.Stop()
	for {
		t := l.s.traits()
		for range t.perSecond * int(rehearsedStep) / int(time.Second) {
			sink(t.observation())
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// rehearsedProbe reads a measure that nobody takes.
type rehearsedProbe struct{ s *stage }

// Read implements Probe.
func (p rehearsedProbe) Read(context.Context) (verdict.Observation, error) {
	return p.s.traits().observation(), nil
}

// ruleWay is a stop rule, with observations that keep it quiet and others that make it come true.
func ruleWay(rule experiment.StopRule) way {
	if rule.Alarm.Name != "" {
		rule.Every = time.Second
		return way{name: "alarm " + rule.Alarm.String(), kind: StopRule, rule: &rule, alarm: rule.Alarm}
	}
	rule.For = min(rule.For, time.Second) // its own time is not waited for
	w := way{name: fmt.Sprintf("stop rule %s: %s", rule.Of, rule.When.Text), kind: StopRule, rule: &rule}
	var calm, tripping bool
	for _, t := range candidates(rule.When) {
		switch holds := t.make(rule.When); {
		case holds && !tripping:
			w.tripping, tripping = t, true
		case !holds && !calm && t.perSecond > 0:
			w.calm, calm = t, true
		}
	}
	switch {
	case !tripping:
		w.broken = "no observations were found that make it come true: can it?"
	case !calm:
		w.broken = "no observations were found that leave it quiet: it would stop every run"
	}
	return w
}

// make says whether a second of such observations makes a rule come true.
func (t traits) make(e verdict.Expectation) bool {
	obs := make([]verdict.Observation, t.perSecond)
	for i := range obs {
		obs[i] = t.observation()
	}
	x, ok := verdict.Estimate(e, obs, time.Second)
	return ok && e.Satisfied(x)
}

// maxRehearsedRate bounds the observations of a second.
const maxRehearsedRate = 200_000

// candidates are seconds of which some make a rule come true and some do not: nothing but successes or failures, values and
// numbers of them around the rule's threshold.
func candidates(e verdict.Expectation) []traits {
	some, limit := usual().perSecond, e.Threshold
	out := []traits{usual(), failing()}
	for _, v := range []float64{limit, limit * 2, limit / 2, limit + 1, limit - 1, 0} {
		out = append(out, traits{perSecond: some, value: v})
	}
	if e.Statistic == "rate" || e.Statistic == "count" {
		most := int(math.Min(limit*2, maxRehearsedRate))/some*some + 2*some
		out = append(out, traits{perSecond: most, value: 0.001}, traits{perSecond: 0, value: 0.001})
		for _, n := range []int{int(math.Min(limit, maxRehearsedRate))} {
			out = append(out, traits{perSecond: n - n%some, value: 0.001})
		}
	}
	return out
}
