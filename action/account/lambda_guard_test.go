package account

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"
)

// A guarded kind is one next to which somebody else may write at any moment: between is such a change. AWS Lambda guards
// functions and aliases by revisions.
type guarded struct {
	fixture
	between func(t *testing.T, w world)
}

func guardedKinds() []guarded {
	describe := func(t *testing.T, w world) {
		reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{Description: aws.String("by somebody else")})
	}
	return []guarded{
		{aliasFixture(), func(t *testing.T, w world) {
			updateAlias(t, w, lambda.UpdateAliasInput{Description: aws.String("by somebody else")})
		}},
		{eventSourceFixture(), func(t *testing.T, w world) { batch(t, w, 5) }},
		{environmentFixture(), func(t *testing.T, w world) { setVariable(t, w, "NEW", "by somebody else") }},
		{layerFixture(), describe},
		{memoryFixture(), describe},
		{timeoutFixture(), describe},
	}
}

// TestWritesOnOthersRevisions lets somebody else change another setting before each call, so also between each look and the
// write that follows it.
func TestWritesOnOthersRevisions(t *testing.T) {
	stand := newStand(t)
	for _, g := range guardedKinds() {
		t.Run(g.kind, func(t *testing.T) {
			t.Parallel()
			stand := stand.behind(t, g.fixture)
			n := 1
			for g.interrupt(t, stand, n) {
				n++
			}
			if n < 6 {
				t.Errorf("only %d calls: what was interrupted?", n-1)
			}
		})
	}
}

// interrupt makes the other change before the nth call of Apply and Revert; it says whether there was one.
func (g guarded) interrupt(t *testing.T, stand *stand, n int) bool {
	s := newSubject(t, stand, g.fixture)
	undo := s.prepare(t)
	s.failAt(n, failure{via: func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		g.between(t, s.world)
		return next.RoundTrip(r)
	}})
	if err := s.change.Apply(t.Context(), undo); err != nil {
		t.Fatalf("before call %d: Apply: %v", n, err)
	}
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Fatalf("before call %d: Revert: %v", n, err)
	}
	if !s.heal() {
		return false
	}
	plain := stand.world()
	g.setup(t, plain)
	g.between(t, plain)
	if diff := cmp.Diff(g.look(t, plain), g.look(t, s.world)); diff != "" {
		t.Errorf("before call %d: not the other change alone (-alone +now):\n%s", n, diff)
	}
	return true
}

// TestUpdatesUnderWay finds an update of somebody else's under way, and lets each of its own take a while.
func TestUpdatesUnderWay(t *testing.T) {
	stand := newStand(t)
	for _, g := range guardedKinds() {
		t.Run(g.kind, func(t *testing.T) {
			t.Parallel()
			var front *lambdaFront
			g.front = func(next http.Handler) http.Handler {
				front = newLambdaFront(next)
				return front
			}
			s := newSubject(t, stand.behind(t, g.fixture), g.fixture)
			g.between(t, s.world)
			s.before = s.look(t, s.world)
			front.takeTime(s.account)
			g.between(t, s.world)
			undo := s.apply(t)
			if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 1 {
				t.Errorf("Proof = %+v, %v", p, err)
			}
			if err := s.change.Revert(t.Context(), undo); err != nil {
				t.Fatalf("Revert: %v", err)
			}
			s.restored(t)
		})
	}
}

// TestUpdatesThatFail: what AWS Lambda has accepted and could not do is neither a fault that is there nor one that is gone.
func TestUpdatesThatFail(t *testing.T) {
	f := memoryFixture()
	var front *lambdaFront
	f.front = func(next http.Handler) http.Handler {
		front = newLambdaFront(next)
		return front
	}
	s := newSubject(t, newStand(t).behind(t, f), f)
	undo := s.prepare(t)
	front.failNext(s.account)
	if err := s.change.Apply(t.Context(), undo); err == nil {
		t.Error("Apply made an update that failed")
	}
	front.failNext(s.account)
	if err := s.change.Revert(t.Context(), undo); err == nil {
		t.Error("Revert took the fault back by an update that failed")
	}
	if _, err := s.fresh(t).Prepare(t.Context()); err == nil || !strings.Contains(err.Error(), "its last update failed") {
		t.Errorf("Prepare on what is not in effect: %v", err)
	}
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Errorf("Revert again: %v", err)
	}
	s.restored(t)
	if _, err := s.fresh(t).Prepare(t.Context()); err != nil {
		t.Errorf("Prepare again: %v", err)
	}
}
