package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/denylist"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/pressure"
	"github.com/firedrill-dev/firedrill/source"
)

// maxConns bounds the connections of the runtime that are served at once, each with one of its own upstream. A runtime holds one to three; a process that opens hundreds
// has lost count, and each costs up to 140 kB.
const maxConns = 256

// Options say what a Proxy stands between, and what it injects.
type Options struct {
	Upstream string              // HOST:PORT of the Runtime API
	Source   source.Source       // the live fault set; nil: nothing is ever injected
	Function string              // the function's name, for records
	Log      io.Writer           // records and problems, one JSON line each
	Proof    io.Writer           // records once more; may be nil
	Getenv   func(string) string // the function's environment; nil is an empty one
	Denylist *denylist.State     // what the library in the runtime's processes reads; nil: nothing is preloaded
}

// A Proxy serves the Runtime API by asking another one.
type Proxy struct {
	upstream string
	source   source.Source
	journal  *journal
	plans    plans
	spare    spare
	repeats  repeats
	limited  atomic.Bool // the runtime's descriptors are
	taker    *pressure.Taker
	denials  denials
	outgoing sync.Once // says once that outgoing faults are not enacted here
	awsCalls sync.Once // and that faults of AWS calls are not
	shortage sync.Once // says once that connections could not be accepted
	dial     func(ctx context.Context, network, address string) (net.Conn, error)

	getenv      func(string) string
	started     atomic.Bool // the first request for an event has come
	startedLate atomic.Bool // it was delayed, and the event that it brought has not come yet
	marks       bool        // put marks on responses

	mu      sync.Mutex
	conns   map[net.Conn]struct{} // both sides
	serving int                   // of the runtime
	closed  bool
	group   sync.WaitGroup
}

// New returns a Proxy that is not serving yet.
func New(o Options) *Proxy {
	upstream := o.Upstream
	if _, _, err := net.SplitHostPort(upstream); err != nil {
		upstream = net.JoinHostPort(upstream, "80")
	}
	getenv := o.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	var d net.Dialer
	return &Proxy{
		taker:    pressure.New(getenv),
		denials:  denials{state: o.Denylist},
		getenv:   getenv,
		marks:    source.Chosen(getenv, o.Log, fault.MarkVariable, "true", "1"),
		upstream: upstream,
		dial:     d.DialContext,
		source:   o.Source,
		journal:  &journal{function: o.Function, emf: source.Chosen(getenv, o.Log, fault.MetricsVariable, fault.MetricsEMF), log: o.Log, proof: o.Proof},
		conns:    map[net.Conn]struct{}{},
	}
}

// Serve accepts connections until Close or until ln fails. It returns nil after Close.
func (p *Proxy) Serve(ctx context.Context, ln net.Listener) error {
	for {
		c, err := ln.Accept()
		if err != nil {
			if p.isClosed() || errors.Is(err, net.ErrClosed) {
				return nil
			}
			if !exhausted(err) {
				return fmt.Errorf("accept on %s: %w", ln.Addr(), err)
			}
			p.shortage.Do(func() {
				p.journal.problem(fault.Problem{Field: "proxy", Message: "cannot accept a connection, and tries again: " + err.Error(), Warning: true})
			})
			pause(ctx)
			continue
		}
		if !p.admit(c) {
			_ = c.Close()
			continue
		}
		p.group.Go(func() {
			defer p.release(c)
			newConn(p, c).serve(ctx)
		})
	}
}

// exhausted reports whether the system has run out of something that connections give back when they end. The
// function must not lose its Runtime API over that.
func exhausted(err error) bool {
	for _, known := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}

// pause waits for something to be given back.
func pause(ctx context.Context) {
	timer := time.NewTimer(20 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Close ends all connections, waits for their goroutines, and records what was planned and never came to pass.
// The listener stays the caller's to close.
func (p *Proxy) Close() {
	p.repeats.current.Load().close()
	p.mu.Lock()
	p.closed = true
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.group.Wait()
	p.repeats.current.Load().close()
	p.plans.close()
}

func (p *Proxy) isClosed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// admit is keep for a connection of the runtime; false also if there are too many.
func (p *Proxy) admit(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.serving >= maxConns {
		return false
	}
	p.serving++
	p.conns[c] = struct{}{}
	return true
}

// release ends what admit began.
func (p *Proxy) release(c net.Conn) {
	p.forget(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serving--
}

// keep registers a connection to be closed with the proxy; false if that is too late.
func (p *Proxy) keep(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) forget(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}
