package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Locks are advisory locks of the operating system on files of the state folder: they end with the process
// that holds them, however it ends.

// A fileLock is held until released.
type fileLock struct{ f *flock.Flock }

// errLocked says that another process, or another run of this one, holds a lock.
var errLocked = errors.New("locked")

// lockFile takes the lock at path. It tries for a moment only: long enough for somebody who merely looks whether the
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
			return nil, errLocked
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

// targetPath is where a target's lock lives, without its suffix.
func (s *State) targetPath(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(s.dir, "locks", hex.EncodeToString(sum[:16]))
}

// targetLocked reports whether a run is at the target, without leaving a trace.
func (s *State) targetLocked(key string) bool { return locked(s.targetPath(key) + ".lock") }

// lockTarget takes the lock of one target for a run. A lock file beside it names the holder, for the message.
func (s *State) lockTarget(key, run string) (*fileLock, error) {
	path := s.targetPath(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the folder for locks: %w", err)
	}
	l, err := lockFile(path + ".lock")
	if errors.Is(err, errLocked) {
		holder, _ := os.ReadFile(path + ".run") // only for the message
		name := strings.TrimSpace(string(holder))
		if name == "" {
			name = "another run"
		}
		return nil, &Refusal{
			Err: fmt.Errorf("target %s is in use by %s", key, name),
			Tip: "wait for it, or end it: firedrill stop " + name,
		}
	}
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".run", []byte(run+"\n"), 0o600); err != nil {
		l.release()
		return nil, fmt.Errorf("name the holder of target %s: %w", key, err)
	}
	return l, nil
}
