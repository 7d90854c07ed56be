//go:build unix && !linux

package local

import "syscall"

// ownGroup cannot ask these systems to kill the child when the host is killed. A function whose host is
// gone ends when it next asks for an event.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
