package engine

import (
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// Locks are advisory locks of the operating system on files of the state folder: they end with the process
// that holds them, however it ends.

// A fileLock is held until released.
type fileLock struct{ f *flock.Flock }

// lockFile takes the lock at path; ErrHeld if another process, or another run of this one, has it. It tries for a moment only: long enough for somebody who merely looks whether the
// lock is held.
func lockFile(path string) (*fileLock, error) {
	f := flock.New(path, flock.SetPermissions(0o600))
	for attempt := 0; ; attempt++ {
		ok, err := f.TryLock()
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if ok {
			return &fileLock{f}, nil
		}
		if attempt == 4 {
			_ = f.Close()
			return nil, ErrHeld
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *fileLock) release() { _ = l.f.Close() } // the file stays: removing it would race with the next holder

// locked reports whether somebody holds the lock at path.
func locked(path string) bool {
	if _, err := os.Stat(path); err != nil {
		return false
	}
	f := flock.New(path, flock.SetFlag(os.O_RDONLY))
	defer f.Close()
	free, err := f.TryRLock()
	return err == nil && !free
}
