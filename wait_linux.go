package firedrill

import (
	"syscall"
	"time"
)

// nap sleeps for about d, or less, by the kernel's fine clock. It holds a thread, so d should be short.
func nap(d time.Duration) {
	if d <= 0 {
		return
	}
	span := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&span, nil) // interrupted or refused: whoever calls looks at the clock
}
