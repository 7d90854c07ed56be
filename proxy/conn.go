package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi/wire"
	"github.com/firedrill-dev/firedrill/source"
)

// watchAfter is how long an answer may take before the proxy begins to watch whether the runtime still waits
// for it. Watching costs a goroutine, which the common exchange must not pay.
const watchAfter = 50 * time.Millisecond

// side is one of the two connections of a pair.
type side struct {
	net.Conn
	r *wire.Reader
	w *wire.Writer
}

func newSide(c net.Conn) *side { return &side{c, wire.NewReader(c), wire.NewWriter(c)} }

// conn moves the exchanges of one downstream connection. It belongs to one goroutine.
type conn struct {
	p    *Proxy
	down *side
	up   *side // nil until the first request, and after upstream has closed between exchanges
	req  wire.Head
	resp wire.Head
	last bool // close after this exchange

	request []byte // for an event, as it goes upstream; its memory serves the next one

	runtime process // that the other end belongs to; zero until somebody asks
	taken   holds   // given back when the response that is being served has been sent
}

func newConn(p *Proxy, c net.Conn) *conn { return &conn{p: p, down: newSide(c)} }

func (c *conn) serve(ctx context.Context) {
	defer c.hangUp()
	for !c.last {
		if err := c.req.ReadRequest(c.down.r); err != nil {
			c.refuse(err)
			return
		}
		if err := c.dial(ctx); err != nil {
			c.problem("the Runtime API cannot be reached", err)
			c.refuse(&wire.MalformedError{Status: 502, Reason: "the Runtime API cannot be reached"})
			return
		}
		c.last = c.req.Close
		if err := c.exchange(ctx); err != nil {
			c.fail(err)
			return
		}
	}
}

// exchange serves the request whose head was just read.
func (c *conn) exchange(ctx context.Context) error {
	if c.p.source == nil {
		return c.forward()
	}
	r, id := routeOf(c.req.Method, c.req.Target)
	switch r {
	case next:
		return c.next(ctx)
	case restore:
		return c.restore()
	case response, failure:
		plan, ok := c.p.plans.take(id)
		defer c.giveBack()
		if ok && plan.again != nil {
			return c.answered(ctx, plan, r)
		}
		c.taken = plan.held
		switch {
		case ok && r == response:
			return c.respond(plan)
		case ok:
			plan.missed("the handler itself failed")
		}
	}
	return c.forward()
}

// giveBack gives back what was taken for an invocation once its handler has answered: before Lambda has all of the
// answer, so that what is recorded then is there when the caller looks, and before the runtime goes on.
func (c *conn) giveBack() {
	c.taken.release()
	c.taken = nil
}

// dial connects to upstream if there is no connection that can be used: one on which something came unasked
// would take that for its next answer.
func (c *conn) dial(ctx context.Context) error {
	if c.up != nil {
		if len(c.up.r.Buffered()) == 0 && !stale(c.up.Conn) {
			return nil
		}
		c.hangUp()
	}
	up, err := c.p.dial(ctx, "tcp", c.p.upstream)
	if err != nil {
		return err
	}
	if !c.p.keep(up) {
		_ = up.Close()
		return net.ErrClosed
	}
	c.up = newSide(up)
	return nil
}

func (c *conn) hangUp() {
	if c.up != nil {
		c.p.forget(c.up.Conn)
		c.up = nil
	}
}

// forward passes one exchange through.
func (c *conn) forward() error {
	head := string(c.req.Method) == "HEAD"
	if err := c.ask(); err != nil {
		return err
	}
	return c.reply(head)
}

// restore passes the request that ends when the environment goes on from its snapshot, which may be of long ago:
// before the runtime hears of that, what the source knows from before is forgotten.
func (c *conn) restore() error {
	if err := c.ask(); err != nil {
		return err
	}
	if r, ok := c.p.source.(source.Restorer); ok {
		r.Restored(time.Now())
	}
	return c.reply(false)
}

// ask sends the request on, and reads the head of upstream's answer.
func (c *conn) ask() error {
	body := wire.RequestBody(c.down.r, &c.req)
	c.up.w.Head(&c.req, c.p.upstream, false)
	if err := c.goAhead(&body); err != nil {
		return err
	}
	err := body.CopyTo(c.up.w)
	c.giveBack()
	if err == nil {
		err = c.up.w.Flush()
	}
	if err != nil {
		var malformed *wire.MalformedError
		if errors.As(err, &malformed) || errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		// Upstream may have answered early (too large) and stopped reading: its answer is what counts.
		c.last = true
	}
	if answer := c.await(); answer != nil {
		return errors.Join(err, answer)
	}
	return nil
}

// goAhead tells a runtime that waits for "100 Continue" to send its body. The proxy answers for itself, so that
// an upstream that ignores Expect delays nobody.
func (c *conn) goAhead(body *wire.Body) error {
	if !c.req.Expect || body.Empty() || len(c.down.r.Buffered()) > 0 {
		return nil
	}
	_, _ = c.down.w.Write([]byte("HTTP/1.1 100 Continue\r\n\r\n")) // the error sticks
	return c.down.w.Flush()
}

// await reads the head of upstream's answer, passing interim answers on. An answer may take minutes: if the
// runtime gives up meanwhile, so does the proxy, lest upstream hands an event to nobody.
func (c *conn) await() error {
	c.giveBack()
	for {
		if err := c.awaitHead(); err != nil {
			return err
		}
		if c.resp.Status >= 200 {
			return nil
		}
		if c.resp.Status == 101 {
			return &wire.MalformedError{Status: 502, Reason: "the Runtime API switches protocols"}
		}
		if c.req.Minor > 0 {
			c.down.w.Head(&c.resp, "", false)
			if err := c.down.w.Flush(); err != nil {
				return err
			}
		}
	}
}

func (c *conn) awaitHead() error {
	_ = c.up.SetReadDeadline(time.Now().Add(watchAfter))
	err := c.resp.ReadResponse(c.up.r)
	_ = c.up.SetReadDeadline(time.Time{})
	if errors.Is(err, os.ErrDeadlineExceeded) {
		up := c.up.Conn
		w := c.watch(func() { _ = up.Close() })
		err = c.resp.ReadResponse(c.up.r) // what has come already is still buffered
		if !w.stop() {
			return errGone
		}
	}
	return upstreamError(err)
}

// upstreamError turns a malformed answer into the 502 that it is for the runtime.
func upstreamError(err error) error {
	if err == nil {
		return nil
	}
	var malformed *wire.MalformedError
	if errors.As(err, &malformed) {
		return &wire.MalformedError{Status: 502, Reason: "the Runtime API's answer: " + malformed.Reason}
	}
	return err
}

// reply passes on the answer whose head was just read.
func (c *conn) reply(head bool) error {
	body := c.respBody(head)
	c.last = c.last || c.resp.Close || body.UntilClose()
	c.down.w.Head(&c.resp, "", c.last)
	return c.finish(body.CopyTo(c.down.w))
}

func (c *conn) respBody(head bool) wire.Body {
	if head {
		return wire.ResponseBody(c.up.r, &c.resp, "HEAD")
	}
	return wire.ResponseBody(c.up.r, &c.resp, "")
}

// finish flushes an answer, or breaks it off so that the runtime cannot take it for whole.
func (c *conn) finish(err error) error {
	if err == nil {
		return c.down.w.Flush()
	}
	if tcp, ok := c.down.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	return &brokenError{err}
}

// brokenError says that an answer broke off after its head was sent.
type brokenError struct{ cause error }

// Error says that the answer broke off, and why.
func (e *brokenError) Error() string { return fmt.Sprintf("the answer broke off: %v", e.cause) }

// Unwrap returns the cause.
func (e *brokenError) Unwrap() error { return e.cause }

// fail ends the connection after an exchange that failed.
func (c *conn) fail(err error) {
	var broken *brokenError
	var malformed *wire.MalformedError
	switch {
	case errors.As(err, &broken), errors.Is(err, errGone):
	case errors.As(err, &malformed):
		c.problem("an exchange was refused", err)
		c.refuse(malformed)
	}
	// Else upstream has died: closing is what the runtime would have seen of it.
}

// refuse answers a request that cannot be served, if its head could be told from the end of the connection.
func (c *conn) refuse(err error) {
	var malformed *wire.MalformedError
	if !errors.As(err, &malformed) {
		return
	}
	body := fmt.Sprintf(`{"errorMessage":%q,"errorType":"Firedrill.ProxyError"}`, malformed.Reason)
	_, _ = fmt.Fprintf(c.down.w, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		malformed.Status, reason(malformed.Status), len(body), body)
	if c.down.w.Flush() == nil {
		c.linger()
	}
}

// reason is the reason phrase of a status that refuse can answer with.
func reason(status int) string {
	switch status {
	case 400:
		return "Bad Request"
	case 431:
		return "Request Header Fields Too Large"
	case 501:
		return "Not Implemented"
	case 502:
		return "Bad Gateway"
	case 505:
		return "HTTP Version Not Supported"
	}
	return "Error"
}

// linger reads on for a moment before closing: closing with bytes unread would reset the connection, and the
// peer might lose the answer (RFC 9112, 9.6).
func (c *conn) linger() {
	tcp, ok := c.down.Conn.(*net.TCPConn)
	if !ok || tcp.CloseWrite() != nil {
		return
	}
	_ = c.down.SetReadDeadline(time.Now().Add(250 * time.Millisecond))
	_, _ = io.Copy(io.Discard, io.LimitReader(c.down, 256<<10))
}

func (c *conn) problem(message string, err error) {
	c.p.journal.problem(fault.Problem{Field: "proxy", Value: c.p.upstream, Message: fmt.Sprintf("%s: %v", message, err)})
}
