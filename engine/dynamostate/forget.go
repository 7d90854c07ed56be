package dynamostate

import (
	"context"
	"errors"
	"io/fs"

	"github.com/firedrill-dev/firedrill/engine"
)

var _ engine.Forgetter = (*Table)(nil)

// Forget removes a run: from the list first, so that nobody sees the half of it. Targets that the run could not give back go before that: with
// its run gone, nobody could take one any more.
func (t *Table) Forget(ctx context.Context, run string) error {
	if err := t.giveBack(ctx, run); err != nil {
		return err
	}
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

// giveBack unlocks what a run has locked whose process is gone.
func (t *Table) giveBack(ctx context.Context, run string) error {
	c := &claim{table: t, run: run, holder: token()}
	err := c.takeOver(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.end(ctx, false)
	return c.unlock(ctx)
}
