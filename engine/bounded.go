package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// A PanicError is a panic in somebody's action, probe, generator or observer.
type PanicError struct {
	Value any
	Stack []byte // of the goroutine that panicked
}

// Error names the value; the stack is for logs.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// safely turns a panic of f into an error.
func safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{v, debug.Stack()}
		}
	}()
	return f()
}

// patience is how long a call may take to come back after its context has ended.
const patience = 2 * time.Second

// bounded calls f and gives up on it when it does not return soon after its context has ended. f may then
// still be at work, so it must share nothing but its arguments and its return value.
func bounded[T any](ctx context.Context, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		var a answer
		if err := safely(func() (err error) { a.value, err = f(ctx); return err }); err != nil {
			a.err = err
		}
		done <- a
	}()
	select {
	case a := <-done:
		return a.value, a.err
	case <-ctx.Done():
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case a := <-done:
		return a.value, a.err
	case <-late.C:
		var none T
		return none, fmt.Errorf("did not return after it was told to end: %w", context.Cause(ctx))
	}
}
