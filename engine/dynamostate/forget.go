package dynamostate

import (
	"context"

	"github.com/firedrill-dev/firedrill/engine"
)

var _ engine.Forgetter = (*Table)(nil)

// Forget removes a run: from the list first, so that nobody sees the half of it.
func (t *Table) Forget(ctx context.Context, run string) error {
	if err := t.remove(ctx, allRuns, run); err != nil {
		return err
	}
	for _, name := range []string{"stop", "report.json"} {
		if err := t.Remove(ctx, "runs/"+run+"/"+name); err != nil {
			return err
		}
	}
	items, err := t.query(ctx, runKey(run), "0", last)
	for _, it := range items {
		if err == nil {
			err = t.remove(ctx, runKey(run), textOf(it[sortKey]))
		}
	}
	return err
}
