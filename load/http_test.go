package load

import (
	"cmp"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// drive runs a load against real sockets until it has reported n requests.
func drive(t *testing.T, l experiment.Load, n int) []verdict.Observation {
	t.Helper()
	l.Name = "orders"
	g, err := New(l, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var got observations
	var reported atomic.Int64
	if err := g.Run(ctx, func(o verdict.Observation) {
		got.add(o)
		if reported.Add(1) >= int64(n) {
			cancel()
		}
	}); err != nil {
		t.Fatal(err)
	}
	return got.all
}

// hangUp closes the connection of a request without ado.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

func TestHTTPClasses(t *testing.T) {
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/reset":
			hangUp(w)
		case "/short":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "only this")
		case "/stuck":
			w.WriteHeader(200)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		case "/elsewhere":
			http.Redirect(w, r, "/503", http.StatusFound)
		default:
			status, err := strconv.Atoi(r.URL.Path[1:])
			if err != nil {
				panic(err)
			}
			w.WriteHeader(status)
		}
	}))
	defer srv.Close()
	defer close(release)
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = nobody.Close()
	tests := []struct {
		url      string
		class    string
		failed   bool
		infinite bool
	}{
		{srv.URL + "/200", "200", false, false},
		{srv.URL + "/204", "204", false, false},
		{srv.URL + "/elsewhere", "302", false, false},
		{srv.URL + "/404", "404", true, false},
		{srv.URL + "/429", "429", true, false},
		{srv.URL + "/503", "503", true, false},
		{srv.URL + "/hang", ClassTimeout, true, false},
		{srv.URL + "/stuck", ClassTimeout, true, false},
		{srv.URL + "/reset", ClassReset, true, true},
		{srv.URL + "/short", ClassReset, true, true},
		{"http://" + nobody.Addr().String() + "/", ClassRefused, true, true},
		{"https://" + srv.Listener.Addr().String() + "/200", ClassError, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.class+" "+tt.url[len("http://127.0.0.1"):], func(t *testing.T) {
			timeout := 30 * time.Second
			if tt.class == ClassTimeout {
				timeout = 20 * ms
			}
			got := drive(t, experiment.Load{Rate: constant(1), Timeout: timeout, HTTP: &experiment.HTTPRequest{URL: tt.url}}, 1)
			o := got[0]
			if o.Class != tt.class || o.Failed != tt.failed || math.IsInf(o.Value, 1) != tt.infinite {
				t.Errorf("got %+v; want class %s, failed %v, infinite %v", o, tt.class, tt.failed, tt.infinite)
			}
			if tt.class == ClassTimeout && o.Value < timeout.Seconds() {
				t.Errorf("timed out after %v s; the timeout is %v", o.Value, timeout)
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	type request struct{ line, body, id, agent, host, custom string }
	sent := make(chan request, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent <- request{r.Method + " " + r.URL.String(), string(body), r.Header.Get("X-Id"), r.UserAgent(), r.Host, r.Header.Get("X-Custom")}
	}))
	defer srv.Close()
	tests := []struct {
		name    string
		http    experiment.HTTPRequest
		body    string
		want    request
		hostOwn bool
	}{
		{"plain", experiment.HTTPRequest{URL: srv.URL + "/a?b=c"}, "", request{line: "GET /a?b=c", agent: "firedrill"}, true},
		{"all of it fixed", experiment.HTTPRequest{Method: "POST", URL: srv.URL + "/x", Headers: map[string]string{"X-Custom": "v", "user-agent": "me", "host": "shop.test"}}, `{"sku":"A1"}`,
			request{line: "POST /x", body: `{"sku":"A1"}`, agent: "me", host: "shop.test", custom: "v"}, false},
		{"all of it templates", experiment.HTTPRequest{Method: "PUT", URL: srv.URL + "/{{.Seq}}/{{.Pick `y`}}", Headers: map[string]string{"X-Id": "{{.Seq}}-{{.Rand 5 5}}", "Host": "h{{.Seq}}.test"}}, `n={{.Seq}}`,
			request{line: "PUT /0/y", body: "n=0", id: "0-5", agent: "firedrill", host: "h0.test"}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			drive(t, experiment.Load{Rate: constant(1), HTTP: &tt.http, Body: tt.body}, 1)
			if tt.hostOwn {
				tt.want.host = srv.Listener.Addr().String()
			}
			if got := <-sent; got != tt.want {
				t.Errorf("sent %+v; want %+v", got, tt.want)
			}
		})
	}
}

// What an answer says of the fault that hit it, and of the version that gave it, is kept, within bounds.
func TestMarksAreKept(t *testing.T) {
	for sent, want := range map[string]string{"": "", "latency;run=R1": "latency;run=R1", strings.Repeat("x", 257): ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if sent != "" {
				w.Header().Set(fault.MarkHeader, sent)
				w.Header().Set("X-Amz-Executed-Version", sent)
			}
		}))
		s, err := newHTTPSender(&experiment.HTTPRequest{URL: server.URL}, "", http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if o := s.send(t.Context(), newDraw(1, 0, now)).observation(now, 0, 0); o.Mark != want || o.Version != want || o.Class != "200" {
			t.Errorf("%.20q: %+v", sent, o)
		}
		server.Close()
	}
}

func TestConnectionsAreUsedAgain(t *testing.T) {
	var opened atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 100_000))
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	transport := newTransport(10)
	defer transport.CloseIdleConnections()
	s, err := newHTTPSender(&experiment.HTTPRequest{URL: srv.URL}, "", transport)
	if err != nil {
		t.Fatal(err)
	}
	for i := range uint64(20) {
		if a := s.send(t.Context(), newDraw(1, i, time.Time{})); a.err != nil || a.failed {
			t.Fatalf("request %d: %+v", i, a)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("20 requests in a row opened %d connections; want 1", n)
	}
}

// TestRealStall: a server answers nobody until 20 requests are waiting. The twentieth could not start before it was due, so
// the first of them waited at least 19 times the distance between two.
func TestRealStall(t *testing.T) {
	const rate, waiting = 200, 20
	var arrived atomic.Int64
	open := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if arrived.Add(1) == waiting {
			close(open)
		}
		<-open
	}))
	defer srv.Close()
	got := drive(t, experiment.Load{Rate: constant(rate), HTTP: &experiment.HTTPRequest{URL: srv.URL}}, 2*waiting)
	longest := slices.MaxFunc(got, func(a, b verdict.Observation) int { return cmp.Compare(a.Value, b.Value) })
	if longest.Value < (waiting-1)/float64(rate) {
		t.Errorf("the longest took %v s; the stall was at least %v s", longest.Value, (waiting-1)/float64(rate))
	}
	for _, o := range got {
		if o.Failed {
			t.Errorf("%+v; want an answer", o)
		}
	}
}
