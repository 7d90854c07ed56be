package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/firedrill-dev/firedrill/verdict"
)

// TestWaitsForATarget: a run whose target another run has asks whether to try again, and has nothing in its hands meanwhile.
func TestWaitsForATarget(t *testing.T) {
	for _, again := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			several(x)
			o := options(t, c)
			other, err := o.State.home.Claim(t.Context(), "01OTHER", true)
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Lock(t.Context(), []string{"b"}); err != nil {
				t.Fatal(err)
			}
			asked := 0
			o.Wait = func(ctx context.Context, held *TargetHeld) bool {
				asked++
				if held.Target != "b" || held.Run != "01OTHER" || held.Gone {
					t.Errorf("%+v", held)
				}
				if err := other.Lock(ctx, []string{"a"}); err != nil {
					t.Errorf("the run that waits has the other target: %v", err)
				}
				other.Release(true)
				return again
			}
			r, err := Run(t.Context(), x, o)
			if err != nil || asked != 1 {
				t.Fatalf("asked %d times, %v", asked, err)
			}
			if want := map[bool]verdict.Outcome{true: verdict.Held, false: verdict.Error}[again]; r.Verdict != want {
				t.Errorf("%s: %s", r.Verdict, r.Reason)
			}
		})
	}
}

// TestLocksAreTakenTogether: what a claim could not have whole it does not have in part, and it can ask again.
func TestLocksAreTakenTogether(t *testing.T) {
	folder := Folder(t.TempDir())
	one, err := folder.Claim(t.Context(), "01ONE", true)
	if err != nil {
		t.Fatal(err)
	}
	two, err := folder.Claim(t.Context(), "01TWO", true)
	if err != nil {
		t.Fatal(err)
	}
	defer two.Release(true)
	var held *TargetHeld
	if err := errors.Join(one.Lock(t.Context(), []string{"b"}), two.Lock(t.Context(), []string{"c"})); err != nil {
		t.Fatal(err)
	}
	if err := two.Lock(t.Context(), []string{"a", "b"}); !errors.As(err, &held) || held.Run != "01ONE" {
		t.Fatalf("got %v", err)
	}
	if err := one.Lock(t.Context(), []string{"a"}); err != nil {
		t.Errorf("a is locked, but nobody's: %v", err)
	}
	if err := one.Lock(t.Context(), []string{"c"}); !errors.As(err, &held) || held.Run != "01TWO" {
		t.Errorf("what was taken before is lost: %v", err)
	}
	one.Release(true)
	if err := two.Lock(t.Context(), []string{"a", "b"}); err != nil {
		t.Errorf("the second time: %v", err)
	}
}

// TestReachNamesWholeGroups: also those of a group that a run would not pick.
func TestReachNamesWholeGroups(t *testing.T) {
	c, x := newCloud(), example(t)
	several(x)
	x.Conditions[0].Target.Count = 1
	names, err := Reach(t.Context(), x, c.registry())
	if err != nil || len(names) < 2 || names[0] != "a" || names[1] != "b" {
		t.Errorf("%q, %v", names, err)
	}
	usual, longest := Length(x, nil)
	if usual <= x.Phases.Fault || longest < usual {
		t.Errorf("takes %s, at most %s", usual, longest)
	}
}
