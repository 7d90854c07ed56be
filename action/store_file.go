package action

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// fileStore keeps a fault set, or flags, in a file. Replacing is atomic and synced: a function reads the old document or
// the new one, and so does whoever comes after a power cut.
type fileStore struct {
	path string
	what string // is in it, in words
}

// newFileStore names the file a path means: symbolic links are followed, because replacing the link itself
// would leave the file behind it as it is.
func newFileStore(path, what string) (fileStore, error) {
	if path == "" {
		return fileStore{}, fmt.Errorf("the path of the %s is empty", what)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return fileStore{}, fmt.Errorf("%s %s: %w", what, path, err)
	}
	real, err := filepath.EvalSymlinks(abs)
	if info, statErr := os.Lstat(abs); statErr == nil && info.Mode()&fs.ModeSymlink != 0 && err != nil {
		return fileStore{}, &Refused{Reason: fmt.Sprintf("%s %s is a symbolic link that leads nowhere", what, path), Err: err, Tip: "create the file behind it, or name the file itself"}
	}
	if errors.Is(err, fs.ErrNotExist) { // the file may be missing, its folder may not
		var dir string
		if dir, err = filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
			real = filepath.Join(dir, filepath.Base(abs))
		}
	}
	if err != nil {
		return fileStore{}, &Refused{Reason: what + " " + path, Err: err, Tip: "its folder must exist: is the path right, and has the host of the function been started?"}
	}
	return fileStore{real, what}, nil
}

func (s fileStore) lease(wanted time.Duration) time.Duration { return wanted }

func (s fileStore) read(context.Context) (snapshot, error) {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(s.path)); errors.Is(err, fs.ErrNotExist) {
			return snapshot{}, fmt.Errorf("%s %s: its folder is %w", s.what, s.path, errGone)
		}
		return snapshot{}, nil
	}
	if err != nil {
		return snapshot{}, fmt.Errorf("%s: %w", s.what, err)
	}
	if !info.Mode().IsRegular() {
		return snapshot{}, &Refused{Reason: fmt.Sprintf("%s %s is not a file but %s", s.what, s.path, info.Mode().Type()), Tip: "name a regular file"}
	}
	f, err := os.Open(s.path)
	if err != nil {
		return snapshot{}, fmt.Errorf("%s: %w", s.what, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDocument+1))
	if err != nil {
		return snapshot{}, fmt.Errorf("%s: %w", s.what, err)
	}
	if len(data) > maxDocument {
		return snapshot{}, &Refused{Reason: fmt.Sprintf("%s %s is larger than %d bytes", s.what, s.path, maxDocument), Tip: "is this the right file?"}
	}
	return snapshot{data: data, exists: true, mode: info.Mode().Perm()}, nil
}

func (s fileStore) update(ctx context.Context, change func(snapshot) (snapshot, bool, error)) error {
	unlock, err := lockFolder(ctx, filepath.Dir(s.path))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s: its folder is %w", s.what, s.path, errGone)
	}
	if err != nil {
		return fmt.Errorf("%s %s: wait for another writer: %w", s.what, s.path, err)
	}
	defer unlock()
	s.sweep()
	current, err := s.read(ctx)
	if err != nil {
		return err
	}
	next, write, err := change(current)
	if err != nil || !write {
		return err
	}
	if !next.exists {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		return syncFolder(filepath.Dir(s.path))
	}
	if next.mode == 0 {
		next.mode = 0o644 // functions may run as another user
	}
	return s.replace(next)
}

// temporary is the pattern of the names of files that are being written.
func (s fileStore) temporary() string { return "." + filepath.Base(s.path) + ".firedrill-*" }

// sweep removes what a writer left that was killed before it could rename. Nobody else is writing: the folder is
// locked.
func (s fileStore) sweep() {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(s.path), s.temporary())) // a bad pattern matches nothing
	for _, path := range left {
		_ = os.Remove(path)
	}
}

// replace puts a new file in the place of the old one.
func (s fileStore) replace(next snapshot) (err error) {
	dir := filepath.Dir(s.path)
	f, err := os.CreateTemp(dir, s.temporary())
	if err != nil {
		return fmt.Errorf("%s: %w", s.what, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("%s %s: %w", s.what, s.path, err)
		}
	}()
	_, err = f.Write(next.data)
	if err == nil {
		err = f.Chmod(next.mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), s.path)
	}
	if err == nil {
		err = syncFolder(dir)
	}
	return err
}
