package engine

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A cloud is the world that the fakes change: values by target, and a log of every call.
type cloud struct {
	mu     sync.Mutex
	values map[string]string
	calls  []string
	shares []float64

	// fail, if set, is asked before each call ("prepare", "apply", ...) of a target.
	fail func(step, target string) error
	// latency is what users feel now, while a fault is there or not.
	healthy, broken time.Duration
	failing         bool           // broken requests fail
	unproven        bool           // injections cannot be counted
	silent          bool           // injections never fire
	slow            time.Duration  // what a change takes
	reading         time.Duration  // what a look into the log takes
	lease           time.Duration  // of the targets, where it is longer than the run's
	lag             int            // how often the log is asked before it shows anything
	marked          bool           // answers say by what they were hit
	run             string         // the run whose marks they carry
	after           time.Duration  // what users feel once the fault is gone; zero: as before it
	lapses          [][2]time.Time // when a fault was there, from and to; zero: it still is
}

func newCloud() *cloud {
	return &cloud{values: map[string]string{"a": "1", "b": "2"}, healthy: 10 * time.Millisecond, broken: 50 * time.Millisecond}
}

func (c *cloud) call(step, target string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, step+" "+target)
	if c.fail != nil {
		return c.fail(step, target)
	}
	return nil
}

// touched reports whether anything was ever applied.
func (c *cloud) touched() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.calls {
		if call[:5] == "apply" {
			return true
		}
	}
	return false
}

// fakeAction sets its target's value to "broken".
type fakeAction struct {
	c      *cloud
	target string
}

func (a *fakeAction) Prepare(ctx context.Context) (json.RawMessage, error) {
	time.Sleep(a.c.slow)
	if err := a.c.call("prepare", a.target); err != nil {
		return nil, err
	}
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	return json.Marshal(map[string]string{"target": a.target, "value": a.c.values[a.target]})
}

func (a *fakeAction) Apply(ctx context.Context, undo json.RawMessage) error {
	time.Sleep(a.c.slow)
	a.c.mu.Lock()
	a.c.values[a.target] = "broken" // before it fails: half done
	a.c.lapses = append(a.c.lapses, [2]time.Time{time.Now()})
	a.c.mu.Unlock()
	return a.c.call("apply", a.target)
}

func (a *fakeAction) Revert(ctx context.Context, undo json.RawMessage) error {
	var was map[string]string
	if err := json.Unmarshal(undo, &was); err != nil {
		return err
	}
	time.Sleep(a.c.slow)
	if err := a.c.call("revert", was["target"]); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return errors.New("the undo was cut short")
	}
	a.c.mu.Lock()
	defer a.c.mu.Unlock()
	a.c.values[was["target"]] = was["value"]
	for i := range a.c.lapses {
		if a.c.lapses[i][1].IsZero() {
			a.c.lapses[i][1] = time.Now()
		}
	}
	return nil
}

func (a *fakeAction) Renew(ctx context.Context, undo json.RawMessage, share float64) error {
	a.c.mu.Lock()
	a.c.shares = append(a.c.shares, share)
	a.c.mu.Unlock()
	return a.c.call("renew", a.target)
}

func (a *fakeAction) Lease() time.Duration { return a.c.lease }

func (a *fakeAction) Proof(ctx context.Context) (Proof, error) {
	switch {
	case a.c.unproven:
		return Proof{}, nil
	case a.c.reading > 0:
		select {
		case <-time.After(a.c.reading):
			return Proof{Known: true, Late: true, Planned: 7, Fired: 7}, nil
		case <-ctx.Done():
			return Proof{Late: true}, ctx.Err()
		}
	case a.c.lag > 0:
		a.c.lag--
		return Proof{Late: true}, errors.New("there is no such log yet")
	case a.c.silent:
		return Proof{Known: true, Planned: 5}, nil
	}
	return Proof{Known: true, Planned: 7, Fired: 7}, nil
}

func (a *fakeAction) Describe(ctx context.Context) (Description, error) {
	return Description{Target: a.target, Change: "break it", Where: "memory", Undo: "mend it"}, nil
}

// registry serves the cloud's actions, and loads of one request every 20 ms.
func (c *cloud) registry() Registry {
	return Registry{
		Actions: func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
			var all []Targeted
			for _, name := range cond.Target.Functions {
				all = append(all, Targeted{Action: &fakeAction{c, name}, Key: name, Label: name, Names: []string{name}})
			}
			if all != nil {
				return all, nil
			}
			if cond.Target.Lambda == "" {
				return nil, errors.New("no such target")
			}
			return []Targeted{{Action: &fakeAction{c, cond.Target.Lambda}, Key: cond.Target.Lambda, Names: []string{cond.Target.Lambda}}}, nil
		},
		Revert: func(kind string) (Action, error) { return &fakeAction{c: c}, nil },
		Load:   func(l experiment.Load) (Generator, error) { return &fakeLoad{c, l}, nil },
		Probe:  func(m experiment.Measure) (Probe, error) { return probeFunc(c.read), nil },
	}
}

type probeFunc func(ctx context.Context) (verdict.Observation, error)

func (f probeFunc) Read(ctx context.Context) (verdict.Observation, error) { return f(ctx) }

func (c *cloud) read(ctx context.Context) (verdict.Observation, error) {
	if err := c.call("read", "probe"); err != nil {
		return verdict.Observation{}, err
	}
	return verdict.Observation{At: time.Now(), Value: 42, Class: "ok"}, nil
}

type fakeLoad struct {
	c *cloud
	l experiment.Load
}

// Run makes a request whenever one is due. All share one goroutine, since under a fake clock nothing is late.
func (g *fakeLoad) Run(ctx context.Context, sink func(verdict.Observation)) error {
	step := time.Duration(float64(time.Second) / g.l.Rate[0].To)
	ticks := time.NewTicker(step)
	defer ticks.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		if err := g.c.call("load", g.l.Name); err != nil {
			return err
		}
		wg.Go(func() { sink(g.c.request()) })
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

func (c *cloud) request() verdict.Observation {
	c.mu.Lock()
	at, took, class := time.Now(), c.healthy, "200"
	failed, mark := false, ""
	switch {
	case c.values["a"] == "broken" || c.values["b"] == "broken":
		took, failed = c.broken, c.failing
		if c.marked {
			mark = fault.Mark{Run: c.run, Kinds: []fault.Kind{fault.Latency}}.String()
		}
	case c.after > 0 && c.wasBroken():
		took = c.after
	}
	c.mu.Unlock()
	if failed {
		class = "500"
	}
	time.Sleep(took)
	return verdict.Observation{At: at, Value: time.Since(at).Seconds(), Failed: failed, Class: class, Mark: mark}
}

// mark tells the cloud which run it is in.
func (c *cloud) mark(run string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.run = run
}

func (c *cloud) wasBroken() bool {
	for _, call := range c.calls {
		if call == "apply a" {
			return true
		}
	}
	return false
}

// expect parses an expectation that the test knows to be right.
func expect(t testing.TB, text string) verdict.Expectation {
	t.Helper()
	e, err := verdict.ParseExpectation(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// example is an experiment that holds: 50 requests a second, 50 ms under the fault, 400 ms allowed.
func example(t testing.TB) *experiment.Experiment {
	return &experiment.Experiment{
		File: "x.yaml", Title: "example", Objective: "it keeps answering",
		Loads: []experiment.Load{{Name: "web", HTTP: &experiment.HTTPRequest{Method: "GET", URL: "http://x", Headers: map[string]string{"Authorization": "hunter2"}},
			Rate: []experiment.RateStep{{From: 50, To: 50}}, Timeout: time.Second}},
		Measures: []experiment.Measure{
			{Name: "latency", Of: "load.web", Expect: expect(t, "p95 < 400ms")},
			{Name: "errors", Of: "load.web", Expect: expect(t, "error_rate < 2%")},
		},
		Conditions: []experiment.Condition{{Name: "slow", Fault: "latency", Target: experiment.Target{Lambda: "a"}, Percentage: 100}},
		Phases:     experiment.Phases{Baseline: 10 * time.Second, BaselineMax: 30 * time.Second, Fault: 20 * time.Second, Recovery: 10 * time.Second},
		Stages:     []float64{100}, Lease: 15 * time.Second,
	}
}

// options run against a cloud with a state folder of the test's own.
func options(t testing.TB, c *cloud) Options {
	return Options{Registry: c.registry(), State: NewState(t.TempDir())}
}

// pristine fails the test if anything in the cloud is not as it was.
func pristine(t testing.TB, c *cloud) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if want := map[string]string{"a": "1", "b": "2"}; !maps.Equal(c.values, want) {
		t.Errorf("left behind: %v, want %v", c.values, want)
	}
}
