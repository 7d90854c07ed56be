package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// TestStop ends a run in each of its phases and in every way: everything is put back and the reason is told.
func TestStop(t *testing.T) {
	ways := []struct {
		kind StopKind
		do   func(s *State, run string, cancel context.CancelCauseFunc) error
		why  string
	}{
		{StopInterrupted, func(s *State, run string, cancel context.CancelCauseFunc) error {
			cancel(errors.New("SIGTERM"))
			return nil
		}, "SIGTERM"},
		{StopRequested, func(s *State, run string, cancel context.CancelCauseFunc) error {
			return s.RequestStop(t.Context(), run, "lunch")
		}, "lunch"},
		{StopKillSwitch, func(s *State, run string, cancel context.CancelCauseFunc) error {
			return s.Engage(t.Context(), "incident 7")
		}, "incident 7"},
	}
	for _, way := range ways {
		for _, at := range []time.Duration{0, time.Second, 10*time.Second + time.Millisecond, 15 * time.Second, 31 * time.Second} {
			t.Run(string(way.kind)+" at "+at.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, x := newCloud(), example(t)
					o := options(t, c)
					ctx, cancel := context.WithCancelCause(t.Context())
					defer cancel(nil)
					go func() {
						time.Sleep(at)
						for live, _, _ := o.State.Status(t.Context()); len(live) == 0; live, _, _ = o.State.Status(t.Context()) {
							time.Sleep(time.Millisecond)
						}
						live, _, _ := o.State.Status(t.Context())
						if err := way.do(o.State, live[0].Run, cancel); err != nil {
							t.Error(err)
						}
					}()
					start := time.Now()
					r, err := Run(ctx, x, o)
					if err != nil {
						t.Fatal(err)
					}
					if r.Verdict != verdict.Stopped || r.Stop == nil || r.Stop.Kind != way.kind || !strings.Contains(r.Reason, way.why) {
						t.Errorf("%s (%s), stop %+v", r.Verdict, r.Reason, r.Stop)
					}
					if took := time.Since(start) - at; took > time.Second {
						t.Errorf("the run went on for %s", took)
					}
					pristine(t, c)
				})
			})
		}
	}
}

func TestStopRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		c.failing = true
		x.Stop = []experiment.StopRule{{Of: "load.web", When: expect(t, "error_rate > 25%"), For: 2 * time.Second, Line: 31}}
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Stopped || r.Stop.Kind != StopRule || r.Stop.Line != 31 {
			t.Fatalf("%s: %s, %+v", r.Verdict, r.Reason, r.Stop)
		}
		if took := r.Phases[1].End.Sub(r.Phases[1].Start); took < 2*time.Second || took > 4*time.Second {
			t.Errorf("the rule needed %s", took)
		}
		if len(r.Phases) != 3 || !r.Recovery.Recovered {
			t.Errorf("after a stop rule the recovery is of interest: %+v, %+v", r.Phases, r.Recovery)
		}
		pristine(t, c)
	})
}

// TestStopRuleSeesHangingRequests: a request that began before the rule's window and ends in it is news.
func TestStopRuleSeesHangingRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		c.broken = 6 * time.Second
		x.Stop = []experiment.StopRule{{Of: "latency", When: expect(t, "p95 > 5s"), For: time.Second}}
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if r.Stop == nil || r.Stop.Kind != StopRule {
			t.Errorf("%s: %s", r.Verdict, r.Reason)
		}
		time.Sleep(c.broken) // the run did not wait for the last requests
	})
}

func TestKillSwitchKeepsRunsFromStarting(t *testing.T) {
	c := newCloud()
	o := options(t, c)
	if err := o.State.Engage(t.Context(), "incident 7"); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), example(t), o); err == nil || !strings.Contains(err.Error(), "incident 7") || HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	if runs, err := o.State.Runs(t.Context()); err != nil || len(runs) > 0 || len(c.calls) > 0 {
		t.Errorf("left %v, %v, %v", runs, err, c.calls)
	}
	if err := o.State.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := o.State.Release(t.Context()); err != nil {
		t.Errorf("releasing twice: %v", err)
	}
	if _, engaged := o.State.Engaged(t.Context()); engaged {
		t.Error("still engaged")
	}
}

// TestPanics lets each part panic at each of its calls.
func TestPanics(t *testing.T) {
	tests := []struct {
		call string
		want verdict.Outcome
	}{
		{"prepare a", verdict.Error}, {"apply a", verdict.Error}, {"renew a", verdict.Error},
		{"load web", verdict.Error}, {"read probe", verdict.NotSteady}, {"revert a", verdict.Held},
	}
	for _, test := range tests {
		t.Run(test.call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				x.Measures = append(x.Measures, experiment.Measure{Name: "up", Of: "command", Expect: expect(t, "error_rate < 50%")})
				reverts := 0
				c.fail = func(step, target string) error {
					if step == "revert" {
						if reverts++; reverts > 1 {
							return nil // an undo is tried again
						}
					}
					if test.call == step+" "+target {
						panic("boom")
					}
					return nil
				}
				r, err := Run(t.Context(), x, options(t, c))
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != test.want {
					t.Errorf("%s: %s; notes %q", r.Verdict, r.Reason, r.Notes)
				}
				pristine(t, c)
			})
		})
	}
}

// TestFailedUndo: it is the loudest outcome, is listed as residue, and recover mends it.
func TestFailedUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Conditions = append(x.Conditions, experiment.Condition{Name: "other", Fault: "latency", Target: experiment.Target{Lambda: "b"}})
		c.fail = func(step, target string) error { return failAt("revert a", step, target) }
		o := options(t, c)
		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Error || len(r.Residue) != 1 || r.Residue[0].Condition != "slow" || !strings.Contains(r.Hint, "firedrill recover "+r.Run) {
			t.Errorf("%s: %s; residue %+v, hint %q", r.Verdict, r.Reason, r.Residue, r.Hint)
		}
		if c.values["b"] != "2" {
			t.Error("one failed undo kept another from being tried")
		}
		_, unfinished, err := o.State.Status(t.Context())
		if err != nil || len(unfinished) != 1 || unfinished[0].Pending[0] != "slow" {
			t.Fatalf("unfinished: %+v, %v", unfinished, err)
		}
		recovery := RecoverOptions{Revert: c.registry().Revert}
		if got, err := o.State.Recover(t.Context(), r.Run, recovery); err != nil || len(got) != 1 || !got[0].Failed() {
			t.Errorf("while it still fails: %+v, %v", got, err)
		}
		c.fail = nil
		if got, err := o.State.Recover(t.Context(), "", recovery); err != nil || len(got) != 1 || got[0].Failed() {
			t.Errorf("recover: %+v, %v", got, err)
		}
		pristine(t, c)
		if got, err := o.State.Recover(t.Context(), "", recovery); err != nil || len(got) != 0 {
			t.Errorf("nothing is left to recover, but: %+v, %v", got, err)
		}
	})
}

// drifted is an action whose target somebody else has changed.
type drifted struct{ fakeAction }

type driftError struct{}

func (driftError) Error() string { return "drift" }
func (driftError) Drift() string { return "somebody raised the percentage" }

func (a *drifted) Revert(ctx context.Context, undo json.RawMessage) error {
	if err := a.fakeAction.Revert(ctx, undo); err != nil {
		return err
	}
	return driftError{}
}

// lingering is an action whose changes take minutes, and says so.
type lingering struct{ fakeAction }

func (*lingering) UndoTime() time.Duration { return 10 * time.Minute }

func (a *lingering) Apply(ctx context.Context, undo json.RawMessage) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(2 * time.Minute):
	}
	return a.fakeAction.Apply(ctx, undo)
}

func (a *lingering) Revert(ctx context.Context, undo json.RawMessage) error {
	time.Sleep(5 * time.Minute)
	return a.fakeAction.Revert(ctx, undo)
}

// TestSlowUndo: a change, and an undo, that needs its time gets it, from the run and from recover.
func TestSlowUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		o.Registry.Actions = func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
			return []Targeted{{Action: &lingering{fakeAction{c, cond.Target.Lambda}}, Key: cond.Target.Lambda}}, nil
		}
		r, err := Run(t.Context(), x, o)
		if err != nil || r.Error != "" || len(r.Residue) > 0 {
			t.Errorf("%q, %+v, %v", r.Error, r.Residue, err)
		}
		pristine(t, c)
	})
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		o := abandoned(t, c)
		got, err := o.State.Recover(t.Context(), "", RecoverOptions{Revert: func(string) (Action, error) { return &lingering{fakeAction{c: c}}, nil }})
		if err != nil || len(got) != 1 || got[0].Failed() {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestDriftIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		o.Registry.Actions = func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
			return []Targeted{{Action: &drifted{fakeAction{c, cond.Target.Lambda}}, Key: cond.Target.Lambda}}, nil
		}
		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Held || r.Conditions[0].Drift == "" || len(r.Notes) != 1 || len(r.Residue) > 0 {
			t.Errorf("%s; %+v; %q", r.Verdict, r.Conditions[0], r.Notes)
		}
		if info := o.State.Info(t.Context(), r.Run); len(info.Pending) > 0 {
			t.Errorf("pending: %v", info.Pending)
		}
	})
}

// stuck is an action whose Apply ignores its context for a while.
type stuck struct{ fakeAction }

func (a *stuck) Apply(ctx context.Context, undo json.RawMessage) error {
	time.Sleep(50 * time.Second)
	return nil
}

// TestStopWhileApplyHangs: the undo does not wait for a call that does not listen.
func TestStopWhileApplyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		o.Registry.Actions = func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
			return []Targeted{{Action: &stuck{fakeAction{c, cond.Target.Lambda}}, Key: cond.Target.Lambda}}, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		start := time.Now()
		r, err := Run(ctx, x, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != verdict.Stopped || time.Since(start) > 20*time.Second {
			t.Errorf("%s after %s: %s", r.Verdict, time.Since(start), r.Reason)
		}
		if last := c.calls[len(c.calls)-1]; !strings.Contains(strings.Join(c.calls, ","), "revert a") {
			t.Errorf("never put back; last call %s", last)
		}
		time.Sleep(time.Minute) // the call that hangs comes back
	})
}

// TestOneRunPerTarget: a second run of the same target refuses, one of another target does not.
func TestOneRunPerTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		results := make(chan *Result, 1)
		go func() {
			r, err := Run(t.Context(), x, o)
			if err != nil {
				t.Error(err)
			}
			results <- r
		}()
		time.Sleep(12 * time.Second)
		live, _, err := o.State.Status(t.Context())
		if err != nil || len(live) != 1 || live[0].Phase != PhaseFault {
			t.Fatalf("live: %+v, %v", live, err)
		}
		second, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		if second.Verdict != verdict.Error || !strings.Contains(second.Error, live[0].Run) || second.Hint == "" {
			t.Errorf("%s: %s (hint %q)", second.Verdict, second.Error, second.Hint)
		}
		if _, err := o.State.Recover(t.Context(), live[0].Run, RecoverOptions{Revert: c.registry().Revert}); err == nil || HintOf(err) == "" {
			t.Errorf("recovering a live run: %v", err)
		}
		if first := <-results; first.Verdict != verdict.Held {
			t.Errorf("the first run: %s: %s", first.Verdict, first.Reason)
		}
		if err := o.State.RequestStop(t.Context(), live[0].Run, ""); err == nil {
			t.Error("a run that is over can be stopped")
		}
		pristine(t, c)
	})
}

// obedient is an action whose Apply takes until it is told to end.
type obedient struct{ fakeAction }

func (a *obedient) Apply(ctx context.Context, undo json.RawMessage) error {
	<-ctx.Done()
	return ctx.Err()
}

// TestStopCutsApplyShort: a stop ends a change that is under way; the first reason counts.
func TestStopCutsApplyShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		o.Registry.Actions = func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
			return []Targeted{{Action: &obedient{fakeAction{c, cond.Target.Lambda}}, Key: cond.Target.Lambda}}, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		c.fail = func(step, target string) error {
			if step == "revert" {
				cancel() // in the middle of the undo, which must go on
			}
			return nil
		}
		time.AfterFunc(12*time.Second, func() {
			if err := o.State.Engage(t.Context(), "incident 7"); err != nil {
				t.Error(err)
			}
		})
		start := time.Now()
		r, err := Run(ctx, x, o)
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); r.Stop == nil || r.Stop.Kind != StopKillSwitch || took > 13*time.Second {
			t.Errorf("%s after %s: %s", r.Verdict, took, r.Reason)
		}
		pristine(t, c)
	})
}

// TestLateProof: hosts log an injection when the invocation ends, perhaps after the undo.
func TestLateProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		c.silent = true
		c.fail = func(step, target string) error {
			if step == "revert" {
				c.silent = false
			}
			return nil
		}
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil || r.Verdict != verdict.Held || r.Conditions[0].Proof != (Proof{Known: true, Planned: 7, Fired: 7}) {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestLargeLog: a look into a log may take a while once everything is put back.
func TestLargeLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		c.reading = 5 * time.Second
		r, err := Run(t.Context(), example(t), options(t, c))
		if err != nil || r.Verdict != verdict.Held || r.Conditions[0].Proof.Fired != 7 {
			t.Errorf("%s (%s), %v", r.Verdict, r.Reason, err)
		}
	})
}

// TestLaggingProof: a log that lags is read again, for a while.
func TestLaggingProof(t *testing.T) {
	for _, test := range []struct {
		name    string
		lag     int // asks that see nothing
		want    verdict.Outcome
		longest time.Duration
	}{
		{"comes", 5, verdict.Held, 10 * time.Second},
		{"never comes", 1000, verdict.Inconclusive, 40 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				c.lag = test.lag
				r, err := Run(t.Context(), x, options(t, c))
				if err != nil {
					t.Fatal(err)
				}
				waited := r.Ended.Sub(r.Phases[len(r.Phases)-1].End)
				if r.Verdict != test.want || r.Conditions[0].Proof.Known != (test.want == verdict.Held) || waited > test.longest {
					t.Errorf("%s: %s, %+v, waited %s", r.Verdict, r.Reason, r.Conditions[0].Proof, waited)
				}
				if noted := len(r.Notes) > 0; noted != (test.want != verdict.Held) {
					t.Errorf("notes %q", r.Notes)
				}
			})
		})
	}
}

// TestStateFolderRemoved: a run whose journal somebody removes could not be recovered any more, so it ends and puts everything back while
// it can.
func TestStateFolderRemoved(t *testing.T) {
	for name, remove := range map[string]func(dir string) error{
		"removed": os.RemoveAll,
		"moved":   func(dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(dir string) error {
			journals, _ := filepath.Glob(filepath.Join(dir, "runs", "*", "journal.jsonl"))
			return errors.Join(os.Rename(journals[0], journals[0]+".old"), os.WriteFile(journals[0], nil, 0o600))
		},
	} {
		for _, at := range []time.Duration{5 * time.Second, 15 * time.Second} { // in the baseline, under the fault
			t.Run(name+" at "+at.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c, x := newCloud(), example(t)
					dir := filepath.Join(t.TempDir(), "state")
					o := options(t, c)
					o.State = NewState(dir)
					start := time.Now()
					time.AfterFunc(at, func() {
						if err := remove(dir); err != nil {
							t.Error(err)
						}
					})
					r, err := Run(t.Context(), x, o)
					if err != nil {
						t.Fatal(err)
					}
					if r.Verdict != verdict.Error || !strings.Contains(r.Error, "the journal of this run is gone") || r.Hint == "" {
						t.Errorf("%s: %s", r.Verdict, r.Error)
					}
					if took := time.Since(start) - at; took > time.Second {
						t.Errorf("the run went on for %s", took)
					}
					if len(r.Residue) > 0 {
						t.Errorf("residue: %+v", r.Residue)
					}
					pristine(t, c)
				})
			})
		}
	}
}

// TestSuspendedMachine: while the machine sleeps its own clock stands still, and the fault goes on. A run that wakes up
// after its time ends at once.
func TestSuspendedMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		o := options(t, c)
		var r *runner
		var slept time.Time
		o.Observer = func(e Event) { // in the runner's own goroutine
			if e.Kind == EventStats && e.Phase == "fault" && slept.IsZero() {
				slept = time.Now()
				r.watch.wall = r.watch.wall.Add(-time.Hour) // as if the wall clock had gone on by an hour since
			}
		}
		r, err := newRunner(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		r.loop(t.Context())
		if r.result.Stop == nil || r.result.Stop.Kind != StopError || !strings.Contains(r.result.Stop.Reason, "suspended for 1h") {
			t.Errorf("%s: %s, stop %+v", r.result.Verdict, r.result.Reason, r.result.Stop)
		}
		if took := r.result.Stop.At.Sub(slept); took > time.Second {
			t.Errorf("it went on for %s", took)
		}
		pristine(t, c)
	})
}
