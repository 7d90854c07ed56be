//go:build unix && !linux

package kinds

import (
	"runtime"
	"syscall"
)

// peakMemory is the most memory that this process has had resident, in bytes.
func peakMemory() (int64, bool) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, false
	}
	peak := int64(usage.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		peak <<= 10 // the others count kilobytes
	}
	return peak, true
}
