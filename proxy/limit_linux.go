package proxy

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/firedrill-dev/firedrill/fault"
)

// A process is a process and not another one that has its number later: it knows when it was started.
type process struct {
	pid     int
	started string // in clock ticks since the machine's start
}

// processOf identifies the process that has a number now.
func processOf(pid int) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	// proc(5): the name, in brackets, may hold anything; the start time is the 20th field behind it.
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	fields := strings.Fields(rest)
	if len(fields) < 20 {
		return process{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return process{pid, fields[19]}, nil
}

// lives reports whether it still is the process that has its number.
func (p process) lives() bool {
	now, err := processOf(p.pid)
	return err == nil && now == p
}

// lowerDescriptors lowers the soft limit of the process's descriptors. restore puts it back, unless somebody else has
// changed it meanwhile; it has nothing to do where the process has ended.
func (p process) lowerDescriptors(u fault.Usage) (restore func() error, err error) {
	before, err := p.descriptors(nil)
	if err != nil {
		return nil, err
	}
	open, err := p.open()
	if err != nil {
		return nil, err
	}
	during := before
	if during.Cur, err = lowered(open, before.Cur, u); err != nil {
		return nil, err
	}
	if !p.lives() {
		return nil, errors.New("the runtime's process has ended")
	}
	if _, err := p.descriptors(&during); err != nil {
		return nil, err
	}
	return func() error { return p.restoreDescriptors(during, before) }, nil
}

func (p process) restoreDescriptors(during, before syscall.Rlimit) error {
	if !p.lives() {
		return nil
	}
	now, err := p.descriptors(nil)
	if err == nil && now.Cur != during.Cur {
		return fmt.Errorf("it was lowered to %d and is %d: somebody else has changed it", during.Cur, now.Cur)
	}
	if err == nil {
		before.Max = now.Max
		before.Cur = min(before.Cur, now.Max) // the process may have lowered its hard limit
		_, err = p.descriptors(&before)
	}
	if !p.lives() { // it has ended in between, which is not an error
		return nil
	}
	return err
}

// open are the numbers of the process's descriptors, in order.
func (p process) open() (fds []uint64, err error) {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.pid))
	if err != nil {
		return nil, fmt.Errorf("look at the runtime's descriptors: %w", err)
	}
	for _, e := range entries {
		if fd, err := strconv.ParseUint(e.Name(), 10, 32); err == nil {
			fds = append(fds, fd)
		}
	}
	slices.Sort(fds)
	return fds, nil
}

// descriptors is prlimit(2) for the limit of descriptors: it returns the limit as it was, and sets another if there
// is one. A process may do that to those of its own user.
func (p process) descriptors(set *syscall.Rlimit) (was syscall.Rlimit, err error) {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(p.pid), syscall.RLIMIT_NOFILE,
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(&was)), 0, 0)
	if errno != 0 {
		return was, fmt.Errorf("the system refuses to limit the runtime's descriptors: %w", errno)
	}
	return was, nil
}
