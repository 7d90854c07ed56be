//go:build unix

package pressure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/firedrill-dev/firedrill/fault"
)

// maxDisk is how much Lambda's temporary folder may have at most, in bytes.
const maxDisk = 10240 << 20

// takeDisk takes up room in the file system of folder by a file that has no name: only this process can reach it,
// and its room is free again when the process lets go of it or dies.
func takeDisk(ctx context.Context, folder string, u fault.Usage) (free func(), err error) {
	size := u.Take
	if size == 0 {
		if size, err = excess(folder, u.Leave); err != nil {
			return nil, err
		}
	}
	f, err := nameless(folder)
	if err != nil {
		return nil, err
	}
	// A disk that is full before the whole is taken is what the fault is about.
	if err := fill(ctx, f, size); err != nil && !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		_ = f.Close() // the error that counts is the first
		return nil, fmt.Errorf("fill %s: %w", folder, err)
	}
	return func() { _ = f.Close() }, nil // nothing was written that anybody will read
}

// excess is how much must be taken to leave so many bytes.
func excess(folder string, leave int64) (int64, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(folder, &stat); err != nil {
		return 0, fmt.Errorf("measure %s: %w", folder, err)
	}
	room := int64(stat.Bavail) * int64(stat.Bsize)
	switch {
	case room <= leave:
		return 0, fmt.Errorf("%s has only %d MB left already", folder, room>>20)
	case room-leave > maxDisk:
		return 0, fmt.Errorf("%s has %d MB left, and no more than %d MB are ever taken", folder, room>>20, int64(maxDisk)>>20)
	}
	return room - leave, nil
}

// nameless creates a file and takes its name away.
func nameless(folder string) (*os.File, error) {
	f, err := os.CreateTemp(folder, "firedrill-diskspace-*")
	if err != nil {
		return nil, fmt.Errorf("create a file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("take the name of a file away: %w", err)
	}
	return f, nil
}

// piece is how much is written between two looks at the context.
const piece = 1 << 20

// fill makes a file take up size bytes.
func fill(ctx context.Context, f *os.File, size int64) error {
	if done, err := reserve(f, size); done || err != nil {
		return err
	}
	return write(ctx, f, size)
}

// write fills a file by hand.
func write(ctx context.Context, f *os.File, size int64) error {
	block := make([]byte, piece)
	for i := range block {
		block[i] = byte(i) // no system can take it for a hole
	}
	for size > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := f.Write(block[:min(size, piece)])
		if err != nil {
			return err
		}
		size -= int64(n)
	}
	return nil
}
