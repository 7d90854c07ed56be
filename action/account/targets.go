package account

import (
	"context"
	"fmt"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// expand is the names that a target means; of is the size of the group that they were picked from, 0 if each was named.
func (f *Factory) expand(ctx context.Context, k kind, at Place, t experiment.Target, run string) (names []string, of int, err error) {
	switch {
	case t.Lambda != "":
		return []string{t.Lambda}, 0, nil
	case len(t.Functions) > 0:
		return t.Functions, 0, nil
	case len(t.Resources) > 0:
		return t.Resources, 0, nil
	}
	return nil, 0, &action.Refused{Reason: fmt.Sprintf("the target of %s is empty", k.Kind.Kind), Tip: k.Target.Key + ": NAME"}
}
