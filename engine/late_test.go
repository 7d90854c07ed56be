package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// metrics is a recorder of datapoints that are known late.
type metrics struct {
	c           *cloud
	period, lag time.Duration
	start       func() (string, error)
	deaf        time.Time // from when on nothing can be read
	told        map[time.Time]int
}

func (m *metrics) Read(context.Context) (verdict.Observation, error) {
	return verdict.Observation{}, errors.New("nobody reads what is followed")
}

func (m *metrics) Start(context.Context, time.Time) (string, error) {
	if m.start == nil {
		return "", nil
	}
	return m.start()
}

// Follow tells 100 for each period without a fault, and 1 for those that a fault has touched.
func (m *metrics) Follow(_ context.Context, from time.Time) (obs []verdict.Observation, next time.Time, err error) {
	now := time.Now()
	if !m.deaf.IsZero() && now.After(m.deaf) {
		return nil, from, errors.New("throttled")
	}
	next = from.Truncate(m.period)
	if next.Before(from) {
		next = next.Add(m.period)
	}
	for ; !next.Add(m.period + m.lag).After(now); next = next.Add(m.period) {
		value := 100.0
		if m.c.touchedIn(next, next.Add(m.period)) {
			value = 1
		}
		m.told[next]++
		obs = append(obs, verdict.Observation{At: next, Span: m.period, Value: value})
	}
	return obs, next, nil
}

// touchedIn says whether a fault was there at any time between two.
func (c *cloud) touchedIn(from, to time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.lapses {
		if s[0].Before(to) && (s[1].IsZero() || s[1].After(from)) {
			return true
		}
	}
	return false
}

// late is an experiment with a metric by the minute, which is known a minute late.
func late(t *testing.T, c *cloud, expectation string) (*experiment.Experiment, Options, *metrics) {
	x := example(t)
	x.Measures = append(x.Measures, experiment.Measure{
		Name: "orders", Of: experiment.CloudWatch, Expect: expect(t, expectation), Every: 5 * time.Second, Timeout: 5 * time.Second,
		Probe: experiment.ProbeSpec{Period: time.Minute, Lag: time.Minute},
	})
	x.Loads[0].Rate = []experiment.RateStep{{From: 5, To: 5}}
	x.Phases = experiment.Phases{Baseline: time.Minute, BaselineMax: 5 * time.Minute, Fault: 3 * time.Minute, Recovery: 5 * time.Minute}
	o := options(t, c)
	m := &metrics{c: c, period: time.Minute, lag: time.Minute, told: map[time.Time]int{}}
	o.Registry.Probe = func(experiment.Measure) (Probe, error) { return m, nil }
	return x, o, m
}

// TestLateDatapoints: datapoints are judged in the phase in which all of their time lies, however late they are known, and once each.
func TestLateDatapoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		x, o, m := late(t, c, "value >= 50")
		var notes []string
		o.Observer = func(e Event) {
			if e.Kind == EventNote {
				notes = append(notes, e.Message)
			}
		}
		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		got := r.Measures[2]
		if r.Verdict != verdict.Disproved || !strings.Contains(r.Reason, "orders: value is 1 (in ") {
			t.Errorf("%s: %s", r.Verdict, r.Reason)
		}
		if got.Baseline.Outcome != verdict.Held || got.Baseline.Samples < 1 || got.Fault.Samples < 2 || got.Fault.Samples > 3 || got.Fault.Estimate != 1 || got.Recovery.Outcome != verdict.Held {
			t.Errorf("baseline %+v\nfault %+v\nrecovery %+v", got.Baseline, got.Fault, got.Recovery)
		}
		seconds := 0 // of which the chart shows something: those of whole minutes
		for _, p := range got.Series {
			if p.Stat != nil {
				seconds++
			}
		}
		if seconds < 5*60 || seconds%60 != 0 {
			t.Errorf("%d seconds are shown", seconds)
		}
		if !r.Recovery.Recovered || *r.Recovery.Seconds > 60 {
			t.Errorf("recovery %+v", r.Recovery)
		}
		for at, times := range m.told {
			if times > 1 {
				t.Errorf("%s was told %d times", at, times)
			}
		}
		if len(notes) != 0 {
			t.Errorf("the recovery took long enough for everything: %q", notes)
		}
		pristine(t, c)
	})
}

// TestLateEnd: the end of a run is waited for, and what is never known is a failure.
func TestLateEnd(t *testing.T) {
	for _, test := range []struct {
		name  string
		world func(x *experiment.Experiment, m *metrics)
		cut   time.Duration
		want  verdict.Outcome
		note  string
	}{
		{"known in time", func(x *experiment.Experiment, m *metrics) {}, 0, verdict.Held, "waiting, at most 2m10s, for what is known late: orders"},
		{"never known", func(x *experiment.Experiment, m *metrics) { m.deaf = time.Now().Add(5 * time.Minute) }, 0, verdict.Inconclusive, "its last datapoints were not known when the run ended"},
		{"nobody waits", func(x *experiment.Experiment, m *metrics) { m.lag = 100 * time.Second }, 6 * time.Minute, verdict.Inconclusive, "its last datapoints were not known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud()
				x, o, m := late(t, c, "value >= 0")
				x.Phases.Recovery = 3 * time.Second
				x.Phases.Baseline = 2 * time.Minute
				test.world(x, m)
				ctx := t.Context()
				if test.cut > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.cut)
					defer cancel()
				}
				var told []string
				o.Observer = func(e Event) { told = append(told, e.Message) }
				r, err := Run(ctx, x, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != test.want || !slices.ContainsFunc(told, func(s string) bool { return strings.Contains(s, test.note) }) {
					t.Errorf("%s: %s\n%q", r.Verdict, r.Reason, told)
				}
				pristine(t, c)
			})
		})
	}
}

// TestLateStages: the next stage begins when the one before is known to its end.
func TestLateStages(t *testing.T) {
	for expectation, stages := range map[string]int{"value >= 0": 2, "value >= 50": 1} {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud()
			x, o, _ := late(t, c, expectation)
			x.Stages = []float64{50, 100}
			r, err := Run(t.Context(), x, o)
			if err != nil {
				t.Fatal(err)
			}
			var lasted []time.Duration
			for _, span := range r.Phases {
				if span.Name == PhaseFault {
					lasted = append(lasted, span.End.Sub(span.Start))
				}
			}
			if len(lasted) != stages || lasted[0] < 4*time.Minute-time.Second && stages == 2 || lasted[0] > 5*time.Minute+15*time.Second {
				t.Errorf("%s: stages took %v: %s", expectation, lasted, r.Reason)
			}
			if stages == 2 && lasted[1] != 3*time.Minute {
				t.Errorf("nobody waits for the last stage: %v", lasted)
			}
		})
	}
}

// TestStarters: what must be known before a run is, or there is none.
func TestStarters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		x, o, m := late(t, c, "value >= 0")
		m.start = func() (string, error) { return "history is 600", nil }
		r, err := Run(t.Context(), x, o)
		if err != nil || !slices.Contains(r.Notes, "orders: history is 600") {
			t.Errorf("%q, %v", r.Notes, err)
		}
		c = newCloud()
		x, o, m = late(t, c, "value >= 0")
		m.start = func() (string, error) { return "", errors.New("there is no history") }
		r, err = Run(t.Context(), x, o)
		if err != nil || r.Verdict != verdict.Error || !strings.Contains(r.Error, `measure "orders": there is no history`) || c.touched() {
			t.Errorf("%s: %s, %v", r.Verdict, r.Error, err)
		}
	})
}

// window is a probe that counts the seconds of its phase.
type window struct{}

func (window) Read(context.Context) (verdict.Observation, error) { return verdict.Observation{}, nil }

func (w window) ReadBetween(ctx context.Context, from, until time.Time) (verdict.Observation, error) {
	return verdict.Observation{At: time.Now(), Value: until.Sub(from).Seconds()}, nil
}

// TestWindows: a probe of a window is asked about the current phase, and in the end about all of it.
func TestWindows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Measures = append(x.Measures, experiment.Measure{Name: "since", Of: experiment.Logs, Expect: expect(t, "value <= 20"), Every: time.Second, Timeout: time.Second, Probe: experiment.ProbeSpec{Lag: 20 * time.Second}})
		o := options(t, c)
		o.Registry.Probe = func(experiment.Measure) (Probe, error) { return window{}, nil }
		r, err := Run(t.Context(), x, o)
		if err != nil || r.Verdict != verdict.Held {
			t.Fatalf("%s: %s, %v", r.Verdict, r.Reason, err)
		}
		if f := r.Measures[2].Fault; f.Interval.Low > 1 || f.Interval.High != 20 || f.Estimate != 20 || f.Samples < 20 {
			t.Errorf("%+v", f)
		}
		if late := r.Ended.Sub(r.Phases[1].End); late < 20*time.Second || late > 25*time.Second {
			t.Errorf("the whole phase was read %s after its end", late)
		}
	})
	synctest.Test(t, func(t *testing.T) { // nobody waits for the end
		c, x := newCloud(), example(t)
		x.Measures = append(x.Measures, experiment.Measure{Name: "since", Of: experiment.Logs, Expect: expect(t, "value <= 20"), Every: time.Second, Timeout: time.Second, Probe: experiment.ProbeSpec{Lag: 20 * time.Second}})
		o := options(t, c)
		o.Registry.Probe = func(experiment.Measure) (Probe, error) { return window{}, nil }
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		r, err := Run(ctx, x, o)
		if err != nil || r.Verdict != verdict.Inconclusive || !strings.Contains(strings.Join(r.Notes, " "), "interrupted before the whole phase was known") {
			t.Fatalf("%s: %s, %q, %v", r.Verdict, r.Reason, r.Notes, err)
		}
	})
}

// TestWaitsEndTogether: one request to stop ends all waits after a run, whatever is waited for first.
func TestWaitsEndTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		x, o, m := late(t, c, "value >= 0")
		x.Phases.Recovery = 3 * time.Second
		x.Measures = append(x.Measures, experiment.Measure{Name: "since", Of: experiment.Logs, Expect: expect(t, "value <= 1000"), Every: time.Second, Timeout: time.Second, Probe: experiment.ProbeSpec{Lag: 20 * time.Second}})
		o.Registry.Probe = func(of experiment.Measure) (Probe, error) {
			if of.Of == experiment.Logs {
				return window{}, nil
			}
			return m, nil
		}
		var asked time.Time
		o.Observer = func(e Event) {
			if !strings.Contains(e.Message, "for what is known late: since") {
				return
			}
			runs, _, err := o.State.Status(t.Context())
			if err == nil && len(runs) == 1 {
				err = o.State.RequestStop(t.Context(), runs[0].Run, "")
			}
			if err != nil || len(runs) != 1 {
				t.Errorf("%v, %v", runs, err)
			}
			asked = time.Now()
		}
		r, err := Run(t.Context(), x, o)
		if err != nil || r.Verdict != verdict.Inconclusive || asked.IsZero() || r.Ended.Sub(asked) > 5*time.Second {
			t.Errorf("%s: %s, %v; it ended %s after it was asked to", r.Verdict, r.Reason, err, r.Ended.Sub(asked))
		}
		pristine(t, c)
	})
}

func TestWhole(t *testing.T) {
	at := time.Now()
	obs := whole([]verdict.Observation{{At: at}, {At: at, Span: time.Minute}, {At: at.Add(time.Second), Span: time.Minute}}, at.Add(time.Minute))
	if len(obs) != 2 {
		t.Errorf("%v", obs)
	}
	f := &following{measure: experiment.Measure{Probe: experiment.ProbeSpec{Period: time.Minute}}, into: &store{}, next: at}
	f.giveUp(at.Add(150 * time.Second))
	got := f.into.close()
	if len(got) != 2 || !got[0].Failed || !math.IsNaN(got[0].Value) || got[0].Class != "unread" || f.behind(at.Add(150*time.Second)) {
		t.Errorf("%+v", got)
	}
}
