package main

import (
	"io"
	"net"
	"sync"
)

// A relay stands between everybody and the store, so that it can be cut off as a network is: connections stay, and
// nothing comes through any more.
type relay struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func newRelay(to string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, to: to}
	go r.serve()
	return r, nil
}

func (r *relay) address() string { return "http://" + r.listener.Addr().String() }

func (r *relay) serve() {
	for {
		c, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.mu.Lock()
		r.conns = append(r.conns, c)
		r.mu.Unlock()
		go r.carry(c)
	}
}

func (r *relay) carry(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer up.Close()
	go func() {
		defer up.Close()
		r.pass(up, c)
	}()
	r.pass(c, up)
}

// pass copies until an end, and drops everything while the relay is dead.
func (r *relay) pass(to io.Writer, from io.Reader) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !r.isDead() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (r *relay) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

// cut makes the relay dead, or brings it back without its old connections.
func (r *relay) cut(dead bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = dead
	if !dead {
		for _, c := range r.conns {
			_ = c.Close()
		}
		r.conns = nil
	}
}

func (r *relay) close() {
	_ = r.listener.Close()
	r.cut(false)
}
