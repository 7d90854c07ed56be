package local

import (
	"os/exec"
	"runtime"
)

// A launcher starts processes from one OS thread that lives as long as the host does. On Linux the kernel kills a child
// when the thread that started it ends, and Go's threads may end at any time; this one does not.
type launcher struct {
	requests chan launch
	stopped  chan struct{}
}

type launch struct {
	cmd  *exec.Cmd
	done chan error
}

func newLauncher() *launcher {
	l := &launcher{requests: make(chan launch), stopped: make(chan struct{})}
	go func() {
		defer close(l.stopped)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for r := range l.requests {
			r.done <- r.cmd.Start()
		}
	}()
	return l
}

// start starts the command in a process group of its own, which dies with the host where the system can do that.
func (l *launcher) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = ownGroup()
	done := make(chan error, 1)
	l.requests <- launch{cmd, done}
	return <-done
}

// close ends the thread. Call it when all processes are gone.
func (l *launcher) close() {
	close(l.requests)
	<-l.stopped
}
