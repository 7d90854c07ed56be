//go:build unix

package local

import (
	"errors"
	"os"
	"syscall"
)

// killGroup kills the process and all that it started and left in its group. That it is gone already is no error.
func killGroup(p *os.Process) error {
	err := syscall.Kill(-p.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
