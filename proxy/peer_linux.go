package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
)

// peerOf finds the process at the other end of a connection on this machine: the one that holds the socket with
// that connection's addresses, the other way around. It is the runtime itself, however many wrappers have started it.
func peerOf(c net.Conn) (process, error) {
	near, ok1 := c.RemoteAddr().(*net.TCPAddr)
	far, ok2 := c.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 {
		return process{}, errors.New("the runtime's process cannot be found: its connection is not TCP")
	}
	inode, err := socketOf(near.AddrPort(), far.AddrPort())
	if err != nil {
		return process{}, fmt.Errorf("the runtime's process cannot be found: %w", err)
	}
	return holderOf("socket:[" + inode + "]")
}

// socketOf finds the inode of a socket in the kernel's tables of TCP connections.
func socketOf(near, far netip.AddrPort) (inode string, err error) {
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		text, readErr := os.ReadFile(table)
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		if inode, ok := findSocket(text, near, far); ok {
			return inode, nil
		}
	}
	return "", errors.Join(errors.New("the system does not list its connection"), err)
}

// findSocket reads a table of TCP connections: proc(5), /proc/net/tcp. The first line has the titles.
func findSocket(table []byte, near, far netip.AddrPort) (inode string, ok bool) {
	for line := range bytes.Lines(table) {
		f := bytes.Fields(line)
		if len(f) < 10 || !isAddress(f[1], near) || !isAddress(f[2], far) {
			continue
		}
		if n, err := strconv.ParseUint(string(f[9]), 10, 64); err == nil && n > 0 {
			return string(f[9]), true
		}
	}
	return "", false
}

// isAddress reports whether a column of the table is that address, as itself or mapped into IPv6.
func isAddress(column []byte, want netip.AddrPort) bool {
	host, port, ok := bytes.Cut(column, []byte{':'})
	n, err := strconv.ParseUint(string(port), 16, 16)
	if !ok || err != nil || uint16(n) != want.Port() || len(host)%8 != 0 || len(host) > 32 {
		return false
	}
	var address []byte
	for ; len(host) > 0; host = host[8:] {
		word, err := strconv.ParseUint(string(host[:8]), 16, 32)
		if err != nil {
			return false
		}
		address = binary.NativeEndian.AppendUint32(address, uint32(word)) // as the kernel prints it
	}
	got, ok := netip.AddrFromSlice(address)
	return ok && got.Unmap() == want.Addr().Unmap()
}

// holderOf finds the one process that has a descriptor which is link.
func holderOf(link string) (process, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return process{}, err
	}
	var found []int
	for _, folder := range folders {
		fds, err := os.ReadDir(folder + "/fd")
		if err != nil {
			continue // it has ended, or is somebody else's
		}
		for _, fd := range fds {
			if to, err := os.Readlink(folder + "/fd/" + fd.Name()); err == nil && to == link {
				if pid, err := strconv.Atoi(filepath.Base(folder)); err == nil {
					found = append(found, pid)
				}
				break
			}
		}
	}
	switch len(found) {
	case 0:
		return process{}, errors.New("the runtime's process cannot be found: no process that can be looked at has its connection")
	case 1:
		return processOf(found[0])
	}
	return process{}, fmt.Errorf("the runtime's process cannot be told: %d processes share its connection", len(found))
}
