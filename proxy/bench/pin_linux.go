package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

// pin keeps this process, and those that it starts from here on, on one CPU. It tells whether that worked.
func pin() bool {
	var mask [16]uint64
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); errno != 0 {
		return false
	}
	for i, word := range mask {
		if word != 0 {
			mask = [16]uint64{}
			mask[i] = word & -word // the lowest CPU that we may use
			break
		}
	}
	// Affinity is per thread: one processor, whose thread we hold, makes the others that exist idle, and the
	// processes started from this thread inherit it.
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	_, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask)))
	return errno == 0
}
