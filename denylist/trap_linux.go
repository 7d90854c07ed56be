package denylist

import (
	"errors"
	"fmt"
	"syscall"
)

// A trap is a port of 127.0.0.1 at which connections hang as they do at a host that drops every packet: its queue is
// full and nobody empties it, so the kernel drops what asks to join.
type trap struct {
	port             uint16
	listener, filler int
}

func setTrap() (_ *trap, err error) {
	t := &trap{listener: -1, filler: -1}
	defer func() {
		if err != nil {
			t.close()
			err = fmt.Errorf("open a port at which connections hang: %w", err)
		}
	}()
	if t.listener, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	if err = syscall.Bind(t.listener, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return nil, err
	}
	if err = syscall.Listen(t.listener, 0); err != nil {
		return nil, err
	}
	name, err := syscall.Getsockname(t.listener)
	if err != nil {
		return nil, err
	}
	here, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		return nil, errors.New("the port has no number")
	}
	t.port = uint16(here.Port)
	if t.filler, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	return t, syscall.Connect(t.filler, here) // the one that fits into a queue of length 0
}

func (t *trap) close() {
	for _, fd := range []int{t.filler, t.listener} {
		if fd >= 0 {
			_ = syscall.Close(fd)
		}
	}
}
