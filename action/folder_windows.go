package action

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// lockFolder waits for the folder's lock. Windows cannot lock a folder, so a file in the temporary folder stands
// for it; the lock ends with the process.
func lockFolder(ctx context.Context, dir string) (unlock func(), err error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(strings.ToLower(dir)))
	l := flock.New(filepath.Join(os.TempDir(), "firedrill-"+hex.EncodeToString(sum[:8])+".lock"))
	if _, err := l.TryLockContext(ctx, 5*time.Millisecond); err != nil {
		_ = l.Close()
		return nil, err
	}
	return func() { _ = l.Close() }, nil
}

// syncFolder does nothing: Windows cannot sync a folder, and NTFS journals names itself.
func syncFolder(string) error { return nil }
