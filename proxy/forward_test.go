package proxy

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/runtimeapi"
)

func TestNamesAreThoseOfRuntimeAPI(t *testing.T) {
	for _, pair := range [][2]string{
		{pathInvocation, runtimeapi.PathInvocation}, {pathInvocation + "next", runtimeapi.PathNext},
		{suffixResponse, runtimeapi.SuffixResponse}, {suffixError, runtimeapi.SuffixError},
		{fieldRequestID, strings.ToLower(runtimeapi.HeaderRequestID)}, {fieldDeadline, strings.ToLower(runtimeapi.HeaderDeadline)},
		{fieldErrorType, strings.ToLower(runtimeapi.HeaderErrorType)}, {fieldErrorBody, strings.ToLower(runtimeapi.HeaderErrorBody)},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s in runtimeapi", pair[0], pair[1])
		}
	}
}

func TestRouteOf(t *testing.T) {
	for _, c := range []struct {
		method, target string
		want           route
		id             string
	}{
		{"GET", "/2018-06-01/runtime/invocation/next", next, ""},
		{"POST", "/2018-06-01/runtime/invocation/next", elsewhere, ""},
		{"POST", "/2018-06-01/runtime/invocation/r-1/response", response, "r-1"},
		{"POST", "/2018-06-01/runtime/invocation/r-1/error", failure, "r-1"},
		{"PUT", "/2018-06-01/runtime/invocation/r-1/response", elsewhere, ""},
		{"POST", "/2018-06-01/runtime/init/error", elsewhere, ""},
		{"GET", "/2020-01-01/extension/event/next", elsewhere, ""},
		{"PUT", "/2022-07-01/telemetry", elsewhere, ""},
	} {
		if got, id := routeOf([]byte(c.method), []byte(c.target)); got != c.want || string(id) != c.id {
			t.Errorf("%s %s: %d %q", c.method, c.target, got, id)
		}
	}
}

// seen is what an upstream got.
type seen struct {
	Method, Path, Body string
	Header, Trailer    http.Header
	Encoding           []string
}

// recorder answers with what the test wants and keeps what it got.
func recorder(got *seen, answer func(w http.ResponseWriter)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = seen{r.Method, r.RequestURI, string(body), r.Header, r.Trailer, r.TransferEncoding}
		answer(w)
	}
}

func accepted(w http.ResponseWriter) { w.WriteHeader(202) }

func TestForwardsRequestsAsTheyAre(t *testing.T) {
	var got seen
	c := behind(t, Options{}, recorder(&got, accepted)).dial(t)
	for _, test := range []struct {
		name, request string
		want          seen
	}{
		{"length", "POST /2018-06-01/runtime/invocation/r/error HTTP/1.1\r\nHost: x\r\nA: 1\r\nContent-Length: 3\r\n\r\nabc",
			seen{Method: "POST", Path: "/2018-06-01/runtime/invocation/r/error", Body: "abc", Header: http.Header{"A": {"1"}, "Content-Length": {"3"}}}},
		{"chunked with trailers", "POST /r HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: E\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nE: boom\r\n\r\n",
			seen{Method: "POST", Path: "/r", Body: "abcde", Header: http.Header{}, Trailer: http.Header{"E": {"boom"}}, Encoding: []string{"chunked"}}},
		{"hop-by-hop", "GET /2020-01-01/extension/register?x=%20 HTTP/1.1\r\nHost: x\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nUpgrade: h2c\r\nB: 2\r\n\r\n",
			seen{Method: "GET", Path: "/2020-01-01/extension/register?x=%20", Header: http.Header{"B": {"2"}}}},
		{"other methods", "PUT /2022-07-01/telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
			seen{Method: "PUT", Path: "/2022-07-01/telemetry", Header: http.Header{"Content-Length": {"0"}}}},
		{"framing named by Connection", "POST /r HTTP/1.1\r\nHost: x\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\nz",
			seen{Method: "POST", Path: "/r", Body: "z", Header: http.Header{"Content-Length": {"1"}}}},
	} {
		c.send(test.request)
		if resp, _ := c.answer("POST"); resp.StatusCode != 202 {
			t.Errorf("%s: %s", test.name, resp.Status)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestHoldsOneUpstreamConnectionPerDownstream(t *testing.T) {
	remotes := map[string]bool{}
	g := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) { remotes[r.RemoteAddr] = true })
	c := g.dial(t)
	for range 5 {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer("GET")
	}
	if len(remotes) != 1 {
		t.Errorf("%d upstream connections for one downstream connection", len(remotes))
	}
	c = g.dial(t) // a runtime that reconnects
	c.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if resp, _ := c.answer("GET"); !resp.Close {
		t.Error("the answer does not say that the connection closes")
	}
	c.closed()
}

func TestServesPipelinedRequests(t *testing.T) {
	c := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	}).dial(t)
	var all strings.Builder
	for i := range 200 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", i)
	}
	c.send(all.String())
	for i := range 200 {
		if _, body := c.answer("POST"); body != fmt.Sprintf("/%d body", i) {
			t.Fatalf("answer %d is %q", i, body)
		}
	}
}

func TestBodilessAnswers(t *testing.T) {
	c := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("Content-Length", "7")
			w.WriteHeader(304)
		default:
			fmt.Fprint(w, "content")
		}
	}).dial(t)
	for _, request := range []string{"HEAD /x", "GET /204", "GET /304", "GET /x"} {
		method, _, _ := strings.Cut(request, " ")
		c.send(request + " HTTP/1.1\r\nHost: x\r\n\r\n")
		_, body := c.answer(method)
		if want := map[bool]string{true: "content"}[request == "GET /x"]; body != want {
			t.Errorf("%s: body %q", request, body)
		}
	}
}

func TestStreamsPromptly(t *testing.T) {
	step := make(chan struct{})
	g := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 4)
		for range 3 { // echoes each piece as it comes
			if _, err := io.ReadFull(r.Body, buf); err != nil {
				return
			}
			step <- struct{}{}
		}
		for range 3 {
			_, _ = w.Write([]byte("tick"))
			w.(http.Flusher).Flush()
			<-step
		}
	})
	c := g.dial(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 3 {
		c.send("4\r\ntock\r\n")
		<-step // arrived before the next piece is sent
	}
	c.send("0\r\n\r\n")
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		buf := make([]byte, 4)
		if _, err := io.ReadFull(resp.Body, buf); err != nil {
			t.Fatal(err)
		}
		step <- struct{}{}
	}
}

func TestLargeBodiesBothWays(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 6<<20/16)
	want := sha256.Sum256(content)
	g := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		_, _ = io.Copy(h, r.Body)
		if !bytes.Equal(h.Sum(nil), want[:]) {
			w.WriteHeader(500)
		}
		_, _ = w.Write(content)
	})
	for _, length := range []int64{int64(len(content)), -1} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+g.address+"/x", bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !bytes.Equal(got, content) {
			t.Errorf("length %d: %s, %d bytes, %v", length, resp.Status, len(got), err)
		}
	}
}

func TestExpectContinue(t *testing.T) {
	var got seen
	c := behind(t, Options{}, recorder(&got, accepted)).dial(t)
	c.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	if resp, _ := c.answer("POST"); resp.StatusCode != 100 {
		t.Fatalf("%s, want 100", resp.Status)
	}
	c.send("ok")
	if resp, _ := c.answer("POST"); resp.StatusCode != 202 || got.Body != "ok" {
		t.Errorf("%s, upstream got %q", resp.Status, got.Body)
	}
}

func TestInterimAnswersPass(t *testing.T) {
	c := behind(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(103)
		w.WriteHeader(200)
	}).dial(t)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, want := range []int{103, 200} {
		if resp, _ := c.answer("GET"); resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
}

func TestRefusesWhatCanBeSmuggled(t *testing.T) {
	reached := make(chan string, 100)
	g := behind(t, Options{}, func(_ http.ResponseWriter, r *http.Request) { reached <- r.RequestURI })
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"length and chunked":     {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"two lengths":            {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400},
		"list of lengths":        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 5\r\n\r\nabcde", 400},
		"signed length":          {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde", 400},
		"huge length":            {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
		"other encoding":         {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
		"chunked in 1.0":         {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		"space before colon":     {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nabcde", 400},
		"folded line":            {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400},
		"bare LF":                {"GET / HTTP/1.1\nHost: x\n\n", 400},
		"bare CR":                {"GET / HTTP/1.1\r\nHost: x\r\nA: b\rContent-Length: 5\r\n\r\n", 400},
		"NUL":                    {"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n", 400},
		"two hosts":              {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		"space in target":        {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 505},
		"HTTP/2":                 {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
		"no request":             {"hello\r\n\r\n", 400},
		"CONNECT":                {"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501},
		"endless head":           {"GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 3<<20), 431},
		"chunk size with spaces": {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nabcde\r\n0\r\n\r\n", 400},
		"chunk too long":         {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n", 400},
		"chunk size overflow":    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", 400},
		"framing trailer":        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 3\r\n\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			conn := g.dial(t)
			go func() { _, _ = io.WriteString(conn, c.request) }() // the endless one is not read to its end
			if resp, _ := conn.answer("GET"); resp.StatusCode != c.status || !resp.Close {
				t.Errorf("%s, close %v, want %d and close", resp.Status, resp.Close, c.status)
			}
			conn.closed()
		})
	}
	for len(reached) > 0 {
		if uri := <-reached; uri != "/" {
			t.Errorf("upstream served %q", uri)
		}
	}
}

// A malformed answer is a 502; an upstream that closes or dies is a connection that closes.
func TestUpstreamThatMisbehaves(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   int // 0: the connection closes
	}{
		"dies":                 {"", 0},
		"dies in its head":     {"HTTP/1.1 200 OK\r\nA: b", 0},
		"length and chunked":   {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 502},
		"no HTTP":              {"SSH-2.0-x\r\n\r\n", 502},
		"switches protocols":   {"HTTP/1.1 101 Switching\r\n\r\n", 502},
		"ends with connection": {"HTTP/1.1 200 OK\r\n\r\nto the end", 200},
		"closes":               {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200},
		"is of 1996":           {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200},
	} {
		t.Run(name, func(t *testing.T) {
			conn := start(t, scripted(t, func(u net.Conn, r *bufio.Reader) {
				if _, err := http.ReadRequest(r); err == nil {
					_, _ = io.WriteString(u, c.answer)
				}
			}), Options{}).dial(t)
			conn.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
			if c.want != 0 {
				if resp, _ := conn.answer("GET"); resp.StatusCode != c.want {
					t.Errorf("%s, want %d", resp.Status, c.want)
				}
			}
			conn.closed()
		})
	}
}

// An answer that breaks off must not look whole.
func TestUpstreamThatDiesInItsAnswer(t *testing.T) {
	for _, head := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
		conn := start(t, scripted(t, func(u net.Conn, r *bufio.Reader) {
			if _, err := http.ReadRequest(r); err == nil {
				_, _ = io.WriteString(u, "HTTP/1.1 200 OK\r\n"+head+"\r\n\r\n5\r\nabcde\r\n")
			}
		}), Options{}).dial(t)
		conn.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		resp, err := http.ReadResponse(conn.r, nil)
		if err != nil {
			continue // reset before it was read: not whole either
		}
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: %q looks whole", head, body)
		}
	}
}

func TestUpstreamThatCannotBeReached(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	g := start(t, ln.Addr().String(), Options{})
	c := g.dial(t)
	c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, _ := c.answer("GET"); resp.StatusCode != 502 {
		t.Errorf("%s, want 502", resp.Status)
	}
	if !strings.Contains(g.log.String(), "cannot be reached") {
		t.Errorf("log: %s", g.log)
	}
}

// Upstream may refuse a body before it has read it: its answer must arrive.
func TestEarlyRefusal(t *testing.T) {
	g := behind(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		w.WriteHeader(413)
	})
	c := g.dial(t)
	go func() {
		_, _ = io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
		_, _ = c.Write(make([]byte, 20_000_000))
	}()
	if resp, _ := c.answer("POST"); resp.StatusCode != 413 {
		t.Errorf("%s, want 413", resp.Status)
	}
}

// An upstream that closes an idle connection costs nothing: the next exchange takes a new one.
func TestUpstreamThatClosesIdleConnections(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux is asked whether a connection is still good")
	}
	closed := make(chan struct{}, 2)
	c := start(t, scripted(t, func(u net.Conn, r *bufio.Reader) {
		if _, err := http.ReadRequest(r); err == nil {
			_, _ = io.WriteString(u, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			_ = u.Close()
			closed <- struct{}{}
		}
	}), Options{}).dial(t)
	for range 2 {
		c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		c.answer("GET")
		<-closed
	}
}

// A runtime that goes away while it waits takes its upstream request with it, so that no event is lost on it.
func TestRuntimeThatGoesAway(t *testing.T) {
	waiting, gone := make(chan struct{}), make(chan struct{})
	g := behind(t, Options{}, func(_ http.ResponseWriter, r *http.Request) {
		close(waiting)
		<-r.Context().Done()
		close(gone)
	})
	c := g.dial(t)
	c.send("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")
	<-waiting
	_ = c.Close()
	<-gone
}

// A long poll has no timeout, and a request sent ahead during it is served after it.
func TestLongPollWithPipelinedRequest(t *testing.T) {
	release := make(chan struct{})
	c := behind(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-release
		}
		fmt.Fprint(w, r.URL.Path)
	}).dial(t)
	c.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
	timer := time.AfterFunc(2*watchAfter, func() { close(release) }) // while it is being watched
	defer timer.Stop()
	c.send("GET /after HTTP/1.1\r\nHost: x\r\n\r\n")
	for _, want := range []string{"/wait", "/after"} {
		if _, body := c.answer("GET"); body != want {
			t.Errorf("%q, want %q", body, want)
		}
	}
}
