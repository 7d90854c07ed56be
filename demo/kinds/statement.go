package kinds

import (
	"context"
	"fmt"
	"time"
)

// statement lists what a customer has ordered. It takes more than a second, and finds its table by a variable of its
// environment: enough for the faults around functions, which demo/statement has.
func statement(w world) (any, error) {
	table := w.getenv("TABLE")
	return func(ctx context.Context) (map[string]any, error) {
		timer := time.NewTimer(1200 * time.Millisecond) // the pretended query
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-timer.C:
		}
		if table != "orders" {
			return nil, fmt.Errorf("there is no table %q", table)
		}
		return map[string]any{"table": table, "orders": 3}, nil
	}, nil
}
