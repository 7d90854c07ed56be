package local

import (
	"errors"
	"os"
	"syscall"
)

// ownGroup keeps the terminal's Ctrl-C from the function: the host decides when it ends.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// killGroup kills the process; Windows keeps no group that could be killed with it.
func killGroup(p *os.Process) error {
	err := p.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
