//go:build unix

package pressure

import (
	"context"
	"fmt"
	"os"
	"syscall"
)

// takeMemory maps memory outside of the Go heap, so that the collector neither counts nor keeps it, and
// touches every page, because untouched pages take nothing.
func takeMemory(ctx context.Context, size int64) (free func(), err error) {
	m, err := syscall.Mmap(-1, 0, int(size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("map %d MB of memory: %w", size>>20, err)
	}
	free = func() { _ = syscall.Munmap(m) } // fails only for what is not mapped
	page := os.Getpagesize()
	for at := 0; at < len(m); at += page {
		if at%(16<<20) == 0 && ctx.Err() != nil {
			free()
			return nil, fmt.Errorf("touch memory: %w", ctx.Err())
		}
		m[at] = 1
	}
	return free, nil
}
