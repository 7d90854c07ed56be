//go:build unix

package proxy

import (
	"os"
	"syscall"
)

// replaceProcess becomes the program. It returns only if that fails.
func replaceProcess(path string, args, environ []string) error {
	return syscall.Exec(path, args, environ)
}

// signalNumber is the signal that ended a process, or 0.
func signalNumber(s *os.ProcessState) int {
	if status, ok := s.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return int(status.Signal())
	}
	return 0
}
