package action

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/fault"
)

// A Description says what an action would do, for "plan".
type Description struct {
	Target string // frozen identity
	Change string
	Where  string
	Undo   string
}

// Describe reads the target and says what Apply would change. It refuses what Prepare refuses.
func (a *FaultSet) Describe(ctx context.Context) (Description, error) {
	if _, err := a.Prepare(ctx); err != nil {
		return Description{}, err
	}
	s, err := a.factory.open(a.place, a.params.Run)
	if err != nil {
		return Description{}, err
	}
	c := a.condition
	change := fmt.Sprintf("put %s%s on %g %% of the invocations", c.Fault, settings(c.With), c.Percentage*a.params.Share/100)
	if n := len(c.Match); n > 0 {
		change += fmt.Sprintf(" that match %d condition(s)", n)
	}
	return Description{
		Target: a.place.key(), Change: change, Where: "fault set in " + a.place.String() + a.signature(),
		Undo: fmt.Sprintf("take it out again; its lease of %s ends it in any case", s.lease(a.params.Lease)),
	}, nil
}

// settings renders attributes as people wrote them.
func settings(with fault.Attributes) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(with)) {
		parts = append(parts, fmt.Sprintf("%s %v", name, with[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
