package proxy

import (
	"net"
	"syscall"
)

// stale reports whether an idle connection cannot carry another exchange, because its peer has closed it or has
// sent something unasked. It asks the kernel and never blocks.
func stale(c net.Conn) bool {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return false
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return true
	}
	var peek [1]byte
	var got error
	err = raw.Read(func(fd uintptr) bool {
		_, _, got = syscall.Recvfrom(int(fd), peek[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return true
	})
	return err != nil || got != syscall.EAGAIN
}
