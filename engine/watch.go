package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

const (
	watchStep = 125 * time.Millisecond // of looking at the traffic
	ruleStep  = 250 * time.Millisecond // of evaluating stop rules
	statsStep = time.Second            // of live progress
)

// traffic is everything that makes observations.
type traffic struct {
	generators []Generator
	probes     []Probe
	followed   []*following
	phase      atomic.Pointer[time.Time] // when the current phase began; shared
	stores     map[string]*store         // by load.NAME, or a probed measure's name
	began      time.Time
	cancel     context.CancelFunc
	over       chan struct{} // closed when all have returned
}

// startTraffic begins the load and the readings. They outlive the caller's context, so that a stopped run is
// measured until everything is put back; finish ends them.
func (r *runner) startTraffic(at time.Time) {
	t := &r.traffic
	t.began, t.stores, t.over = at, map[string]*store{}, make(chan struct{})
	r.watch.rules, r.watch.stats = at, at
	ctx, cancel := context.WithCancel(r.undo)
	t.cancel = cancel
	var running []<-chan struct{}
	for i, g := range t.generators {
		name := "load." + r.x.Loads[i].Name
		s := &store{}
		t.stores[name] = s
		running = append(running, r.startGenerator(ctx, name, g, s))
	}
	for i, p := range t.probes {
		if p == nil {
			continue
		}
		m := r.x.Measures[i]
		s := &store{}
		t.stores[m.Name] = s
		done := make(chan struct{})
		running = append(running, done)
		work := func() { readEvery(ctx, r.read(p), m.Every, m.Timeout, s) }
		if late, ok := p.(Follower); ok {
			f := &following{Follower: late, measure: m, into: s, next: at}
			t.followed = append(t.followed, f)
			work = func() { f.run(ctx) }
		}
		go func() {
			defer close(done)
			work()
		}()
	}
	if alarms, every := stopAlarms(r.x); len(alarms) > 0 {
		done := make(chan struct{})
		running = append(running, done)
		go func() {
			defer close(done)
			r.watchAlarms(ctx, alarms, every)
		}()
	}
	go func() {
		for _, done := range running {
			<-done
		}
		close(t.over)
	}()
}

// startGenerator runs one load. One that ends before it is told to fails the run: without traffic the measures
// would judge silence.
func (r *runner) startGenerator(ctx context.Context, name string, g Generator, s *store) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := safely(func() error { return g.Run(ctx, s.add) })
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		err = fmt.Errorf("%s: %w", name, err)
		r.events <- event{kind: evStop, stop: &Stop{Kind: StopError, Reason: err.Error(), err: err}}
	}()
	return done
}

// read is how a probe is read.
func (r *runner) read(p Probe) func(context.Context) (verdict.Observation, error) {
	if w, ok := p.(WindowReader); ok {
		return func(ctx context.Context) (verdict.Observation, error) {
			return w.ReadBetween(ctx, *r.traffic.phase.Load(), time.Now())
		}
	}
	return p.Read
}

// readEvery reads a probe at its times until ctx ends. A reading that takes longer than the interval makes it
// skip, not pile up.
func readEvery(ctx context.Context, read func(context.Context) (verdict.Observation, error), every, timeout time.Duration, into *store) {
	if every <= 0 {
		every = time.Second
	}
	if timeout <= 0 {
		timeout = 5 * time.Second
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		at := time.Now()
		o, err := bounded(ctx, timeout, read)
		if ctx.Err() != nil {
			return // cut short by us: says nothing about the target
		}
		if err != nil {
			into.fail(err)
		}
		into.add(failedReading(o, at, err))
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// failedReading completes an observation: an error is an observation too.
func failedReading(o verdict.Observation, at time.Time, err error) verdict.Observation {
	if err != nil {
		if o == (verdict.Observation{}) {
			o.Value = math.NaN()
		}
		o.Failed = true
		if o.Class == "" {
			o.Class = "error"
		}
	}
	if o.At.IsZero() {
		o.At = at
	}
	return o
}

// A watcher remembers what it looked at last.
type watcher struct {
	rules, stats time.Time
	looked       time.Time   // at all
	wall         time.Time   // what the wall clock said then
	since        []time.Time // per stop rule: since when it has been true; zero while it is not
	harm         harmWatch
}

// look is called every watchStep.
func (r *runner) look() {
	now := time.Now()
	if gap := r.watch.asleep(now); gap > maxAsleep && r.m.state < restoring {
		err := fmt.Errorf("this machine was suspended for %s, or its clock was set: nobody watched the run meanwhile", gap.Round(time.Second))
		r.halt(StopError, err.Error())
	}
	r.watch.looked, r.watch.wall = now, now.Round(0)
	if r.traffic.stores == nil {
		return
	}
	if now.Sub(r.watch.rules) >= ruleStep && r.m.state < restoring {
		r.watch.rules = now
		r.checkRules(now)
		r.checkBudgets(now)
	}
	if r.m.state == observing {
		r.checkHarm(now)
	}
	if now.Sub(r.watch.stats) >= statsStep-watchStep/2 { // the ticks come a little early or late
		r.watch.stats = now
		r.tellStats(now)
	}
}

// maxAsleep is what a suspension may take before it ends a run. Clocks that are kept right by the network step by less.
const maxAsleep = 30 * time.Second

// asleep is how long the machine was suspended since the last look: by the wall clock it was longer than by its own, which
// stands still meanwhile, so that phases and max_duration go on past their time.
func (w watcher) asleep(now time.Time) time.Duration {
	if w.looked.IsZero() {
		return 0
	}
	return now.Round(0).Sub(w.wall) - now.Sub(w.looked)
}

// watchOrders looks for a request to stop, the kill switch, and whether the run is still this process's.
func (r *runner) watchOrders(ctx context.Context) {
	ticks := time.NewTicker(r.o.State.Pace())
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if stop := r.orders(ctx); stop != nil && ctx.Err() == nil {
			select {
			case r.events <- event{kind: evStop, stop: stop}:
			case <-ctx.Done():
			}
			return
		}
	}
}

func (r *runner) orders(ctx context.Context) *Stop { return r.o.State.orders(ctx, r.run, r.claim) }

// orders are those that somebody gave a run, or the loss of its claim; nil if there are none.
func (s *State) orders(ctx context.Context, run string, claim Claim) *Stop {
	if reason, ok := s.stopRequested(ctx, run); ok {
		return &Stop{Kind: StopRequested, Reason: "stop requested" + because(reason)}
	}
	if reason, ok := s.Engaged(ctx); ok {
		return &Stop{Kind: StopKillSwitch, Reason: "the kill switch was engaged" + because(reason)}
	}
	if err := claim.Held(ctx); err != nil {
		return &Stop{Kind: StopError, Reason: err.Error(), err: err}
	}
	return nil
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// checkRules evaluates the stop rules over what became known in their windows.
func (r *runner) checkRules(now time.Time) {
	if r.watch.since == nil {
		r.watch.since = make([]time.Time, len(r.x.Stop))
	}
	for i, rule := range r.x.Stop {
		window := min(max(rule.For, time.Second), now.Sub(r.traffic.began))
		s := r.source(rule.Of)
		if s == nil || window < time.Second {
			continue
		}
		x, ok := verdict.Estimate(rule.When, r.watched(rule.Of, s.arrived(now.Add(-window))), window)
		if !ok || !rule.When.Satisfied(x) {
			r.watch.since[i] = time.Time{}
			continue
		}
		if r.watch.since[i].IsZero() {
			r.watch.since[i] = now
		}
		if now.Sub(r.watch.since[i]) >= rule.For {
			r.obey(rule, fmt.Sprintf("stop rule %q came true: %s was %s%s", rule.When.Text, rule.Of, rule.When.Format(x), lasting(rule.For)))
			return
		}
	}
}

// watched are those observations that a stop rule is about: of a version's measure its own, and those that nobody else is known to have answered.
func (r *runner) watched(of string, obs []verdict.Observation) []verdict.Observation {
	for _, m := range r.x.Measures {
		if m.Name == of && m.ByVersion != "" {
			all := sidesOf(r.run, m, obs, nil)
			return slices.Concat(all.subject, all.lost)
		}
	}
	return obs
}

// obey ends the run because of a stop rule.
func (r *runner) obey(rule experiment.StopRule, reason string) {
	r.handle(event{kind: evStop, at: time.Now(), stop: &Stop{Kind: StopRule, Reason: reason, Line: rule.Line}})
}

func lasting(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " for " + d.String()
}

// source finds the observations of a measure, by its name or by the load it is of.
func (r *runner) source(of string) *store {
	if s := r.traffic.stores[of]; s != nil {
		return s
	}
	for _, m := range r.x.Measures {
		if m.Name == of && strings.HasPrefix(m.Of, "load.") {
			return r.traffic.stores[m.Of]
		}
	}
	return nil
}

// control is where the requests come from that a measure is compared with, if they are another load's.
func (r *runner) control(m experiment.Measure) *store { return r.traffic.stores[m.Against.Load] }

// latest is a measure's statistic over what became known in the last window.
func (r *runner) latest(m experiment.Measure, obs []verdict.Observation, window time.Duration, now time.Time) (float64, bool) {
	all := sidesOf(r.run, m, obs, r.control(m).arrived(now.Add(-window)))
	if m.Against.Compares() {
		return verdict.EstimateAgainst(m.Expect, all.subject, all.control)
	}
	return verdict.Estimate(m.Expect.Live(), all.subject, window)
}

// tellStats reports every measure over the last second, or the last readings where they are fewer.
func (r *runner) tellStats(now time.Time) {
	if r.o.Observer == nil {
		return
	}
	e := Event{Kind: EventStats, Phase: r.m.state.String(), Budgets: slices.Clone(r.budgets)}
	for _, m := range r.x.Measures {
		s := r.source(m.Name)
		if s == nil {
			continue
		}
		window := time.Second
		if m.Interval() > window { // what comes seldom is shown until there is news
			window = 2 * m.Interval()
		}
		obs := s.arrived(now.Add(-window))
		live := LiveMeasure{Name: m.Name, Count: len(obs)}
		for _, o := range obs {
			if o.Failed {
				live.Errors++
			}
		}
		if x, ok := r.latest(m, obs, window, now); ok {
			live.Value, live.Holds = finite(x), m.Expect.Live().Satisfied(x) || m.Expect.Fires() && r.m.state == observing
		}
		e.Measures = append(e.Measures, live)
	}
	r.tell(e)
}
