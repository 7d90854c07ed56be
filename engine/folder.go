package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A folder is a Home on this machine: runs/ID/{journal.jsonl,lock,stop,report.json}, locks/ and killswitch. Processes
// share it; nothing in it needs a server. Nothing is written before a run starts.
type folder struct {
	dir  string
	file func(journalFile) journalFile // nil; tests put a full disk here
}

// Folder is the home in a folder, for one machine.
func Folder(dir string) Home { return &folder{dir: dir} }

// Name is the folder.
func (d *folder) Name() string { return d.dir }

// RunDir is the folder of one run.
func (d *folder) RunDir(run string) string { return filepath.Join(d.dir, "runs", run) }

func (d *folder) journalPath(run string) string { return filepath.Join(d.RunDir(run), "journal.jsonl") }
func (d *folder) lockPath(run string) string    { return filepath.Join(d.RunDir(run), "lock") }
func (d *folder) notePath(name string) string   { return filepath.Join(d.dir, filepath.FromSlash(name)) }

// Runs lists the folders of runs.
func (d *folder) Runs(context.Context) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(d.dir, "runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var runs []string
	for _, e := range entries {
		if e.IsDir() {
			runs = append(runs, e.Name())
		}
	}
	return runs, err
}

// Trace reads a run's journal file and looks at its lock.
func (d *folder) Trace(_ context.Context, run string) (Trace, error) {
	live := locked(d.lockPath(run))
	lines, err := d.journal(run)
	return Trace{Lines: lines, Live: live}, err
}

func (d *folder) journal(run string) ([]byte, error) {
	path := d.journalPath(run)
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxJournal {
		return nil, fmt.Errorf("%s: %d bytes are more than any run writes", path, info.Size())
	}
	return os.ReadFile(path)
}

// Holder looks at a target's lock without leaving a trace.
func (d *folder) Holder(_ context.Context, target string) (string, error) {
	path := d.targetPath(target)
	if !locked(path + ".lock") {
		return "", nil
	}
	return holder(path), nil
}

// holder is the run that a lock file's neighbour names, only for messages.
func holder(path string) string {
	text, _ := os.ReadFile(path + ".run")
	if name := strings.TrimSpace(string(text)); name != "" {
		return name
	}
	return "another run"
}

// targetPath is where a target's lock lives, without its suffix.
func (d *folder) targetPath(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(d.dir, "locks", hex.EncodeToString(sum[:16]))
}

// Pace is quick: looking whether a file is there costs nothing.
func (d *folder) Pace() time.Duration { return 125 * time.Millisecond }

// Read reads a note's file.
func (d *folder) Read(_ context.Context, name string) ([]byte, error) {
	text, err := os.ReadFile(d.notePath(name))
	if errors.Is(err, syscall.ENOTDIR) {
		return nil, fs.ErrNotExist
	}
	return text, err
}

// Write replaces a note's file.
func (d *folder) Write(_ context.Context, name string, text []byte) error {
	path := d.notePath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeAtomically(path, text)
}

// Remove deletes a note's file.
func (d *folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(d.notePath(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Claim takes the lock of a run, which the operating system releases when this process ends.
func (d *folder) Claim(_ context.Context, run string, fresh bool) (Claim, error) {
	if fresh {
		if err := d.makeRun(run); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(d.RunDir(run)); err != nil {
		return nil, err
	}
	lock, err := lockFile(d.lockPath(run))
	if err != nil {
		return nil, err
	}
	c := &folderClaim{folder: d, run: run, locks: []*fileLock{lock}}
	if fresh {
		err = syncDir(filepath.Join(d.dir, "runs"))
	} else {
		err = c.reopen()
	}
	if err != nil {
		lock.release()
		return nil, err
	}
	return c, nil
}

func (d *folder) makeRun(run string) error {
	if err := os.MkdirAll(filepath.Join(d.dir, "runs"), 0o700); err != nil {
		return fmt.Errorf("create the state folder %s: %w", d.dir, err)
	}
	if err := os.Mkdir(d.RunDir(run), 0o700); err != nil {
		return fmt.Errorf("create the run's folder: %w", err)
	}
	return nil
}

// A folderClaim is the lock of a run, its targets' locks and its journal file.
type folderClaim struct {
	folder *folder
	run    string

	mu    sync.Mutex
	locks []*fileLock
	f     journalFile // nil until the first line
	info  os.FileInfo // of f's file; nil as long as f
	size  int64       // of the whole lines; a torn write is cut back to it
}

// journalFile is what a journal needs of a file; tests put a full disk behind it.
type journalFile interface {
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Close() error
}

// create makes the journal file, which must not exist.
func (c *folderClaim) create() error {
	path := c.folder.journalPath(c.run)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("create the journal: %w", err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		_ = f.Close()
		return fmt.Errorf("create the journal: %w", err)
	}
	return c.open(f)
}

func (c *folderClaim) open(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return fmt.Errorf("open the journal: %w", err)
	}
	c.f, c.info = file, info
	if c.folder.file != nil {
		c.f = c.folder.file(file)
	}
	return nil
}

// reopen continues a journal after its last whole line, for recovery.
func (c *folderClaim) reopen() error {
	lines, err := c.folder.journal(c.run)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	f, err := os.OpenFile(c.folder.journalPath(c.run), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	_, whole, _ := ParseJournal(lines)
	c.size = int64(whole)
	if err := f.Truncate(c.size); err != nil {
		_ = f.Close()
		return fmt.Errorf("cut the journal's torn end: %w", err)
	}
	return c.open(f)
}

// Append writes one line and, if durable, returns only when it is on disk. After an error the file is as before.
func (c *folderClaim) Append(line []byte, durable bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.f == nil {
		if err := c.create(); err != nil {
			return err
		}
	}
	_, err := c.f.WriteAt(line, c.size)
	if err == nil && durable {
		err = c.f.Sync()
	}
	if err != nil {
		_ = c.f.Truncate(c.size)
		return err
	}
	c.size += int64(len(line))
	return nil
}

// Lock takes the targets' locks, all or none: it can be called again. A file beside each names the holder, for messages.
func (c *folderClaim) Lock(ctx context.Context, targets []string) error {
	c.mu.Lock()
	had := len(c.locks)
	c.mu.Unlock()
	var err error
	for _, key := range targets {
		if err = c.lock(key); err != nil {
			break
		}
	}
	if err == nil {
		err = c.clean(ctx, targets) // with the locks in hand: nobody adds to it any more
	}
	if err != nil {
		c.unlock(had)
	}
	return err
}

// unlock gives back all locks but the first so many.
func (c *folderClaim) unlock(but int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	but = min(but, len(c.locks)) // the run may be over
	for _, l := range c.locks[but:] {
		l.release()
	}
	c.locks = c.locks[:but]
}

// clean is an error if a run whose process is gone has left something on one of the targets. Whoever changed that would take it for what
// was there before, and keep the other run's recovery from putting it back.
func (c *folderClaim) clean(ctx context.Context, targets []string) error {
	wanted := map[string]bool{}
	for _, key := range targets {
		wanted[key] = true
	}
	runs, err := c.folder.Settled(ctx)
	if err != nil {
		return fmt.Errorf("find out what other runs have left: %w", err)
	}
	for run, line := range runs {
		if _, settled := readSettled(run, line); settled || run == c.run || locked(c.folder.lockPath(run)) {
			continue
		}
		lines, err := c.folder.journal(run)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has changed nothing
		}
		if err != nil {
			return &Refusal{Err: fmt.Errorf("find out what run %s has left: %w", run, err), Tip: "firedrill status"}
		}
		records, _, _ := ParseJournal(lines)
		for _, change := range Changes(records) {
			if change.Pending() && wanted[change.Target] {
				return &TargetHeld{Target: change.Target, Run: run, Gone: true}
			}
		}
	}
	return nil
}

func (c *folderClaim) lock(key string) error {
	path := c.folder.targetPath(key)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("create the folder for locks: %w", err)
	}
	l, err := lockFile(path + ".lock")
	if errors.Is(err, ErrHeld) {
		return &TargetHeld{Target: key, Run: holder(path)}
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.locks = append(c.locks, l) // Release has it, whatever comes
	if err := os.WriteFile(path+".run", []byte(c.run+"\n"), 0o600); err != nil {
		return fmt.Errorf("name the holder of target %s: %w", key, err)
	}
	return nil
}

// Held is so as long as the journal is where others look for it: the operating system takes the lock from nobody who lives, but a
// folder that was removed (git clean does) takes with it what recover needs, and what keeps other runs from the targets.
func (c *folderClaim) Held(context.Context) error {
	c.mu.Lock()
	info := c.info
	c.mu.Unlock()
	if info == nil {
		return nil
	}
	path := c.folder.journalPath(c.run)
	now, err := os.Stat(path)
	if err == nil && !os.SameFile(info, now) {
		err = errors.New("another file is in its place")
	}
	if err != nil {
		return &Refusal{Err: fmt.Errorf("the journal of this run is gone: %w", err), Tip: "let the state folder be while a run is at it"}
	}
	return nil
}

// Release closes the journal, in which every line that matters was synced, and gives the locks back.
func (c *folderClaim) Release(bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.f != nil {
		_ = c.f.Close()
	}
	for _, l := range c.locks {
		l.release()
	}
	c.f, c.locks = nil, nil
}

// writeAtomically replaces a file so that readers see the old or the new, whole.
func writeAtomically(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
