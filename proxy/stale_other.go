//go:build !linux

package proxy

import "net"

// stale cannot tell here; a request on a connection that upstream has closed fails, as it would without us.
func stale(net.Conn) bool { return false }
