package engine

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// TestRunVerdicts runs whole experiments against the fake cloud, each of which must end with everything as it was.
func TestRunVerdicts(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *cloud, x *experiment.Experiment)
		want   verdict.Outcome
		reason string
		intact bool // nothing was ever applied
	}{
		{"held", func(*cloud, *experiment.Experiment) {}, verdict.Held, "every measure held", false},
		{"disproved", func(c *cloud, x *experiment.Experiment) { c.broken = 900 * time.Millisecond }, verdict.Disproved, "latency: ", false},
		{"errors", func(c *cloud, x *experiment.Experiment) { c.failing = true }, verdict.Disproved, "errors: ", false},
		{"not steady", func(c *cloud, x *experiment.Experiment) { c.healthy = 900 * time.Millisecond }, verdict.NotSteady, "nothing was injected", true},
		{"no data", func(c *cloud, x *experiment.Experiment) {
			x.Measures[0].Of, x.Measures[0].Every = "http", time.Second
			c.fail = func(step, target string) error { return failAt("read probe", step, target) }
		}, verdict.NotSteady, "nothing was injected", true},
		{"never fired", func(c *cloud, x *experiment.Experiment) { c.silent = true }, verdict.Inconclusive, "never fired", false},
		{"not counted", func(c *cloud, x *experiment.Experiment) { c.unproven = true }, verdict.Inconclusive, "no proof", false},
		{"zero fired comes before disproved", func(c *cloud, x *experiment.Experiment) { c.silent, c.failing = true, true }, verdict.Inconclusive, "never fired", false},
		{"does not come back", func(c *cloud, x *experiment.Experiment) { c.after = 800 * time.Millisecond }, verdict.Disproved, "did not come back", false},
		{"late condition", func(c *cloud, x *experiment.Experiment) {
			x.Conditions = append(x.Conditions, experiment.Condition{Name: "late", Fault: "latency", Target: experiment.Target{Lambda: "b"}, Delay: time.Minute})
		}, verdict.Inconclusive, "never injected", false},
		{"target unknown", func(c *cloud, x *experiment.Experiment) { x.Conditions[0].Target.Lambda = "" }, verdict.Error, "no such target", true},
		{"protected", func(c *cloud, x *experiment.Experiment) { x.Guards.Protected = []string{"a*"} }, verdict.Error, "protected", true},
		{"too many targets", func(c *cloud, x *experiment.Experiment) {
			x.Conditions = append(x.Conditions, experiment.Condition{Name: "other", Target: experiment.Target{Lambda: "b"}})
			x.Guards.MaxTargets = 1
		}, verdict.Error, "max_targets", true},
		{"cannot be prepared", func(c *cloud, x *experiment.Experiment) {
			c.fail = func(step, target string) error { return failAt("prepare a", step, target) }
		}, verdict.Error, "prepare", true},
		{"cannot be applied", func(c *cloud, x *experiment.Experiment) {
			c.fail = func(step, target string) error { return failAt("apply a", step, target) }
		}, verdict.Error, "apply slow", false},
		{"the load ends", func(c *cloud, x *experiment.Experiment) {
			n := 0
			c.fail = func(step, target string) error {
				if n++; step == "load" && n > 700 {
					return errors.New("out of sockets")
				}
				return nil
			}
		}, verdict.Error, "out of sockets", false},
		{"the lease is lost", func(c *cloud, x *experiment.Experiment) {
			c.fail = func(step, target string) error { return failAt("renew a", step, target) }
		}, verdict.Error, "lease", false},
		{"deadline", func(c *cloud, x *experiment.Experiment) { x.Guards.MaxDuration = 15 * time.Second }, verdict.Stopped, "max_duration", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				test.change(c, x)
				r, err := Run(t.Context(), x, options(t, c))
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != test.want || !strings.Contains(r.Reason+" "+r.Error, test.reason) {
					t.Errorf("got %s (%s), want %s (...%s...)\nnotes: %q", r.Verdict, r.Reason, test.want, test.reason, r.Notes)
				}
				if test.intact == c.touched() {
					t.Errorf("touched is %v: %q", c.touched(), r.Reason)
				}
				pristine(t, c)
				carries(t, r)
			})
		})
	}
}

// failAt fails one step.
func failAt(call, step, target string) error {
	if call == step+" "+target {
		return errors.New("no luck")
	}
	return nil
}

// carries checks that a result survives JSON and keeps no secret.
func carries(t *testing.T, r *Result) {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"phases", "measures", "conditions", "series"} {
		if strings.Contains(string(text), `"`+list+`":null`) {
			t.Errorf("%s is null", list)
		}
	}
	if strings.Contains(string(text), "hunter2") {
		t.Error("the result tells a secret header")
	}
	var back Result
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
}

func TestResultOfAHeldRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		finished := 0
		o.Finish = func(*Result) error { finished++; return nil }
		start := time.Now()
		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Phases) != 3 || r.Phases[1].Name != PhaseFault || r.Phases[1].Stage != 1 || r.Phases[1].Share != 100 {
			t.Fatalf("phases: %+v", r.Phases)
		}
		if fault := r.Phases[1].End.Sub(r.Phases[1].Start); fault != 20*time.Second {
			t.Errorf("the fault phase took %s", fault)
		}
		if own := time.Since(start) - (r.Phases[0].End.Sub(r.Phases[0].Start) + 20*time.Second + r.Phases[2].End.Sub(r.Phases[2].Start)); own > 200*time.Millisecond {
			t.Errorf("the run waited %s outside its phases", own)
		}
		m := r.Measures[0]
		if m.Baseline.Outcome != verdict.Held || m.Fault.Outcome != verdict.Held || len(m.Stages) != 1 {
			t.Errorf("findings: %+v", m)
		}
		if math.Abs(m.Fault.Estimate-0.05) > 0.001 || m.Fault.Samples != 1000 {
			t.Errorf("under the fault: p95 %v of %d samples, want 0.05 of 1000", m.Fault.Estimate, m.Fault.Samples)
		}
		if !r.Recovery.Recovered || r.Recovery.Seconds == nil || *r.Recovery.Seconds != 0 {
			t.Errorf("recovery: %+v", r.Recovery)
		}
		if got := r.Conditions[0]; got.Applied == nil || got.Reverted == nil || got.Proof != (Proof{Known: true, Planned: 7, Fired: 7}) {
			t.Errorf("condition: %+v", got)
		}
		if l := r.Loads[0]; len(l.Phases) != 3 || l.Phases[1].Due != 1000 || l.Phases[1].Classes["200"] != 1000 || l.Phases[1].Histogram == "" {
			t.Errorf("load: %+v", l.Phases)
		}
		if n := len(m.Series); n < 32 || m.Series[15].Count != 50 || m.Series[15].P50 == nil || m.Series[15].Stat == nil {
			t.Errorf("series of %d points; the 15th: %+v", n, m.Series[15])
		}
		stored, err := o.State.Report(t.Context(), r.Run)
		if err != nil || stored.Verdict != verdict.Held || finished != 1 {
			t.Errorf("report: %v, %v; finish was called %d times", stored, err, finished)
		}
		if info := o.State.Info(t.Context(), r.Run); info.Verdict != "held" || info.Live || len(info.Pending) > 0 || info.Ended.IsZero() {
			t.Errorf("info: %+v", info)
		}
	})
}

func TestBaselineIsExtendedUntilItIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Phases.Baseline = 500 * time.Millisecond // 25 samples settle neither measure
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		length := r.Phases[0].End.Sub(r.Phases[0].Start)
		if r.Verdict != verdict.Held || length <= time.Second || length > 30*time.Second {
			t.Errorf("%s after a baseline of %s: %s", r.Verdict, length, r.Reason)
		}
	})
}

// TestColdStart: nothing is answered in the whole baseline; that is a reason to wait, not to say no.
func TestColdStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Measures = x.Measures[1:]
		x.Phases.Baseline, c.healthy = time.Second, 3*time.Second
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if length := r.Phases[0].End.Sub(r.Phases[0].Start); r.Verdict != verdict.Held || length < 3*time.Second {
			t.Errorf("%s after a baseline of %s: %s", r.Verdict, length, r.Reason)
		}
	})
}

// TestStallAtTheEndOfTheBaseline: requests that are due and unanswered are no reason to think that all is well.
func TestStallAtTheEndOfTheBaseline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		go func() {
			time.Sleep(8 * time.Second)
			c.mu.Lock()
			c.healthy = 2 * time.Second
			c.mu.Unlock()
		}()
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.NotSteady || c.touched() {
			t.Errorf("%s: %s", r.Verdict, r.Reason)
		}
	})
}

func TestBaselineThatNeverSettles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Phases.Baseline, x.Phases.BaselineMax = 500*time.Millisecond, time.Second
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.NotSteady || c.touched() {
			t.Errorf("%s: %s", r.Verdict, r.Reason)
		}
	})
}

func TestStagesGoOnOnlyWhileTheMeasuresHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Stages = []float64{5, 25, 100}
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Held || len(r.Measures[0].Stages) != 3 {
			t.Errorf("%s after %d stages: %s", r.Verdict, len(r.Measures[0].Stages), r.Reason)
		}
		if c.shares[len(c.shares)-1] != 100 {
			t.Errorf("shares: %v", c.shares)
		}
		c.broken = time.Second
		r, err = Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Disproved || len(r.Measures[0].Stages) != 1 || !strings.Contains(r.Reason, "stage 1 of 3") {
			t.Errorf("%s after %d stages: %s", r.Verdict, len(r.Measures[0].Stages), r.Reason)
		}
		pristine(t, c)
	})
}

func TestReadOnlyStateFolder(t *testing.T) {
	file := t.TempDir() + "/occupied"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCloud()
	o := options(t, c)
	o.State = NewState(file + "/state") // a folder cannot be made below a file, whoever one is
	r, err := Run(t.Context(), example(t), o)
	if err == nil || r != nil || HintOf(err) == "" || len(c.calls) > 0 {
		t.Errorf("result %v, error %v, hint %q, calls %v", r, err, HintOf(err), c.calls)
	}
}

// fullDisk is a journal that has room for some records.
type fullDisk struct {
	journalFile
	room int
}

func (f *fullDisk) WriteAt(p []byte, at int64) (int, error) {
	if f.room--; f.room < 0 {
		n, _ := f.journalFile.WriteAt(p[:len(p)/2], at)
		return n, errors.New("no space left on device")
	}
	return f.journalFile.WriteAt(p, at)
}

// TestFullDisk fills the disk at every record: nothing may be injected without its undo on disk, and what was is put
// back.
func TestFullDisk(t *testing.T) {
	for room := range 14 {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			o := options(t, c)
			o.State = StateAt(&folder{dir: t.TempDir(), file: func(f journalFile) journalFile { return &fullDisk{f, room} }})
			r, err := Run(t.Context(), x, o)
			if err == nil && r.Verdict == verdict.Held && room < 9 {
				t.Errorf("room for %d records: held without a word", room)
			}
			if room < 4 && c.touched() {
				t.Errorf("room for %d records: injected although the undo is not on disk", room)
			}
			pristine(t, c)
		})
	}
}

func TestObserverSeesTheRunAndMayPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		seen := map[EventKind]int{}
		o.Observer = func(e Event) { seen[e.Kind]++ }
		if _, err := Run(t.Context(), x, o); err != nil {
			t.Fatal(err)
		}
		if seen[EventPhase] != 3 || seen[EventApplied] != 1 || seen[EventReverted] != 1 || seen[EventVerdict] != 1 || seen[EventStats] < 25 {
			t.Errorf("saw %v", seen)
		}
		o.Observer = func(Event) { panic("terminal is gone") }
		r, err := Run(t.Context(), x, o)
		if err != nil || r.Verdict != verdict.Held || !strings.Contains(strings.Join(r.Notes, " "), "terminal is gone") {
			t.Errorf("%v, %v", r, err)
		}
	})
}
