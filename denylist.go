package firedrill

import (
	"context"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// unanswered is how long Linux tries to connect to a host that does not answer.
const unanswered = 127 * time.Second

// DialFunc is what http.Transport.DialContext, database drivers and others connect by.
type DialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// DialContext returns a dialer that keeps the fault set's "denylist" from being connected to, and otherwise does what
// base does; a nil base is that of a net.Dialer. The context must be the one that the handler was given, or come from it:
// it carries the invocation's denylist. Without one the dialer is base.
//
// It sees new connections only. For HTTP use Transport, which sees every request; with both, a host is slow once.
func DialContext(base DialFunc) DialFunc {
	if base == nil {
		base = (&net.Dialer{}).DialContext
	}
	return func(ctx context.Context, network, target string) (net.Conn, error) {
		if d := denialOf(ctx); d != nil {
			host, _, err := net.SplitHostPort(target)
			if err != nil {
				host = target
			}
			if err := d.enact(ctx, network, address(target), host); err != nil {
				return nil, err
			}
		}
		return base(ctx, network, target)
	}
}

// denial is a denylist while one invocation lasts.
type denial struct {
	deny  *fault.Denial
	until time.Time // the end of the lease; zero: none
	log   record

	mu          sync.Mutex
	fired, over bool
}

// denialKey is where the context carries the denial of an invocation.
type denialKey struct{}

func denialOf(ctx context.Context) *denial {
	d, _ := ctx.Value(denialKey{}).(*denial)
	return d
}

// end ends the denial and records one that hit nothing. A nil one has nothing to end.
func (d *denial) end() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over && !d.fired {
		d.log.missed(fault.Denylist, fault.NoDeniedHost)
	}
	d.over = true
}

// hits reports whether a host is denied now, and records the first one that is.
func (d *denial) hits(host string) bool {
	if d == nil || !d.deny.Hits(host) || (!d.until.IsZero() && !time.Now().Before(d.until)) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.over {
		return false // a goroutine has outlived its invocation
	}
	if !d.fired {
		d.log.fired(fault.Denylist)
	}
	d.fired = true
	return true
}

// enact does to a connection what becomes of its host. Without an error the connection may be made.
func (d *denial) enact(ctx context.Context, network string, target address, host string) error {
	if !d.hits(host) {
		return nil
	}
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: network, Err: err} }
	switch d.deny.Mode {
	case fault.DenySlow:
		return wait(ctx, d.deny.Delay)
	case fault.DenyRefused:
		return &net.OpError{Op: "dial", Net: network, Addr: target, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case fault.DenyBlackhole:
		if err := wait(ctx, unanswered); err != nil {
			return failed(err)
		}
		return failed(os.NewSyscallError("connect", syscall.ETIMEDOUT))
	}
	return failed(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
}

// undenied is a context for a request whose host has been judged, so that a dialer does not judge it again.
func undenied(ctx context.Context) context.Context {
	return context.WithValue(ctx, denialKey{}, (*denial)(nil))
}
