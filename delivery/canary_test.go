package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/delivery"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A street is traffic on a way from an old version to a new one: the share that the new one gets, and all that it ever got.
type street struct {
	mu      sync.Mutex
	share   float64
	history []float64
	fail    func(step string) error
}

func (s *street) lead(share float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.share = share
	s.history = append(s.history, share)
}

func (s *street) now() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.share
}

func (s *street) step(share float64) engine.Step {
	return engine.Step{Name: "street", Kind: "street", Share: share, Target: engine.Targeted{Action: turn{s, share}, Key: "street"}}
}

// A turn is a step to a share; its undo record is the shares that it may have led to.
type turn struct {
	s  *street
	to float64
}

func (t turn) failing(step string) error {
	if t.s.fail == nil {
		return nil
	}
	return t.s.fail(step)
}

func (t turn) Prepare(context.Context) (json.RawMessage, error) {
	return json.RawMessage(fmt.Sprintf("[%g]", t.to)), t.failing("prepare")
}

func (t turn) Continue(ctx context.Context, undo json.RawMessage) (json.RawMessage, error) {
	ours := shares(undo)
	if err := t.Check(ctx, undo); err != nil {
		return nil, err
	}
	return json.Marshal(append(ours, t.to))
}

func (t turn) Check(_ context.Context, undo json.RawMessage) error {
	if err := t.failing("check"); err != nil {
		return err
	}
	ours := shares(undo)
	if now := t.s.now(); now != ours[len(ours)-1] {
		return drift(fmt.Sprintf("it is %g", now))
	}
	return nil
}

func (t turn) Apply(context.Context, json.RawMessage) error {
	t.s.lead(t.to)
	return t.failing("apply")
}

func (t turn) Revert(_ context.Context, undo json.RawMessage) error {
	if err := t.failing("revert"); err != nil {
		return err
	}
	if now := t.s.now(); now != 0 && !slices.Contains(shares(undo), now) {
		return drift(fmt.Sprintf("it is %g", now))
	}
	t.s.lead(0)
	return nil
}

func shares(undo json.RawMessage) (out []float64) {
	if err := json.Unmarshal(undo, &out); err != nil {
		panic(err)
	}
	return out
}

type drift string

func (d drift) Error() string { return string(d) }
func (d drift) Drift() string { return string(d) }

// ran is the run of an experiment.
func ran(v verdict.Outcome) *engine.Result {
	return &engine.Result{Run: "01" + string(v), Verdict: v, Reason: "so it is", Experiment: &experiment.Experiment{Title: "x"}}
}

// refutedBefore is a run that was not begun because a measure did not hold without any fault.
func refutedBefore() *engine.Result {
	r := ran(verdict.NotSteady)
	r.Measures = []engine.MeasureResult{{Baseline: verdict.Finding{Outcome: verdict.Disproved}}}
	return r
}

func withResidue() *engine.Result {
	r := ran(verdict.Held)
	r.Residue = []engine.Residue{{Error: "left"}}
	return r
}

// A script is what the experiments come to at 50 %; before that they hold.
type script func(s *street, attempt int) ([]*engine.Result, error)

func always(results ...*engine.Result) script {
	return func(*street, int) ([]*engine.Result, error) { return results, nil }
}

// send sends a canary on its way, with one retry.
func send(t *testing.T, s *street, play script) (*delivery.Result, *engine.State) {
	t.Helper()
	state := engine.NewState(t.TempDir())
	r, err := engine.Begin(t.Context(), engine.RolloutOptions{State: state, Title: "canary"})
	if err != nil {
		t.Fatal(err)
	}
	attempt := 0
	c := delivery.Canary{
		Plan: delivery.Plan{Steps: []float64{5, 50, 100}, Bake: time.Second, Retries: 1}, Lead: s.step, Look: 100 * time.Millisecond,
		Verify: func(ctx context.Context, share float64) ([]*engine.Result, error) {
			time.Sleep(time.Second)
			if share != s.now() && s.fail == nil {
				t.Errorf("verified at %g %%, but it is %g", share, s.now())
			}
			if share < 50 {
				return always(ran(verdict.Held))(s, 0)
			}
			attempt++
			return play(s, attempt)
		},
	}
	res, err := c.Run(r)
	if err != nil {
		t.Fatal(err)
	}
	return res, state
}

// TestOnlyWhatHeldIsPromoted plays everything that experiments can come to.
func TestOnlyWhatHeldIsPromoted(t *testing.T) {
	held := ran(verdict.Held)
	for name, tc := range map[string]struct {
		play  script
		want  delivery.Outcome
		tries int
		share float64 // that users are left with
	}{
		"held":                 {always(held, held), delivery.Promoted, 3, 100},
		"disproved":            {always(held, ran(verdict.Disproved)), delivery.Disproved, 2, 0},
		"disproved, no fault":  {always(refutedBefore()), delivery.Disproved, 2, 0},
		"not steady":           {always(ran(verdict.NotSteady)), delivery.Inconclusive, 3, 0},
		"inconclusive":         {always(ran(verdict.Inconclusive)), delivery.Inconclusive, 3, 0},
		"no experiment":        {always(), delivery.Inconclusive, 3, 0},
		"stopped":              {always(ran(verdict.Stopped)), delivery.Stopped, 2, 0},
		"the run failed":       {always(ran(verdict.Error)), delivery.Failed, 2, 0},
		"an unknown verdict":   {always(ran("splendid")), delivery.Failed, 2, 0},
		"no verdict":           {always(ran("")), delivery.Failed, 2, 0},
		"residue":              {always(withResidue()), delivery.Failed, 2, 0},
		"the worst counts":     {always(ran(verdict.Inconclusive), ran(verdict.Disproved), held), delivery.Disproved, 2, 0},
		"could not be run":     {func(*street, int) ([]*engine.Result, error) { return nil, errors.New("no") }, delivery.Failed, 2, 0},
		"held, but then broke": {func(*street, int) ([]*engine.Result, error) { return []*engine.Result{held}, errors.New("no") }, delivery.Failed, 2, 0},
		"settled the second time": {func(_ *street, n int) ([]*engine.Result, error) {
			if n == 1 {
				return []*engine.Result{ran(verdict.Inconclusive)}, nil
			}
			return []*engine.Result{held}, nil
		}, delivery.Promoted, 4, 100},
		"moved": {func(s *street, _ int) ([]*engine.Result, error) {
			s.lead(33)
			time.Sleep(time.Second)
			return []*engine.Result{held}, nil
		}, delivery.Moved, 2, 33},
		"moved at last": {func(s *street, _ int) ([]*engine.Result, error) {
			s.lead(33) // between two looks
			return []*engine.Result{held}, nil
		}, delivery.Moved, 2, 33},
		"moved to where we had led it": {func(s *street, _ int) ([]*engine.Result, error) {
			s.lead(5) // from where it is led back
			return []*engine.Result{held}, nil
		}, delivery.Stopped, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &street{}
				res, _ := send(t, s, tc.play)
				if res.Outcome != tc.want || s.share != tc.share || len(res.Tries) != tc.tries {
					t.Errorf("%s (%s), %d tries, share %g; want %s, %d, %g", res.Outcome, res.Reason, len(res.Tries), s.share, tc.want, tc.tries, tc.share)
				}
				if slices.Contains(s.history, 100) != (tc.want == delivery.Promoted) {
					t.Errorf("it has been at %v", s.history)
				}
				if (res.Rollout.Verdict == verdict.Held) != (tc.want == delivery.Promoted) || res.Reason == "" {
					t.Errorf("%s: %s", res.Rollout.Verdict, res.Reason)
				}
			})
		})
	}
}

// TestCanaryWhereCallsFail: whatever fails, it is never promoted, and never left behind in silence.
func TestCanaryWhereCallsFail(t *testing.T) {
	for _, step := range []string{"prepare", "apply", "check", "revert"} {
		t.Run(step, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &street{fail: func(at string) error {
					if at == step {
						return errors.New(step + " failed")
					}
					return nil
				}}
				res, _ := send(t, s, always(ran(verdict.Disproved)))
				want := map[string]delivery.Outcome{"prepare": delivery.Refused}[step]
				if want == "" {
					want = delivery.Failed
				}
				if res.Outcome != want || !strings.Contains(res.Reason, step+" failed") {
					t.Errorf("%s: %s", res.Outcome, res.Reason)
				}
				if left := len(res.Rollout.Residue); (left > 0) != (step == "revert") || (s.share > 0) != (left > 0) {
					t.Errorf("%d left, share %g", left, s.share)
				}
			})
		})
	}
}

// TestCanaryIsStopped at each point of its way.
func TestCanaryIsStopped(t *testing.T) {
	for at := 100 * time.Millisecond; at < 6*time.Second; at += 500 * time.Millisecond {
		synctest.Test(t, func(t *testing.T) {
			s, state := &street{}, engine.NewState(t.TempDir())
			r, err := engine.Begin(t.Context(), engine.RolloutOptions{State: state})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				time.Sleep(at)
				if err := state.RequestStop(context.Background(), r.Run(), "enough"); err != nil {
					t.Error(err)
				}
			}()
			res, err := delivery.Canary{Plan: delivery.Plan{Steps: []float64{5, 50, 100}, Bake: time.Second}, Lead: s.step,
				Verify: func(ctx context.Context, _ float64) ([]*engine.Result, error) {
					select {
					case <-time.After(time.Second):
						return []*engine.Result{ran(verdict.Held)}, nil
					case <-ctx.Done():
						return []*engine.Result{ran(verdict.Stopped)}, nil
					}
				}}.Run(r)
			if err != nil || res.Outcome != delivery.Stopped || s.share != 0 || res.Rollout.Stop.Kind != engine.StopRequested {
				t.Errorf("stopped after %s: %s, %s, share %g, %v", at, res.Outcome, res.Reason, s.share, err)
			}
			if !strings.Contains(res.Reason, "enough") {
				t.Errorf("%s", res.Reason)
			}
		})
	}
}

// TestSecondCanaryIsRefused, and told who has the target.
func TestSecondCanaryIsRefused(t *testing.T) {
	s, state := &street{}, engine.NewState(t.TempDir())
	first, err := engine.Begin(t.Context(), engine.RolloutOptions{State: state})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Step(s.step(5)); err != nil {
		t.Fatal(err)
	}
	second, err := engine.Begin(t.Context(), engine.RolloutOptions{State: state})
	if err != nil {
		t.Fatal(err)
	}
	res, err := delivery.Canary{Plan: delivery.Plan{Steps: []float64{100}}, Lead: s.step}.Run(second)
	if err != nil || res.Outcome != delivery.Refused || !strings.Contains(res.Reason+res.Hint, first.Run()) {
		t.Errorf("%+v, %v", res.Judgment, err)
	}
	if s.now() != 5 {
		t.Errorf("the first one's share is %g now", s.now())
	}
	if _, err := first.End(verdict.Stopped, ""); err != nil {
		t.Error(err)
	}
}

// TestPlans says which plans are none.
func TestPlans(t *testing.T) {
	for _, tc := range []struct {
		plan delivery.Plan
		want string
	}{
		{delivery.Plan{Steps: []float64{5, 25, 50, 100}}, ""},
		{delivery.Plan{Steps: []float64{100}}, ""},
		{delivery.Plan{}, "the last step is 100"},
		{delivery.Plan{Steps: []float64{5, 25}}, "the last step is 100"},
		{delivery.Plan{Steps: []float64{0, 100}}, "steps rise"},
		{delivery.Plan{Steps: []float64{50, 25, 100}}, "steps rise"},
		{delivery.Plan{Steps: []float64{50, 101}}, "steps rise"},
		{delivery.Plan{Steps: []float64{math.NaN(), 100}}, "steps rise"},
		{delivery.Plan{Steps: []float64{100}, Bake: -1}, "bake"},
	} {
		err := tc.plan.Check()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want %q", tc.plan, err, tc.want)
		}
	}
}
