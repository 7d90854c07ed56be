package probe

import (
	"os/exec"
	"syscall"
)

// ownGroup keeps the terminal's Ctrl-C from a program. Windows keeps no group that could be killed with it: a
// program that starts others must end them itself.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func endGroup(*exec.Cmd) {}
