package proxy

import (
	"os/exec"
	"syscall"
)

// dieTogether makes the kernel kill the child when the proxy is killed: a runtime without its API is of no use.
func dieTogether(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
