package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// read makes a probe and reads it once.
func read(t *testing.T, m experiment.Measure, d Deps) (verdict.Observation, error) {
	t.Helper()
	p, err := New(m, d)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	o, err := p.Read(t.Context())
	if o.At.Before(before) || o.At.After(time.Now()) {
		t.Errorf("the reading began at %v, not between %v and now", o.At, before)
	}
	if o.Failed != (err != nil) || o.Class == "" {
		t.Errorf("an incomplete observation %+v with error %v", o, err)
	}
	return o, err
}

// expect parses an expectation.
func expect(t *testing.T, text string) verdict.Expectation {
	t.Helper()
	e, err := verdict.ParseExpectation(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// seconds says whether a value is a latency that was measured, as opposed to one that never ended.
func seconds(x float64) bool { return x > 0 && x < 60 }

// never is the latency of what was not answered, or wrongly.
func never(x float64) bool { return math.IsInf(x, 1) }

// server is a small shop on loopback.
func server(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	answer := func(path string, status int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Executed-Version", "7")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	answer("/ok", 200, "Welcome to the shop")
	answer("/busy", 503, "busy")
	answer("/stock", 200, `{"items":[{"count":7.5,"name":"A1"}],"huge":1e400,"null":null}`)
	answer("/junk", 200, `{"items":`)
	answer("/trailing", 200, `{"items":[]} {}`)
	answer("/large", 200, strings.Repeat("x", maxAnswer+1))
	answer("/limit", 200, strings.Repeat("x", maxAnswer))
	mux.HandleFunc("/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/busy", http.StatusFound) })
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/abort", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.Host, r.Header.Get("Content-Type"), r.Header.Get("X-User"), r.UserAgent())
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func TestHTTP(t *testing.T) {
	base := server(t).URL
	tests := []struct {
		name    string
		request experiment.HTTPRequest
		spec    experiment.ProbeSpec
		expect  string
		class   string
		fails   string
		value   func(x float64) bool
	}{
		{name: "success", request: experiment.HTTPRequest{Method: "GET", URL: base + "/ok"}, class: "200", value: seconds},
		{name: "failure", request: experiment.HTTPRequest{Method: "GET", URL: base + "/busy"}, class: "503", fails: "503", value: never},
		{name: "expected failure", request: experiment.HTTPRequest{Method: "GET", URL: base + "/busy"}, spec: experiment.ProbeSpec{Status: []int{503}}, class: "503", value: seconds},
		{name: "unexpected success", request: experiment.HTTPRequest{Method: "GET", URL: base + "/ok"}, spec: experiment.ProbeSpec{Status: []int{201, 204}}, class: "200", fails: "200", value: never},
		{name: "redirects are answers", request: experiment.HTTPRequest{Method: "GET", URL: base + "/away"}, class: "302", value: seconds},
		{name: "body contains", request: experiment.HTTPRequest{Method: "GET", URL: base + "/ok"}, spec: experiment.ProbeSpec{BodyContains: "the shop"}, class: "200", value: seconds},
		{name: "body does not contain", request: experiment.HTTPRequest{Method: "GET", URL: base + "/ok"}, spec: experiment.ProbeSpec{BodyContains: "Sorry"}, class: "mismatch", fails: "Sorry", value: never},
		{name: "number", request: experiment.HTTPRequest{Method: "GET", URL: base + "/stock"}, spec: experiment.ProbeSpec{JSONPath: "$.items.0.count"}, expect: "value > 0", class: "200", value: func(x float64) bool { return x == 7.5 }},
		{name: "no such path", request: experiment.HTTPRequest{Method: "GET", URL: base + "/stock"}, spec: experiment.ProbeSpec{JSONPath: "items.1.count"}, expect: "value > 0", class: "no-number", fails: "nothing at items.1.count", value: math.IsNaN},
		{name: "no number", request: experiment.HTTPRequest{Method: "GET", URL: base + "/stock"}, spec: experiment.ProbeSpec{JSONPath: "items.0.name"}, expect: "value > 0", class: "no-number", fails: "not a number", value: math.IsNaN},
		{name: "infinite", request: experiment.HTTPRequest{Method: "GET", URL: base + "/stock"}, spec: experiment.ProbeSpec{JSONPath: "huge"}, expect: "value > 0", class: "no-number", fails: "not a finite number", value: math.IsNaN},
		{name: "no JSON", request: experiment.HTTPRequest{Method: "GET", URL: base + "/junk"}, spec: experiment.ProbeSpec{JSONPath: "items"}, expect: "value > 0", class: "no-number", fails: "not JSON", value: math.IsNaN},
		{name: "more than JSON", request: experiment.HTTPRequest{Method: "GET", URL: base + "/trailing"}, spec: experiment.ProbeSpec{JSONPath: "items"}, expect: "value > 0", class: "no-number", fails: "follows", value: math.IsNaN},
		{name: "number of a failure", request: experiment.HTTPRequest{Method: "GET", URL: base + "/busy"}, spec: experiment.ProbeSpec{JSONPath: "x"}, expect: "value > 0", class: "503", fails: "503", value: math.IsNaN},
		{name: "too large", request: experiment.HTTPRequest{Method: "GET", URL: base + "/large"}, class: "error", fails: "more than 1048576 bytes", value: never},
		{name: "just fits", request: experiment.HTTPRequest{Method: "GET", URL: base + "/limit"}, class: "200", value: seconds},
		{name: "dropped", request: experiment.HTTPRequest{Method: "GET", URL: base + "/abort"}, class: "reset", fails: "EOF", value: never},
		{name: "request as said", request: experiment.HTTPRequest{Method: "PUT", URL: base + "/echo", Headers: map[string]string{"X-User": "me", "Host": "shop.example"}}, spec: experiment.ProbeSpec{Body: "{}", BodyContains: "PUT shop.example application/json me firedrill"}, class: "200", value: seconds},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := experiment.Measure{Name: tt.name, Of: experiment.HTTP, Probe: tt.spec}
			m.Probe.HTTP = &tt.request
			m.Expect = expect(t, cmpOr(tt.expect, "p95 < 1s"))
			o, err := read(t, m, Deps{})
			if o.Class != tt.class || !tt.value(o.Value) {
				t.Errorf("observed %+v (%v), want class %s", o, err, tt.class)
			}
			if o.Class == "503" && o.Version != "7" {
				t.Errorf("a failure of version %q", o.Version)
			}
			if fmt.Sprint(err) == "<nil>" != (tt.fails == "") || !strings.Contains(fmt.Sprint(err), tt.fails) {
				t.Errorf("error %v, want %q", err, tt.fails)
			}
		})
	}
}

func cmpOr(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func TestTimeout(t *testing.T) {
	m := experiment.Measure{Of: experiment.HTTP, Timeout: 20 * time.Millisecond, Expect: expect(t, "p95 < 1s")}
	m.Probe.HTTP = &experiment.HTTPRequest{Method: "GET", URL: server(t).URL + "/hang"}
	o, err := read(t, m, Deps{})
	if err == nil || o.Class != verdict.TimedOut || o.Value < m.Timeout.Seconds() || !seconds(o.Value) {
		t.Errorf("observed %+v, %v; want the time waited", o, err)
	}
	m.Probe.JSONPath, m.Expect = "a", expect(t, "value > 1")
	if o, _ := read(t, m, Deps{}); o.Class != verdict.TimedOut || !math.IsNaN(o.Value) {
		t.Errorf("observed %+v; want no number", o)
	}
}

func TestCancelled(t *testing.T) {
	m := experiment.Measure{Of: experiment.HTTP, Expect: expect(t, "p95 < 1s")}
	m.Probe.HTTP = &experiment.HTTPRequest{Method: "GET", URL: server(t).URL + "/hang"}
	p, err := New(m, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if o, err := p.Read(ctx); !errors.Is(err, context.Canceled) || !o.Failed {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	m := experiment.Measure{Of: experiment.HTTP, Expect: expect(t, "p95 < 1s")}
	m.Probe.HTTP = &experiment.HTTPRequest{Method: "GET", URL: "http://" + address}
	if o, _ := read(t, m, Deps{}); o.Class != "refused" || !math.IsInf(o.Value, 1) {
		t.Errorf("observed %+v", o)
	}
}

func TestAnswerBreaksOff(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("only this"))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	defer srv.Close()
	m := experiment.Measure{Of: experiment.HTTP, Expect: expect(t, "p95 < 1s")}
	m.Probe.HTTP = &experiment.HTTPRequest{Method: "GET", URL: srv.URL}
	if o, err := read(t, m, Deps{}); o.Class != "reset" || !math.IsInf(o.Value, 1) {
		t.Errorf("observed %+v, %v", o, err)
	}
}

func TestInvoke(t *testing.T) {
	deps := func(r InvokeResult, err error) Deps {
		return Deps{Invoke: func(_ context.Context, f Function, payload []byte) (InvokeResult, error) {
			if f != (Function{Name: "stock", Account: "shop", Region: "eu-west-1"}) || string(payload) != "{}" {
				t.Errorf("invoked %+v with %s", f, payload)
			}
			return r, err
		}}
	}
	tests := []struct {
		name   string
		path   string
		result InvokeResult
		err    error
		class  string
		value  func(x float64) bool
	}{
		{"success", "", InvokeResult{Payload: []byte(`{"n":3}`)}, nil, "200", seconds},
		{"number", "n", InvokeResult{Payload: []byte(`{"n":3}`)}, nil, "200", func(x float64) bool { return x == 3 }},
		{"function error", "", InvokeResult{Payload: []byte(`{"errorMessage":"boom"}`), FunctionError: "Unhandled"}, nil, "function-error", never},
		{"function error for a number", "n", InvokeResult{Payload: []byte(`{"n":3}`), FunctionError: "Handled"}, nil, "function-error", math.IsNaN},
		{"no function", "", InvokeResult{}, errors.New("404"), "error", never},
		{"deadline", "", InvokeResult{}, context.DeadlineExceeded, verdict.TimedOut, func(x float64) bool { return x < 60 }},
		{"too large", "", InvokeResult{Payload: make([]byte, maxAnswer+1)}, nil, "error", never},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := experiment.Measure{Of: experiment.Invoke, Expect: expect(t, "p95 < 1s"), Probe: experiment.ProbeSpec{Lambda: "stock", Account: "shop", Region: "eu-west-1", JSONPath: tt.path}}
			tt.result.Version = "7"
			o, err := read(t, m, deps(tt.result, tt.err))
			if answered := tt.class == "200" || tt.class == "function-error"; answered != (o.Version == "7") {
				t.Errorf("observed version %q", o.Version)
			}
			if o.Class != tt.class || !tt.value(o.Value) && o.Value != 0 {
				t.Errorf("observed %+v, %v; want class %s", o, err, tt.class)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		measure experiment.Measure
		want    string
	}{
		{experiment.Measure{Of: "clouds"}, "not a kind"},
		{experiment.Measure{Of: experiment.CloudWatch}, "needs access to AWS"},
		{experiment.Measure{Of: experiment.AlarmOf}, "needs access to AWS"},
		{experiment.Measure{Of: experiment.Logs}, "needs access to AWS"},
		{experiment.Measure{Of: "load.shop"}, "not a kind"},
		{experiment.Measure{Of: experiment.HTTP}, "needs a request"},
		{experiment.Measure{Of: experiment.Invoke}, "needs access"},
		{experiment.Measure{Of: experiment.Command}, "needs a program"},
		{experiment.Measure{Of: experiment.Command, Probe: experiment.ProbeSpec{Command: []string{"no-such-program-anywhere"}}}, "no-such-program-anywhere"},
		{experiment.Measure{Of: experiment.Prometheus}, "needs url and query"},
	}
	for _, tt := range tests {
		if p, err := New(tt.measure, Deps{}); p != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, %v; want an error with %q", tt.measure, p, err, tt.want)
		}
	}
}

func TestEveryKindCanBeMade(t *testing.T) {
	m := experiment.Measure{Probe: experiment.ProbeSpec{
		HTTP: &experiment.HTTPRequest{Method: "GET", URL: "http://127.0.0.1/"}, URL: "http://127.0.0.1/", Query: "up", Command: []string{"go"}, Lambda: "f",
		Metrics: []experiment.Metric{{ID: "m"}}, Period: time.Minute, Alarm: "a", LogGroups: []string{"g"}, Field: "n",
	}}
	deps := onAWS(nil)
	deps.Invoke = func(context.Context, Function, []byte) (InvokeResult, error) { return InvokeResult{}, nil }
	for _, m.Of = range Kinds() {
		if _, err := New(m, deps); err != nil {
			t.Errorf("%s: %v", m.Of, err)
		}
	}
}
