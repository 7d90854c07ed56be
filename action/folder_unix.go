//go:build !windows

package action

import (
	"context"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockFolder waits for the folder's lock. The folder itself carries it, so that nothing is left beside the
// user's file; it ends with the process.
func lockFolder(ctx context.Context, dir string) (unlock func(), err error) {
	l := flock.New(dir, flock.SetFlag(os.O_RDONLY))
	if _, err := l.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		_ = l.Close()
		return nil, err
	}
	return func() { _ = l.Close() }, nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
