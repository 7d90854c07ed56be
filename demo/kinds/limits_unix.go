//go:build unix

package kinds

import (
	"fmt"
	"syscall"
)

// limitDescriptors gives this process as many file descriptors as Lambda would, which may be fewer than a laptop's.
func limitDescriptors(n uint64) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("ask for the limit of descriptors: %w", err)
	}
	limit.Cur = min(n, limit.Max)
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit descriptors: %w", err)
	}
	return nil
}
