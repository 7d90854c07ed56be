package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/calendar"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A knob sets a target of a cloud, step by step.
type knob struct {
	c      *cloud
	target string
	to     string
}

type knobUndo struct {
	Target, Before string
	Ours           []string
}

func (k knob) Prepare(context.Context) (json.RawMessage, error) {
	if err := k.c.call("prepare", k.target); err != nil {
		return nil, err
	}
	return json.Marshal(knobUndo{k.target, k.c.value(k.target), []string{k.to}})
}

func (k knob) Continue(ctx context.Context, undo json.RawMessage) (json.RawMessage, error) {
	if err := errors.Join(k.c.call("continue", k.target), k.Check(ctx, undo)); err != nil {
		return nil, err
	}
	u := readKnob(undo)
	u.Ours = append(u.Ours, k.to)
	return json.Marshal(u)
}

func (k knob) Apply(_ context.Context, _ json.RawMessage) error {
	k.c.set(k.target, k.to) // before it fails: half done
	return k.c.call("apply", k.target)
}

func (k knob) Check(_ context.Context, undo json.RawMessage) error {
	u := readKnob(undo)
	if err := k.c.call("check", u.Target); err != nil {
		return err
	}
	if now := k.c.value(u.Target); now != u.Ours[len(u.Ours)-1] {
		return moved{now}
	}
	return nil
}

func (k knob) Revert(_ context.Context, undo json.RawMessage) error {
	u := readKnob(undo)
	if err := k.c.call("revert", u.Target); err != nil {
		return err
	}
	now := k.c.value(u.Target)
	if now != u.Before && !slices.Contains(u.Ours, now) {
		return moved{now}
	}
	k.c.set(u.Target, u.Before)
	return nil
}

func readKnob(undo json.RawMessage) (u knobUndo) {
	if err := json.Unmarshal(undo, &u); err != nil {
		panic(err)
	}
	return u
}

type moved struct{ to string }

func (m moved) Error() string { return "moved to " + m.to }
func (m moved) Drift() string { return "it is " + m.to }

func (c *cloud) value(target string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.values[target]
}

func (c *cloud) set(target, to string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[target] = to
}

// step is one of a rollout of target.
func (c *cloud) step(target, to string) Step {
	return Step{Name: "roll " + target, Kind: "knob", Target: Targeted{Action: knob{c, target, to}, Key: target, Names: []string{target}}, Share: 50}
}

func beginTest(t *testing.T, ctx context.Context, state *State) *Rollout {
	t.Helper()
	r, err := Begin(ctx, RolloutOptions{State: state, Title: "roll"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRolloutKeptOrNot rolls two targets out, and keeps them or does not.
func TestRolloutKeptOrNot(t *testing.T) {
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprint(keep), func(t *testing.T) {
			c, state := newCloud(), NewState(t.TempDir())
			r := beginTest(t, t.Context(), state)
			for _, s := range []Step{c.step("a", "5"), c.step("b", "7"), c.step("a", "50"), c.step("a", "100")} {
				if err := errors.Join(r.Phase(50), r.Step(s), r.Check()); err != nil {
					t.Fatal(err)
				}
			}
			want := "1 2"
			if keep {
				want = "100 7"
				if err := r.Keep(); err != nil {
					t.Fatal(err)
				}
				r.Rollback() // of what is kept does nothing
			}
			if info := state.Info(t.Context(), r.Run()); !info.Live || (len(info.Pending) == 0) != keep {
				t.Errorf("in the middle: %+v", info)
			}
			res, err := r.End(verdict.Held, "because")
			if err != nil {
				t.Fatal(err)
			}
			if got := c.value("a") + " " + c.value("b"); got != want {
				t.Errorf("it is %s, want %s", got, want)
			}
			for _, cond := range res.Conditions {
				if cond.Kept != keep || (cond.Reverted == nil) != keep {
					t.Errorf("%+v", cond)
				}
			}
			if n := len(res.Phases); n != 4 || res.Phases[3].End.IsZero() {
				t.Errorf("phases: %+v", res.Phases)
			}
			again, err := state.Report(t.Context(), r.Run())
			if err != nil || again.Reason != "because" {
				t.Errorf("the report: %+v, %v", again, err)
			}
			if got, err := state.Recover(t.Context(), "", RecoverOptions{Revert: c.restore}); err != nil || len(got) > 0 {
				t.Errorf("there is nothing to recover, but: %+v, %v", got, err)
			}
			if calls := strings.Count(strings.Join(c.calls, " "), "revert a"); calls > 1 {
				t.Errorf("%d steps back: the first step's undo is the way back", calls)
			}
		})
	}
}

// restore is the registry's Revert for knobs.
func (c *cloud) restore(string) (Action, error) { return knob{c: c}, nil }

// TestRolloutsAreAloneOnATarget refuses the second of two, and names the first.
func TestRolloutsAreAloneOnATarget(t *testing.T) {
	c, state := newCloud(), NewState(t.TempDir())
	first, second := beginTest(t, t.Context(), state), beginTest(t, t.Context(), state)
	if err := first.Step(c.step("a", "5")); err != nil {
		t.Fatal(err)
	}
	err := second.Step(c.step("a", "9"))
	var held *TargetHeld
	if !errors.As(err, &held) || held.Run != first.Run() {
		t.Errorf("the second: %v", err)
	}
	for _, r := range []*Rollout{second, first} {
		if _, err := r.End(verdict.Stopped, ""); err != nil {
			t.Error(err)
		}
	}
	pristine(t, c)
}

// TestRolloutWhereEachCallFails has each call of a rollout fail, once or from then on.
func TestRolloutWhereEachCallFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all := len(failedRollout(t, 0, false).calls)
		if all < 8 {
			t.Fatalf("%d calls are no whole rollout", all)
		}
		for n := 1; n <= all; n++ {
			for _, forGood := range []bool{false, true} {
				failedRollout(t, n, forGood)
			}
		}
	})
}

// failedRollout makes two steps of which call n fails; whatever comes of it is told, and is right.
func failedRollout(t *testing.T, n int, forGood bool) *cloud {
	c, state := newCloud(), NewState(t.TempDir())
	calls := 0
	c.fail = func(string, string) error {
		calls++
		if calls == n || forGood && calls > n && n > 0 {
			return errors.New("it failed")
		}
		return nil
	}
	r := beginTest(t, t.Context(), state)
	var err error
	for _, s := range []Step{c.step("a", "5"), c.step("a", "50")} {
		if err = r.Step(s); err == nil {
			err = r.Check()
		}
		if err != nil {
			break
		}
	}
	if (err == nil) && n > 0 && n < 8 { // the calls before the undo
		t.Errorf("call %d failed, and nobody heard of it", n)
	}
	res, err := r.End(verdict.Inconclusive, "")
	if err != nil {
		t.Error(err)
	}
	if len(res.Residue) > 0 {
		if !forGood || res.Verdict != verdict.Error {
			t.Errorf("call %d: %+v", n, res)
		}
		c.fail = nil
		got, err := state.Recover(t.Context(), "", RecoverOptions{Revert: c.restore})
		if err != nil || len(got) != 1 || got[0].Failed() {
			t.Errorf("recover: %+v, %v", got, err)
		}
	}
	pristine(t, c)
	return c
}

// TestRolloutIsStopped says stop in every way, after a step.
func TestRolloutIsStopped(t *testing.T) {
	ways := map[StopKind]func(*testing.T, *State, *Rollout, context.CancelFunc){
		StopInterrupted: func(_ *testing.T, _ *State, _ *Rollout, cancel context.CancelFunc) { cancel() },
		StopRequested: func(t *testing.T, s *State, r *Rollout, _ context.CancelFunc) {
			if err := s.RequestStop(t.Context(), r.Run(), "enough"); err != nil {
				t.Error(err)
			}
		},
		StopKillSwitch: func(t *testing.T, s *State, _ *Rollout, _ context.CancelFunc) {
			if err := s.Engage(t.Context(), "fire"); err != nil {
				t.Error(err)
			}
		},
		StopMoved: func(_ *testing.T, _ *State, r *Rollout, _ context.CancelFunc) { r.Halt(StopMoved, "moved") },
	}
	for kind, order := range ways {
		t.Run(string(kind), func(t *testing.T) {
			c, state := newCloud(), NewState(t.TempDir())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r := beginTest(t, ctx, state)
			if err := r.Step(c.step("a", "5")); err != nil {
				t.Fatal(err)
			}
			order(t, state, r, cancel)
			select {
			case <-r.Context().Done():
			case <-t.Context().Done():
				t.Fatal("it does not stop")
			}
			if err := errors.Join(r.Step(c.step("a", "50"))); err == nil {
				t.Error("it goes on")
			}
			if err := r.Keep(); err == nil {
				t.Error("it was kept although somebody said stop")
			}
			res, err := r.End(verdict.Stopped, "")
			if err != nil || res.Stop == nil || res.Stop.Kind != kind {
				t.Errorf("%+v, %v", res.Stop, err)
			}
			pristine(t, c)
		})
	}
}

// TestRolloutThatMovesUnderUs leaves alone what somebody else did.
func TestRolloutThatMovesUnderUs(t *testing.T) {
	c, state := newCloud(), NewState(t.TempDir())
	r := beginTest(t, t.Context(), state)
	if err := r.Step(c.step("a", "5")); err != nil {
		t.Fatal(err)
	}
	c.set("a", "theirs")
	for _, err := range []error{r.Check(), r.Step(c.step("a", "50"))} {
		if what, ok := DriftOf(err); !ok || what != "it is theirs" {
			t.Errorf("%v", err)
		}
	}
	res, err := r.End(verdict.Stopped, "")
	if err != nil || len(res.Residue) > 0 || res.Conditions[0].Drift != "it is theirs" || c.value("a") != "theirs" {
		t.Errorf("%+v, %v; it is %s", res, err, c.value("a"))
	}
}

// TestRolloutAsksGuards refuses what guards files do not allow.
func TestRolloutAsksGuards(t *testing.T) {
	c, state := newCloud(), NewState(t.TempDir())
	r, err := Begin(t.Context(), RolloutOptions{State: state, Guards: []experiment.Guards{{File: "house.yaml", Protected: []string{"a*"}}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Step(c.step("a", "5")); err == nil || !strings.Contains(err.Error(), "protected") {
		t.Errorf("%v", err)
	}
	if err := r.Step(c.step("b", "5")); err != nil {
		t.Error(err)
	}
	if _, err := r.End(verdict.Inconclusive, ""); err != nil {
		t.Error(err)
	}
	pristine(t, c)
	if err := state.Engage(t.Context(), "fire"); err != nil {
		t.Fatal(err)
	}
	if _, err := Begin(t.Context(), RolloutOptions{State: state}); err == nil {
		t.Error("it began under the kill switch")
	}
	if err := state.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	closed := experiment.Guards{File: "house.yaml", Calendar: "c.ics"}
	registry := Registry{Calendar: func(experiment.Guards) (calendar.Freezes, error) { return calendar.Freezes{}, errors.New(today) }}
	if _, err := Begin(t.Context(), RolloutOptions{State: state, Guards: []experiment.Guards{closed}, Registry: registry}); err == nil {
		t.Error("it began although nobody knows whether it may")
	}
}

// A forgetful home loses the reply to the record that a rollout is kept, which it writes.
type forgetful struct{ Home }

func (f forgetful) Claim(ctx context.Context, run string, fresh bool) (Claim, error) {
	c, err := f.Home.Claim(ctx, run, fresh)
	return forgetfulClaim{c}, err
}

type forgetfulClaim struct{ Claim }

func (c forgetfulClaim) Append(lines []byte, durable bool) error {
	err := c.Claim.Append(lines, durable)
	if err == nil && strings.Contains(string(lines), `"type":"kept"`) {
		return errors.New("the reply was lost")
	}
	return err
}

// TestRolloutOfWhichNobodyKnowsWhetherItIsKept is put back by a recovery if it could not be put back by itself, although
// its journal says that it was kept.
func TestRolloutOfWhichNobodyKnowsWhetherItIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, dir := newCloud(), t.TempDir()
		r := beginTest(t, t.Context(), StateAt(forgetful{Folder(dir)}))
		for _, s := range []Step{c.step("a", "5"), c.step("b", "7")} {
			if err := r.Step(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.Keep(); err == nil {
			t.Fatal("it counts as kept")
		}
		c.fail = func(call, target string) error {
			if call == "revert" && target == "a" {
				return errors.New("it failed")
			}
			return nil
		}
		res, err := r.End(verdict.Error, "")
		if err != nil || len(res.Residue) != 1 {
			t.Fatalf("%+v, %v", res, err)
		}
		c.fail = nil
		state := NewState(dir)
		if info := state.Info(t.Context(), r.Run()); !info.Unfinished() {
			t.Errorf("nothing is said to be pending: %+v", info)
		}
		got, err := state.Recover(t.Context(), "", RecoverOptions{Revert: c.restore})
		if err != nil || len(got) != 1 || got[0].Failed() {
			t.Errorf("recover: %+v, %v", got, err)
		}
		pristine(t, c)
	})
}

// TestRolloutIsNotKeptAfterAnOrderToStop that nobody has seen yet.
func TestRolloutIsNotKeptAfterAnOrderToStop(t *testing.T) {
	for kind, order := range map[StopKind]func(context.Context, *State, string) error{
		StopRequested:  func(ctx context.Context, s *State, run string) error { return s.RequestStop(ctx, run, "enough") },
		StopKillSwitch: func(ctx context.Context, s *State, _ string) error { return s.Engage(ctx, "fire") },
	} {
		synctest.Test(t, func(t *testing.T) {
			c, state := newCloud(), NewState(t.TempDir())
			r := beginTest(t, t.Context(), state)
			if err := r.Step(c.step("a", "5")); err != nil {
				t.Fatal(err)
			}
			if err := order(t.Context(), state, r.Run()); err != nil {
				t.Fatal(err)
			}
			if err := r.Keep(); err == nil {
				t.Errorf("%s: it was kept", kind)
			}
			res, err := r.End(verdict.Stopped, "")
			if err != nil || res.Stop == nil || res.Stop.Kind != kind {
				t.Errorf("%s: %+v, %v", kind, res.Stop, err)
			}
			pristine(t, c)
		})
	}
}

// TestRolloutThatDiesAfterItWasKept is told from one that left nothing.
func TestRolloutThatDiesAfterItWasKept(t *testing.T) {
	c, state := newCloud(), NewState(t.TempDir())
	r := beginTest(t, t.Context(), state)
	if err := errors.Join(r.Step(c.step("a", "5")), r.Keep()); err != nil {
		t.Fatal(err)
	}
	r.close()
	if info := state.Info(t.Context(), r.Run()); !info.Kept || info.Unfinished() {
		t.Errorf("%+v", info)
	}
}
