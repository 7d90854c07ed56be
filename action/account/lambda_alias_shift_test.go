package account

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/action"
)

// shiftSubject is an alias of version 2, to be led to version 3, behind a server with revisions.
func shiftSubject(t *testing.T, stand *stand) (world, *Shift) {
	t.Helper()
	w := stand.behind(t, aliasFixture()).world()
	aliased(t, w)
	s, err := w.factory().Shift(t.Context(), "inventory:live", 3)
	if err == nil {
		err = s.Check(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.Baseline() != "2" || s.Canary() != "3" {
		t.Fatalf("from %s to %s", s.Baseline(), s.Canary())
	}
	return w, s
}

// shares are the steps of a whole shift.
var shares = []float64{5, 50, 100}

// goThrough makes steps until one fails, and returns the undo record that a journal would hold then.
func goThrough(t *testing.T, s *Shift, shares []float64) (undo json.RawMessage, err error) {
	for i, share := range shares {
		step := s.Lead(share)
		var next json.RawMessage
		if i == 0 {
			next, err = step.Prepare(t.Context())
		} else {
			next, err = step.Continue(t.Context(), undo)
		}
		if err != nil {
			return undo, err
		}
		undo = next
		if err := step.Apply(t.Context(), undo); err != nil {
			return undo, err
		}
		if err := step.Check(t.Context(), undo); err != nil {
			return undo, err
		}
	}
	return undo, nil
}

// putBack is another process, which has nothing but the undo record.
func putBack(t *testing.T, w world, undo json.RawMessage) error {
	t.Helper()
	a, err := w.factory().Restore(ShiftKind)
	if err != nil {
		t.Fatal(err)
	}
	return a.Revert(t.Context(), undo)
}

// TestShiftGoesAndComesBack goes to each step, and back from there, twice.
func TestShiftGoesAndComesBack(t *testing.T) {
	stand, f := newStand(t), aliasFixture()
	for n := range shares {
		w, s := shiftSubject(t, stand)
		before := f.look(t, w)
		undo, err := goThrough(t, s, shares[:n+1])
		if err != nil {
			t.Fatal(err)
		}
		out, err := lambda.NewFromConfig(w.cfg).GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("inventory"), Name: aws.String("live")})
		if err != nil {
			t.Fatal(err)
		}
		version, weights := "2", 1
		if shares[n] == 100 {
			version, weights = "3", 0
		}
		if got := out.RoutingConfig; aws.ToString(out.FunctionVersion) != version || (got != nil && len(got.AdditionalVersionWeights) != weights) || weights == 1 && got.AdditionalVersionWeights["3"] != shares[n]/100 {
			t.Errorf("at %g %%: version %s, %+v", shares[n], *out.FunctionVersion, out.RoutingConfig)
		}
		for range 2 {
			if err := putBack(t, w, undo); err != nil {
				t.Error(err)
			}
		}
		if calls, want := w.calls.list(), []string{"lambda:GetAlias", "lambda:GetFunctionConfiguration", "lambda:UpdateAlias"}; !slices.Equal(calls, want) {
			t.Errorf("it needs %v, docs/canary.md says %v", calls, want)
		}
		if after := f.look(t, w); after != before {
			t.Errorf("from %g %%:\n%s\nwant\n%s", shares[n], after, before)
		}
	}
}

// TestShiftWhereCallsFail lets each call fail in each way, or the process die at it; another one puts everything back.
func TestShiftWhereCallsFail(t *testing.T) {
	stand, f := newStand(t), aliasFixture()
	const calls = 15 // five for each step
	for _, how := range failures {
		for n := 1; n <= calls; n++ {
			for _, dies := range []bool{false, true} {
				if dies && how.name != "reply lost" {
					continue // dying before a call and after it is all there is
				}
				w, s := shiftSubject(t, stand)
				before := f.look(t, w)
				if dies {
					w.failFrom(n, how)
				} else {
					w.failAt(n, how)
				}
				undo, err := goThrough(t, s, shares)
				if !w.heal() {
					t.Fatalf("%s: there is no call %d", how.name, n)
				}
				if err == nil && (dies && n < calls || how.name != "reply lost") { // a lost reply is found out by looking
					t.Errorf("%s at %d: nobody heard of it", how.name, n)
				}
				if undo != nil {
					if err := putBack(t, w, undo); err != nil {
						t.Errorf("%s at %d: %v", how.name, n, err)
					}
				}
				if after := f.look(t, w); after != before {
					t.Errorf("%s at %d, dies=%v:\n%s\nwant\n%s", how.name, n, dies, after, before)
				}
			}
		}
	}
}

// TestShiftThatIsMoved leaves alone what somebody else did, at each point.
func TestShiftThatIsMoved(t *testing.T) {
	stand, f := newStand(t), aliasFixture()
	for name, theirs := range map[string]lambda.UpdateAliasInput{
		"other weights":         {RoutingConfig: weights("1", 0.3)},
		"our version, a weight": {RoutingConfig: weights("3", 0.3)},
		"another version":       {FunctionVersion: aws.String("1"), RoutingConfig: weights("3", 0.07)},
	} {
		t.Run(name, func(t *testing.T) {
			w, s := shiftSubject(t, stand)
			undo, err := goThrough(t, s, shares[:2])
			if err != nil {
				t.Fatal(err)
			}
			next, err := s.Lead(100).Continue(t.Context(), undo)
			if err != nil {
				t.Fatal(err)
			}
			updateAlias(t, w, theirs)
			want := f.look(t, w)
			_, err = s.Lead(100).Continue(t.Context(), undo)
			errs := []error{err, s.Lead(50).Check(t.Context(), undo), s.Lead(100).Apply(t.Context(), next), putBack(t, w, undo), putBack(t, w, next)}
			for i, err := range errs {
				var drift *action.Drift
				if !errors.As(err, &drift) {
					t.Errorf("%d: %v", i, err)
				}
			}
			if got := f.look(t, w); got != want {
				t.Errorf("theirs was overwritten:\n%s", got)
			}
		})
	}
}

// TestShiftBesideAnEdit: what is changed beside the routing is nobody's business, and stays.
func TestShiftBesideAnEdit(t *testing.T) {
	w, s := shiftSubject(t, newStand(t))
	undo, err := goThrough(t, s, shares[:1])
	if err != nil {
		t.Fatal(err)
	}
	updateAlias(t, w, lambda.UpdateAliasInput{Description: aws.String("theirs")})
	if undo, err = s.Lead(50).Continue(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Lead(50).Apply(t.Context(), undo), putBack(t, w, undo)); err != nil {
		t.Error(err)
	}
	if got := aliasFixture().look(t, w); !strings.Contains(got, `"theirs"`) {
		t.Errorf("their description is gone:\n%s", got)
	}
}

// TestShiftRefuses what cannot be, and what somebody else is at.
func TestShiftRefuses(t *testing.T) {
	stand := newStand(t)
	for name, tc := range map[string]struct {
		alias   string
		version int
		before  lambda.UpdateAliasInput
		want    string
	}{
		"no such version":       {"inventory:live", 9, lambda.UpdateAliasInput{}, "has no version 9"},
		"leads there":           {"inventory:live", 2, lambda.UpdateAliasInput{}, "leads already"},
		"somebody else's":       {"inventory:live", 3, lambda.UpdateAliasInput{RoutingConfig: weights("1", 0.1)}, "a shift is under way"},
		"somebody's, to ours":   {"inventory:live", 3, lambda.UpdateAliasInput{RoutingConfig: weights("3", 0.1)}, "a shift is under way"},
		"unpublished":           {"inventory:live", 3, lambda.UpdateAliasInput{FunctionVersion: aws.String("$LATEST")}, "$LATEST"},
		"a function":            {"inventory", 3, lambda.UpdateAliasInput{}, "is no alias"},
		"no such alias":         {"inventory:typo", 3, lambda.UpdateAliasInput{}, "there is no alias"},
		"an alias as a version": {"inventory:3", 2, lambda.UpdateAliasInput{}, "is no alias"},
	} {
		t.Run(name, func(t *testing.T) {
			w := stand.world()
			aliased(t, w)
			updateAlias(t, w, tc.before)
			s, err := w.factory().Shift(t.Context(), tc.alias, tc.version)
			if err == nil {
				err = s.Check(t.Context())
			}
			var refused *action.Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || refused.Tip == "" {
				t.Errorf("%v, want %q and a hint", err, tc.want)
			}
		})
	}
}
