package engine

import (
	"context"
	"math"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

func TestSidesOf(t *testing.T) {
	versions := func(texts ...string) (out []verdict.Observation) {
		for _, text := range texts {
			out = append(out, verdict.Observation{Version: text})
		}
		return out
	}
	marks := func(texts ...string) (out []verdict.Observation) {
		for _, text := range texts {
			out = append(out, verdict.Observation{Mark: text})
		}
		return out
	}
	tests := []struct {
		name                   string
		measure                experiment.Measure
		own, other             []verdict.Observation
		subject, control, lost int
	}{
		{"another load", experiment.Measure{Against: experiment.Against{Load: "load.b"}}, versions("1", ""), versions("1", "2", ""), 2, 3, 0},
		{"one version", experiment.Measure{ByVersion: "2"}, versions("1", "2", "2", "", "3"), nil, 2, 0, 1},
		{"two versions", experiment.Measure{ByVersion: "2", Against: experiment.Against{Version: "1"}}, versions("1", "2", "2", "", "3"), nil, 2, 1, 1},
		{"hit and spared", experiment.Measure{Against: experiment.Against{Spared: true}}, marks("none;run=RUN", "latency;run=RUN", "latency;run=OTHER", ""), nil, 1, 1, 2},
		{"nothing", experiment.Measure{ByVersion: "2", Against: experiment.Against{Version: "1"}}, nil, nil, 0, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := sidesOf("RUN", tt.measure, tt.own, tt.other)
			if len(got.subject) != tt.subject || len(got.control) != tt.control || len(got.lost) != tt.lost {
				t.Errorf("subject %d, control %d, lost %d; want %d, %d, %d", len(got.subject), len(got.control), len(got.lost), tt.subject, tt.control, tt.lost)
			}
		})
	}
}

// TestLostRequestsAreNoPass: a version that answers fast or not at all must not look good because only its answers say which it is.
func TestLostRequestsAreNoPass(t *testing.T) {
	start := time.Unix(0, 0)
	var own []verdict.Observation
	add := func(n int, version string, failed bool) {
		for i := range n {
			own = append(own, verdict.Observation{At: start.Add(time.Duration(i) * 10 * time.Millisecond), Value: 0.1 + float64(i%10)/1000, Version: version, Failed: failed, Class: "200"})
		}
	}
	m := experiment.Measure{Name: "errors", ByVersion: "2", Against: experiment.Against{Version: "1"}, Expect: expect(t, "error_rate <= +5%")}
	add(1000, "1", false)
	add(1000, "2", false)
	judge := func() verdict.Finding {
		return sidesOf("RUN", m, own, nil).judge(m, start, start.Add(10*time.Second), 0)
	}
	if f := judge(); f.Outcome != verdict.Held {
		t.Fatalf("equal versions: %s, %s", f.Outcome, f.Reason)
	}
	add(20, "", true)
	if f := judge(); f.Outcome != verdict.Held {
		t.Errorf("20 without an answer cannot matter: %s, %s", f.Outcome, f.Reason)
	}
	add(300, "", true)
	if f := judge(); f.Outcome != verdict.Inconclusive {
		t.Errorf("320 without an answer: %s, %s", f.Outcome, f.Reason)
	}
}

// TestLostErrorsDoNotHide: answers that say no version must not thin out bad ones that say none either.
func TestLostErrorsDoNotHide(t *testing.T) {
	many := func(n int, o verdict.Observation) []verdict.Observation {
		return slices.Repeat([]verdict.Observation{o}, n)
	}
	for _, tt := range []struct {
		expect string
		n      int
		bad    verdict.Observation
	}{
		{"error_rate < 1%", 100, verdict.Observation{Value: 0.1, Failed: true}},
		{"p95 < 200ms", 200, verdict.Observation{Value: 3}},
		{"p95 < 200ms", 200, verdict.Observation{Value: 0.1, Failed: true, Class: verdict.TimedOut}},
		{"p5 > 50ms", 200, verdict.Observation{Value: 0.01}},
	} {
		m := experiment.Measure{Name: "m", ByVersion: "2", Expect: expect(t, tt.expect)}
		fine := verdict.Observation{Value: 0.1}
		s := sides{subject: many(1000, fine), lost: many(20_000, fine)}
		if f := s.judge(m, time.Unix(0, 0), time.Unix(10, 0), 0); f.Outcome != verdict.Held {
			t.Fatalf("%s: all are fine: %s, %s", tt.expect, f.Outcome, f.Reason)
		}
		s.lost = append(s.lost, many(tt.n, tt.bad)...)
		if f := s.judge(m, time.Unix(0, 0), time.Unix(10, 0), 0); f.Outcome != verdict.Inconclusive {
			t.Errorf("%s: %s, %s", tt.expect, f.Outcome, f.Reason)
		}
	}
}

// twoVersions runs an experiment in which two loads are compared, of which the canary's requests take so much longer from some time on.
func twoVersions(t *testing.T, more, after time.Duration) *Result {
	var result *Result
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		x := example(t)
		canary, baseline := x.Loads[0], x.Loads[0]
		canary.Name, baseline.Name = "canary", "baseline"
		x.Loads = []experiment.Load{canary, baseline}
		x.Measures = []experiment.Measure{{Name: "canary latency", Of: "load.canary", Against: experiment.Against{Load: "load.baseline"}, Expect: expect(t, "p95 <= +10%")}}
		registry := c.registry()
		plain := registry.Load
		registry.Load = func(l experiment.Load) (Generator, error) {
			g, err := plain(l)
			if l.Name == "canary" {
				return &slower{Generator: g, more: more, after: after}, err
			}
			return &slower{Generator: g}, err
		}
		var err error
		result, err = Run(t.Context(), x, Options{Registry: registry, State: NewState(t.TempDir())})
		if err != nil {
			t.Fatal(err)
		}
	})
	return result
}

// slower spreads a load's latencies over a few milliseconds, and adds to them.
type slower struct {
	Generator
	more, after time.Duration
}

func (s *slower) Run(ctx context.Context, sink func(verdict.Observation)) error {
	began := time.Now()
	return s.Generator.Run(ctx, func(o verdict.Observation) {
		o.Value += float64(o.At.UnixMilli()%7) / 1000
		if o.At.Sub(began) >= s.after {
			o.Value += s.more.Seconds()
		}
		sink(o)
	})
}

func TestRunComparesLoads(t *testing.T) {
	tests := []struct {
		more time.Duration
		want verdict.Outcome
	}{
		{0, verdict.Held},
		{20 * time.Millisecond, verdict.NotSteady},
	}
	for _, tt := range tests {
		r := twoVersions(t, tt.more, 0)
		if r.Verdict != tt.want {
			t.Errorf("%s slower: %s (%s), want %s", tt.more, r.Verdict, r.Reason, tt.want)
		}
		m := r.Measures[0]
		if len(m.Series) == 0 || m.Series[0].Stat == nil || m.Baseline.Against == 0 {
			t.Errorf("%s slower: %+v", tt.more, m.Baseline)
		}
	}
}

// TestComparisonComesBack: a version that stays slower once the fault is gone has not come back, though it held under the fault.
func TestComparisonComesBack(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		want  verdict.Outcome
	}{{30 * time.Second, verdict.Disproved}, {time.Hour, verdict.Held}} {
		if r := twoVersions(t, 100*time.Millisecond, tt.after); r.Verdict != tt.want || r.Recovery.Recovered != (tt.want == verdict.Held) {
			t.Errorf("slower after %s: %s, %s; %+v", tt.after, r.Verdict, r.Reason, r.Recovery)
		}
	}
}

// TestColdComparisonIsNotRefuted: as long as one of two groups has not answered yet, nothing is known, and the baseline goes on to baseline_max.
func TestColdComparisonIsNotRefuted(t *testing.T) {
	e := expect(t, "p95 <= +10%")
	obs := []verdict.Observation{{Value: 1}}
	for _, tt := range []struct {
		estimate float64
		want     judgment
	}{{math.NaN(), plausible}, {0.05, plausible}, {0.2, refuted}} {
		f := verdict.Finding{Expectation: e, Outcome: verdict.Inconclusive, Estimate: tt.estimate}
		if got := weigh(f, obs, time.Second); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.estimate, got, tt.want)
		}
	}
}

// tenth lets every tenth request of a load be answered by version 2, which fails from some time on, for a while.
type tenth struct {
	Generator
	from, until time.Duration
}

func (s *tenth) Run(ctx context.Context, sink func(verdict.Observation)) error {
	began := time.Now()
	var n atomic.Int64 // requests end in goroutines of their own
	return s.Generator.Run(ctx, func(o verdict.Observation) {
		o.Version = "1"
		if n.Add(1)%10 == 0 {
			since := o.At.Sub(began)
			o.Version, o.Failed = "2", o.Failed || since >= s.from && since < s.until
		}
		sink(o)
	})
}

// TestMeasuresOfAVersion: what is said of one version is not diluted by the others: neither when a rule would stop the run, nor when the steady
// state comes back, nor when it does not.
func TestMeasuresOfAVersion(t *testing.T) {
	for _, tt := range []struct {
		name        string
		from, until time.Duration
		want        verdict.Outcome
		recovered   bool
	}{
		{"stop", 12 * time.Second, time.Hour, verdict.Stopped, true},
		{"fine", time.Hour, time.Hour, verdict.Held, true},
		{"does not come back", 30 * time.Second, time.Hour, verdict.Disproved, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				x.Measures = []experiment.Measure{{Name: "errors of 2", Of: "load.web", ByVersion: "2", Expect: expect(t, "error_rate < 20%")}}
				if tt.want == verdict.Stopped {
					x.Stop = []experiment.StopRule{{Of: "errors of 2", When: expect(t, "error_rate > 50%"), For: time.Second}}
				}
				o := options(t, c)
				plain := o.Registry.Load
				o.Registry.Load = func(l experiment.Load) (Generator, error) {
					g, err := plain(l)
					return &tenth{g, tt.from, tt.until}, err
				}
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != tt.want || tt.want != verdict.Stopped && r.Recovery.Recovered != tt.recovered {
					t.Errorf("%s: %s; recovered: %t", r.Verdict, r.Reason, r.Recovery.Recovered)
				}
				pristine(t, c)
			})
		})
	}
}
