package firedrill

import (
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// Transport returns a RoundTripper that injects the fault set's "outgoing" and "denylist" members into requests and
// otherwise does what base does; a nil base is http.DefaultTransport. If Firedrill is disabled, or FIREDRILL_CONFIG is
// not set, the result is base itself.
//
// Requests should carry the context that the handler was given: it tells Transport the invocation, by which
// requests are matched and sampled. A request without it is sampled by an empty key, and no host is denied to it.
func Transport(base http.RoundTripper, options ...Option) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	s := resolve(options)
	if s.source == nil {
		return base
	}
	return &transport{base: base, source: s.source, journal: newJournal(s)}
}

type transport struct {
	base    http.RoundTripper
	source  source.Source
	journal *journal
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	now := time.Now()
	set := t.source.Faults(now)
	if set == nil {
		return t.base.RoundTrip(req)
	}
	if d := denialOf(req.Context()); d != nil {
		if err := d.enact(req.Context(), "tcp", address(hostPort(req)), req.URL.Hostname()); err != nil {
			discard(req)
			return nil, err
		}
		req = req.WithContext(undenied(req.Context()))
	}
	if !set.HasOutgoing() {
		return t.base.RoundTrip(req)
	}
	inv := invocationOf(req.Context())
	i, hit := set.PlanOutgoing(inv, strings.ToLower(req.URL.Host), now)
	if hit {
		if sure := source.Confirm(req.Context(), t.source, set, now); sure != set {
			set = sure
			i, hit = set.PlanOutgoing(inv, strings.ToLower(req.URL.Host), time.Now())
		}
	}
	if !hit {
		return t.base.RoundTrip(req)
	}
	log := t.journal.of(set, inv.RequestID).noting(req.Context())
	if i.Skip != "" {
		log.missed(i.Kind, i.Skip)
		return t.base.RoundTrip(req)
	}
	log.fired(i.Kind)
	return t.enact(req, i)
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (t *transport) CloseIdleConnections() {
	if closer, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

func (t *transport) enact(req *http.Request, i fault.Injection) (*http.Response, error) {
	err := wait(req.Context(), i.Delay)
	if err == nil && i.Refuse {
		err = &net.OpError{Op: "dial", Net: "tcp", Addr: address(hostPort(req)), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	if err == nil && i.Status == 0 {
		return t.base.RoundTrip(req)
	}
	discard(req)
	if err != nil {
		return nil, err
	}
	return synthetic(req, i), nil
}

// discard closes the body of a request that is not sent, as a RoundTripper does in any case. Nobody is told how that went.
func discard(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// synthetic is an answer that no server gave.
func synthetic(req *http.Request, i fault.Injection) *http.Response {
	header := make(http.Header, len(i.Headers))
	for name, value := range i.Headers {
		header.Set(name, value)
	}
	var body io.ReadCloser = http.NoBody
	if req.Method != http.MethodHead {
		body = io.NopCloser(strings.NewReader(i.Body))
	}
	return &http.Response{
		Status: strconv.Itoa(i.Status) + " " + http.StatusText(i.Status), StatusCode: i.Status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: int64(len(i.Body)),
		Request: req,
	}
}

// address is a net.Addr that names a host nobody has resolved.
type address string

// Network implements net.Addr.
func (a address) Network() string { return "tcp" }

// String implements net.Addr.
func (a address) String() string { return string(a) }

func hostPort(req *http.Request) string {
	if req.URL.Port() != "" {
		return req.URL.Host
	}
	if req.URL.Scheme == "https" {
		return net.JoinHostPort(req.URL.Hostname(), "443")
	}
	return net.JoinHostPort(req.URL.Hostname(), "80")
}
