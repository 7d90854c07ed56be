package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// crowd makes the example's condition one on n targets, c001, c002, ...
func crowd(c *cloud, x *experiment.Experiment, n int) {
	x.Conditions[0].Target = experiment.Target{}
	for i := range n {
		name := fmt.Sprintf("c%03d", i+1)
		c.values[name] = "was " + name
		x.Conditions[0].Target.Functions = append(x.Conditions[0].Target.Functions, name)
	}
}

// TestGroupUndoesEverything runs experiments of several conditions on several targets at any width, with calls that
// fail at any place and stops at any time. Afterwards the world is as before, but for what is told as residue, which
// recover then puts back; and the journal agrees.
func TestGroupUndoesEverything(t *testing.T) {
	runs, changed := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		var wrong string
		var touched bool
		d := drawCrowd(rt)
		synctest.Test(t, func(t *testing.T) { wrong, touched = d.violation(t) })
		if wrong != "" {
			rt.Fatal(wrong)
		}
		if runs++; touched {
			changed++
		}
	})
	if changed < runs/10 {
		t.Errorf("only %d of %d runs changed anything: the draws are too wild to learn much from", changed, runs)
	}
}

// A crowdDraw is a run that something happens to.
type crowdDraw struct {
	sizes  []int // targets of each condition
	width  int
	fail   map[string]int // "step target" -> how many times it fails, from which call on
	stopAt time.Duration
}

func drawCrowd(t *rapid.T) crowdDraw {
	d := crowdDraw{fail: map[string]int{}}
	d.sizes = rapid.SliceOfN(rapid.IntRange(1, 6), 1, 3).Draw(t, "sizes")
	d.width = rapid.IntRange(1, 8).Draw(t, "width")
	for range rapid.IntRange(0, 3).Draw(t, "failures") {
		step := rapid.SampledFrom([]string{"prepare", "apply", "renew", "revert"}).Draw(t, "step")
		cond := rapid.IntRange(0, len(d.sizes)-1).Draw(t, "condition")
		target := fmt.Sprintf("%s %c%d", step, 'p'+cond, rapid.IntRange(0, d.sizes[cond]-1).Draw(t, "target"))
		d.fail[target] = rapid.IntRange(1, 6).Draw(t, "times")
	}
	seconds := rapid.SampledFrom([]int{60, 60, 20, 13, 12, 11, 10, 5, 0}).Draw(t, "stop at s") // the baseline takes ten
	d.stopAt = time.Duration(1000*seconds+rapid.IntRange(0, 999).Draw(t, "and ms")) * time.Millisecond
	return d
}

// violation is what was not as it must be, and whether the run changed anything.
func (d crowdDraw) violation(t *testing.T) (wrong string, touched bool) {
	c, x := newCloud(), example(t)
	c.slow = 300 * time.Millisecond
	x.Conditions = nil
	for i, n := range d.sizes {
		cond := experiment.Condition{Name: string(rune('p' + i)), Fault: "latency", Percentage: 100, Delay: time.Duration(i) * time.Second}
		for j := range n {
			name := fmt.Sprintf("%c%d", 'p'+i, j)
			c.values[name] = "was " + name
			cond.Target.Functions = append(cond.Target.Functions, name)
		}
		x.Conditions = append(x.Conditions, cond)
	}
	was := maps.Clone(c.values)
	left := maps.Clone(d.fail)
	o := options(t, c)
	early := ""
	c.fail = func(step, target string) error {
		if step == "apply" && !isPrepared(t, o.State, target) {
			early = target + " was changed before its undo was on disk"
		}
		if n := left[step+" "+target]; n > 0 {
			left[step+" "+target]--
			return errors.New("refused")
		}
		return nil
	}
	o.Parallel = d.width
	ctx, cancel := context.WithTimeout(t.Context(), d.stopAt)
	defer cancel()
	r, err := Run(ctx, x, o)
	if err != nil {
		return err.Error(), false
	}
	if early != "" {
		return early, true
	}
	for name := range was {
		told := slices.ContainsFunc(r.Residue, func(x Residue) bool { return x.Target == name })
		if c.values[name] != was[name] && !told {
			return fmt.Sprintf("%s was left %q and nobody was told", name, c.values[name]), true
		}
	}
	if info := o.State.Info(t.Context(), r.Run); len(info.Pending) != len(r.Residue) {
		return fmt.Sprintf("residue %v, but the journal has pending %v", r.Residue, info.Pending), true
	}
	touched = c.touched()
	c.fail = nil
	if got, err := o.State.Recover(t.Context(), "", RecoverOptions{Revert: o.Registry.Revert, Parallel: d.width}); err != nil || (len(got) > 0) != (len(r.Residue) > 0) {
		return fmt.Sprintf("recover: %+v, %v", got, err), true
	}
	if !maps.Equal(c.values, was) {
		return fmt.Sprintf("after recover: %v, want %v", c.values, was), true
	}
	return "", touched
}

// isPrepared says whether the only run's journal has the undo of a target.
func isPrepared(t *testing.T, s *State, target string) bool {
	files, err := filepath.Glob(filepath.Join(s.RunDir("*"), "journal.jsonl"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	records, _, _ := ParseJournal(text)
	return slices.ContainsFunc(records, func(r Record) bool { return r.Type == recordPrepared && r.Target == target })
}

// TestGroupTimeLimits: those that wait for each other have longer, those that do not have not.
func TestGroupTimeLimits(t *testing.T) {
	for n, want := range map[int]time.Duration{0: 30 * time.Second, 1: 30 * time.Second, 5: time.Minute, 1000: 142500 * time.Millisecond} {
		if got := (Options{}).shared(30*time.Second, n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// TestNothingToUndo: what was never begun to be changed is not touched by the undo, and the journal calls it put back.
func TestNothingToUndo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		crowd(c, x, 40)
		c.slow, c.lease = time.Second, time.Minute
		o := options(t, c)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second+10*time.Second+3*time.Second+500*time.Millisecond) // guards, baseline, prepare; apply has begun 16
		defer cancel()
		r, err := Run(ctx, x, o)
		if err != nil || r.Verdict != verdict.Stopped || len(r.Residue) > 0 {
			t.Fatalf("%s (%s), %v", r.Verdict, r.Reason, err)
		}
		reverts := 0
		for _, call := range c.calls {
			if strings.HasPrefix(call, "revert ") {
				reverts++
			}
		}
		if reverts != 16 {
			t.Errorf("%d undos", reverts)
		}
		if info := o.State.Info(t.Context(), r.Run); len(info.Pending) > 0 {
			t.Errorf("pending: %v", info.Pending)
		}
	})
}

// TestGroupWidth: no more than so many targets are worked on at once, and that many are.
func TestGroupWidth(t *testing.T) {
	for _, test := range []struct{ parallel, want int }{{0, defaultParallel}, {1, 1}, {5, 5}, {100, 40}} {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			crowd(c, x, 40)
			c.slow, c.lease = time.Second, time.Minute
			var now, most atomic.Int64
			o := options(t, c)
			o.Parallel = test.parallel
			inner := o.Registry.Actions
			o.Registry.Actions = func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
				all, err := inner(ctx, cond, p)
				for i := range all {
					all[i].Action = &watched{fakeAction: *all[i].Action.(*fakeAction), now: &now, most: &most}
				}
				return all, err
			}
			r, err := Run(t.Context(), x, o)
			if err != nil || r.Verdict != verdict.Held {
				t.Fatalf("%s (%s), %v", r.Verdict, r.Reason, err)
			}
			if got := int(most.Load()); got != test.want {
				t.Errorf("parallel %d: %d at once, want %d", test.parallel, got, test.want)
			}
		})
	}
}

// watched counts how many Applies are under way.
type watched struct {
	fakeAction
	now, most *atomic.Int64
}

func (a *watched) Apply(ctx context.Context, undo json.RawMessage) error {
	n := a.now.Add(1)
	for most := a.most.Load(); n > most && !a.most.CompareAndSwap(most, n); most = a.most.Load() {
	}
	defer a.now.Add(-1)
	return a.fakeAction.Apply(ctx, undo)
}

// TestGroupStopsAtFirstFailure: once one target cannot be changed, no further one is begun, and all are put back.
func TestGroupStopsAtFirstFailure(t *testing.T) {
	for _, step := range []string{"prepare", "apply"} {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			crowd(c, x, 40)
			was := maps.Clone(c.values)
			c.slow, c.lease = time.Second, time.Minute
			guarded := step == "apply"
			c.fail = func(s, target string) error {
				switch {
				case s != step || target != "c010":
					return nil
				case !guarded: // the guards look first
					guarded = true
					return nil
				}
				return errors.New("refused")
			}
			o := options(t, c)
			o.Parallel = 4
			r, err := Run(t.Context(), x, o)
			if err != nil || r.Verdict != verdict.Error || !strings.Contains(r.Error, "c010") {
				t.Fatalf("%s (%s), %v", r.Verdict, r.Reason, err)
			}
			tried := 0
			for _, call := range c.calls {
				if strings.HasPrefix(call, step+" c") {
					tried++
				}
			}
			if step == "prepare" {
				tried -= 40
			}
			if tried > 15 || !maps.Equal(c.values, was) || len(r.Residue) > 0 {
				t.Errorf("%s of %d targets, residue %v", step, tried, r.Residue)
			}
		})
	}
}

// TestOneKeyInTurn: two changes of one target never overlap, and their undo goes backwards.
func TestOneKeyInTurn(t *testing.T) {
	items := []string{"a1", "b1", "a2", "c1", "a3", "b2"}
	lists := byKey(items, func(s string) string { return s[:1] })
	var mu sync.Mutex
	var order []string
	sideBySide(3, lists, func(s string) bool {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, s)
		return true
	})
	if len(order) != len(items) || !(slices.Index(order, "a1") < slices.Index(order, "a2") && slices.Index(order, "a2") < slices.Index(order, "a3")) {
		t.Errorf("%q", order)
	}
}

// TestLeasesOfAGroup: the worst lease of a group's targets counts.
func TestLeasesOfAGroup(t *testing.T) {
	at := time.Unix(1000, 0)
	g := &group{}
	for i := range 3 {
		ch := &change{action: &fakeAction{}}
		ch.Name = string(rune('a' + i))
		ch.extended(at.Add(time.Duration(i)*time.Second), nil)
		g.changes = append(g.changes, ch)
	}
	if got := g.leases(); got.oldest != "a" || !got.renewed.Equal(at) || !got.failing.IsZero() {
		t.Errorf("%+v", got)
	}
	later := at.Add(10 * time.Second)
	g.changes[0].extended(later, nil)
	g.changes[2].extended(later, errors.New("refused"))
	g.changes[2].extended(later.Add(time.Second), errors.New("refused"))
	if got := g.leases(); got.oldest != "b" || !got.failing.Equal(later) {
		t.Errorf("%+v", got)
	}
	g.changes[2].extended(later.Add(2*time.Second), nil)
	if got := g.leases(); !got.failing.IsZero() {
		t.Errorf("%+v", got)
	}
}

// TestFixed: a lease whose share cannot be changed can be renewed but takes no stages.
func TestFixed(t *testing.T) {
	for stages, want := range map[int]verdict.Outcome{1: verdict.Held, 2: verdict.Error} {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			x.Stages = []float64{100, 100}[:stages]
			o := options(t, c)
			inner := o.Registry.Actions
			o.Registry.Actions = func(ctx context.Context, cond experiment.Condition, p ActionParams) ([]Targeted, error) {
				all, err := inner(ctx, cond, p)
				for i := range all {
					all[i].Fixed = true
				}
				return all, err
			}
			r, err := Run(t.Context(), x, o)
			if err != nil || r.Verdict != want || (want == verdict.Error) == c.touched() {
				t.Errorf("%d stages: %s (%s), %v", stages, r.Verdict, r.Reason, err)
			}
			if want == verdict.Held && len(c.shares) == 0 {
				t.Error("its lease was not renewed")
			}
		})
	}
}

// mute is an action whose proof never comes.
type mute struct{ *fakeAction }

// Proof waits for an answer that nobody gives.
func (mute) Proof(ctx context.Context) (Proof, error) {
	<-ctx.Done()
	return Proof{}, ctx.Err()
}

// TestUndoDoesNotWaitForProofs: where nobody answers how often the fault has fired, that is found out once, not before the undo of each target.
func TestUndoDoesNotWaitForProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		crowd(c, x, 10)
		o := options(t, c)
		o.Parallel = 1
		o.Registry = dress(o.Registry, func(t *Targeted) { t.Action = mute{t.Action.(*fakeAction)} })
		r, err := Run(t.Context(), x, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, cond := range r.Conditions {
			if cond.Reverted == nil || cond.Reverted.Sub(r.Phases[1].End) > 2*proofTimeout {
				t.Errorf("%s was put back at %v, the fault phase ended at %v", cond.Name, cond.Reverted, r.Phases[1].End)
			}
		}
	})
}
