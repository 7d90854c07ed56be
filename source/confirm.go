package source

import (
	"context"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// A Confirmer is a Source whose answer may be old, because nobody asks while an environment is frozen. Confirm returns
// the set from which a fault may be enacted now. It may wait, a moment at most, for an answer that is on its way;
// hosts call it only for what would be hit, so that nothing else ever waits.
type Confirmer interface {
	Confirm(ctx context.Context, now time.Time) *fault.Set
}

// Confirm is what a host asks before it enacts something of a set that s gave it: usually the answer is that set.
// Otherwise the fault has been changed or stopped meanwhile, and the host plans anew.
func Confirm(ctx context.Context, s Source, set *fault.Set, now time.Time) *fault.Set {
	if c, ok := s.(Confirmer); ok {
		return c.Confirm(ctx, now)
	}
	return set
}

// Plan plans an invocation with a set that s gave; a plan that hits comes from a set that was confirmed.
func Plan(ctx context.Context, s Source, set *fault.Set, inv fault.Invocation, now time.Time) (fault.Plan, *fault.Set) {
	plan := set.Plan(inv, now)
	if plan.Empty() {
		return plan, set
	}
	if sure := Confirm(ctx, s, set, now); sure != set {
		return sure.Plan(inv, time.Now()), sure
	}
	return plan, set
}
