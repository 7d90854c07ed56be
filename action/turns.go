package action

import (
	"context"
	"fmt"
	"sync"
)

// turns let one writer of this process after the other to what takes only one at a time.
type turns struct {
	mu  sync.Mutex
	now map[string]chan struct{} // full while it is somebody's turn
}

// take waits for a turn and gives it back when done is called.
func (t *turns) take(ctx context.Context, at string) (done func(), err error) {
	t.mu.Lock()
	if t.now == nil {
		t.now = map[string]chan struct{}{}
	}
	turn := t.now[at]
	if turn == nil {
		turn = make(chan struct{}, 1)
		t.now[at] = turn
	}
	t.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the run's other changes of %s: %w", at, context.Cause(ctx))
	}
}
