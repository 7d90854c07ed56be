package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// pipes is a network in memory, so that fake time passes while peers wait for each other.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { p.once.Do(func() { close(p.done) }); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes"} }

// world is a Runtime API, the proxy and a runtime that answers every event alike.
type world struct {
	api     *runtimeapi.Server
	proxy   *Proxy
	network *pipes // of the runtime
	log     *safeBuffer
	handled int    // events that reached the runtime
	event   string // the last of them
}

// inWorld runs fn in fake time. Without a post there is no runtime: fn is it.
func inWorld(t *testing.T, source fixed, now time.Time, post func(id string) string, fn func(t *testing.T, w *world)) {
	synctest.Test(t, func(t *testing.T) {
		if !now.IsZero() {
			time.Sleep(time.Until(now)) // fake time
		}
		net1, net2 := newPipes(), newPipes()
		w := &world{api: runtimeapi.NewServer(0), network: net2, log: &safeBuffer{}}
		server := http.Server{Handler: w.api}
		p := New(Options{Upstream: "lambda:80", Source: source, Function: "shop", Log: w.log})
		p.dial = net1.dial
		w.proxy = p
		var group sync.WaitGroup
		group.Go(func() { _ = server.Serve(net1) })
		group.Go(func() { _ = p.Serve(t.Context(), net2) })
		if post != nil {
			group.Go(func() { w.runtime(t, net2, post) })
		}
		defer func() {
			synctest.Wait() // the runtime's last exchange may still be under way
			w.api.Close()
			_, _ = net1.Close(), net2.Close()
			p.Close()
			_ = server.Close()
			group.Wait()
		}()
		fn(t, w)
	})
}

// runtime is what a runtime does: next, response, next, ...
func (w *world) runtime(t *testing.T, network *pipes, post func(id string) string) {
	c, err := network.dial(t.Context(), "", "")
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	r := bufio.NewReader(c)
	exchange := func(request string) (*http.Response, string) {
		if _, err := io.WriteString(c, request); err != nil {
			return nil, ""
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return nil, ""
		}
		body, _ := io.ReadAll(resp.Body)
		return resp, string(body)
	}
	for {
		event, payload := exchange("GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n")
		if event == nil || event.StatusCode != 200 {
			return
		}
		w.handled++
		w.event = payload
		id := event.Header.Get(runtimeapi.HeaderRequestID)
		if resp, body := exchange(post(id)); resp == nil || resp.StatusCode != 202 {
			t.Errorf("the runtime was answered %v %s", resp, body)
			return
		}
	}
}

// posts is a runtime's plain response.
func posts(response string) func(id string) string {
	return func(id string) string {
		return fmt.Sprintf("POST %s%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", runtimeapi.PathInvocation, id, len(response), response)
	}
}

// The proxy does what the shared vectors say: results, delays (exactly, in fake time) and records.
func TestVectors(t *testing.T) {
	vectors, err := fault.LoadVectors(os.DirFS("../fault/testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		set, _ := fault.Parse(v.Source())
		for _, c := range v.Cases {
			t.Run(v.Name+"/"+c.RequestID, func(t *testing.T) {
				inWorld(t, fixed{set}, v.Now, posts(c.Response), func(t *testing.T, w *world) {
					conform(t, w, c)
				})
			})
		}
	}
}

func conform(t *testing.T, w *world, c fault.VectorCase) {
	inv := c.Invocation()
	// No id of Lambda's has spaces, and none can: it stands in a path. No vector that is named by a sentence
	// depends on the hash of its id.
	inv.RequestID = strings.ReplaceAll(inv.RequestID, " ", "-")
	begin := time.Now()
	if err := w.api.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	var slow time.Duration
	if c.Start != nil && c.Start.Skip == "" {
		slow, _ = time.ParseDuration(c.Start.Delay)
	}
	if took := time.Since(begin); took != slow {
		t.Errorf("started in %v, want %v", took, slow)
	}
	start := time.Now()
	got, err := w.api.Invoke(t.Context(), runtimeapi.Event{RequestID: inv.RequestID, Payload: inv.Event, Deadline: inv.Deadline})
	if err != nil {
		t.Fatal(err)
	}
	var delay time.Duration
	for _, i := range c.Before {
		if d, err := time.ParseDuration(i.Delay); err == nil && i.Skip == "" {
			delay += d
		}
	}
	// Vectors are exact to the microsecond.
	if took := time.Since(start); (took - delay).Abs() >= time.Microsecond {
		t.Errorf("took %v, want %v", took, delay)
	}
	want := c.Result
	if want == "" {
		want = c.Response
	}
	if string(got.Payload) != want || got.Failed != c.Failed {
		t.Errorf("answer %s, failed %v, want %s, %v", got.Payload, got.Failed, want, c.Failed)
	}
	ends := len(c.After) == 0 && (c.Failed || len(c.Before) > 0 && c.Before[len(c.Before)-1].Status != 0)
	if handled := w.handled > 0; handled == ends {
		t.Errorf("the handler ran: %v", handled)
	}
	if w.handled > 0 {
		want := string(inv.Event)
		if c.Delivered != "" {
			want = c.Delivered
		}
		if w.event != want {
			t.Errorf("the handler got %s, want %s", w.event, want)
		}
	}
	synctest.Wait() // the last record may follow the answer
	if diff := cmp.Diff(wantRecords(inv.RequestID, c), w.log.records()); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func wantRecords(id string, c fault.VectorCase) (want []string) {
	if c.Start != nil {
		want = append(want, wanted("", *c.Start, ""))
	}
	for _, i := range append(append([]fault.VectorInjection(nil), c.Before...), c.After...) {
		var reason string
		if i.Kind == fault.FileDescriptors {
			reason = "the runtime's process cannot be found: its connection is not TCP" // but in memory
		}
		if i.Kind == fault.Denylist && i.Skip == "" {
			i.Reason = fault.Unsupported // nothing is preloaded here: see denials_test.go
		}
		want = append(want, wanted(id, i, reason))
	}
	return want
}

// wanted is the record of one injection, which does not fire where the vector, or the proxy, has a reason.
func wanted(id string, i fault.VectorInjection, reason string) string {
	fired := 1
	if reason += i.Skip + i.Reason; reason != "" {
		fired = 0
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %d/1 %s", id, i.Kind, fired, reason))
}
