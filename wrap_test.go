package firedrill_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

type order struct {
	SKU string `json:"sku"`
	N   int    `json:"n"`
}

type orderError struct{ order }

func (e *orderError) Error() string { return "no " + e.SKU }

// jsonReader is a reader that also has a JSON form: the form wins.
type jsonReader struct {
	io.Reader `json:"-"`
	Form      string `json:"form"`
}

// armedWith is the option for a fixed document.
func armedWith(t testing.TB, document string) firedrill.Option {
	t.Helper()
	set, problems := fault.Parse([]byte(document))
	for _, p := range problems {
		t.Fatal(p)
	}
	return firedrill.WithSource(fixed{set})
}

// spares arms a set that spares every invocation of these tests, so that the whole wrapper runs.
const spares = `{"exception":{"enabled":true,"match":[{"path":"never","operator":"exists"}]}}`

// shapes are all the handlers that lambda.Start takes, and some that it refuses.
var shapes = map[string]any{
	"func()":                     func() {},
	"func(in)":                   func(order) {},
	"func() error":               func() error { return nil },
	"func() error, failing":      func() error { return errors.New("broken") },
	"func(in) error":             func(o order) error { return &orderError{o} },
	"func() (out, error)":        func() (order, error) { return order{"A1", 1}, nil },
	"func(in) (out, error)":      func(o order) (*order, error) { o.N++; return &o, nil },
	"func(ctx)":                  func(context.Context) {},
	"func(ctx) error":            func(ctx context.Context) error { return ctx.Err() },
	"func(ctx) (out, error)":     func(context.Context) (string, error) { return "<html>&", nil },
	"func(ctx, in)":              func(context.Context, *order) {},
	"func(ctx, in) error":        func(_ context.Context, o map[string]any) error { return nil },
	"func(ctx, in) (out, error)": func(_ context.Context, o order) ([]order, error) { return []order{o}, nil },
	"func(any) (any, error)":     func(in any) (any, error) { return in, nil },
	"func() (any, error): nil":   func() (any, error) { return nil, nil },
	"reader":                     func(o order) (io.Reader, error) { return strings.NewReader("raw " + o.SKU), nil },
	"any that is a reader":       func(o order) (any, error) { return strings.NewReader("raw " + o.SKU), nil },
	"reader with a JSON form":    func() (*jsonReader, error) { return &jsonReader{strings.NewReader("raw"), "form"}, nil },
	"nil reader":                 func() (*strings.Reader, error) { return nil, nil },
	"out that is no JSON":        func() (chan int, error) { return nil, nil },
	"lambda.Handler":             bytesHandler(func(_ context.Context, event []byte) ([]byte, error) { return append(event, '!'), nil }),
	"lambda.NewHandler":          lambda.NewHandlerWithOptions(func(o map[string]any) (any, error) { return o["n"], nil }, lambda.WithUseNumber(true)),
	"nil":                        nil,
	"no function":                7,
	"too many arguments":         func(_ context.Context, a, b string) {},
	"first of two is no context": func(a, b string) {},
	"other interface":            func(fmt.Stringer) {},
	//lint:ignore ST1008 refused by lambda.Start, which is the point
	"two errors, the wrong way": func() (error, string) { return nil, "" },
	"result that is no error":   func() string { return "" },
	"three results":             func() (a, b string, c error) { return },
}

// The wrapper answers as the handler alone does, whatever its shape, to good and bad events.
func TestWrapIsInvisible(t *testing.T) {
	payloads := []string{`{"sku":"A1","n":12345678901234567890}`, `{"sku":"A1","n":2}`, `{"sku":7}`, `[]`, `null`, `"text"`, `{"sku":"A1"} trailing`}
	for name, handler := range shapes {
		t.Run(name, func(t *testing.T) {
			wrapped := firedrill.Wrap(handler, armedWith(t, spares), firedrill.WithGetenv(noEnv))
			for _, payload := range payloads {
				want, wantErr := lambda.NewHandler(handler).Invoke(t.Context(), []byte(payload))
				want = bytes.Clone(want)
				got, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte(payload))
				if string(got) != string(want) || fmt.Sprint(err) != fmt.Sprint(wantErr) || reflect.TypeOf(err) != reflect.TypeOf(wantErr) {
					t.Errorf("%s: wrapped %s, %v, alone %s, %v", payload, got, err, want, wantErr)
				}
			}
		})
	}
}

// Concurrent invocations, as on Lambda Managed Instances, get their own answers. The Lambda library's own
// Handler lends out a pooled buffer; the wrapper must not.
func TestWrapConcurrently(t *testing.T) {
	wrapped := lambda.NewHandler(firedrill.Wrap(func(o order) (order, error) { o.N *= 2; return o, nil },
		armedWith(t, `{"corruption":{"enabled":true,"percentage":50,"body":"x"}}`), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv)))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				n := g*1000 + i
				ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: fmt.Sprint(n)})
				out, err := wrapped.Invoke(ctx, fmt.Appendf(nil, `{"sku":"A1","n":%d}`, n))
				runtime.Gosched() // let the others reuse whatever is shared
				plain, hit := fmt.Sprintf(`{"sku":"A1","n":%d}`, 2*n), fmt.Sprintf(`{"body":"x","n":%d,"sku":"A1"}`, 2*n)
				if err != nil || (string(out) != plain && string(out) != hit) {
					t.Errorf("%d: %s, %v", n, out, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestWrapReturnsTheHandlerItselfWhenDisabled(t *testing.T) {
	handler := func(o order) (order, error) { return o, nil }
	for name, env := range map[string]map[string]string{
		"unset":          {},
		"disabled":       {source.Config: `{"exception":{"enabled":true}}`, source.Disabled: "true"},
		"failure-lambda": {source.Config: `{"exception":{"enabled":true}}`, source.DisabledFailureLambda: "true"},
		"malformed":      {source.Config: `{"exception"`},
	} {
		got := firedrill.Wrap(handler, firedrill.WithGetenv(func(name string) string { return env[name] }), firedrill.WithLog(io.Discard))
		if reflect.ValueOf(got).Pointer() != reflect.ValueOf(handler).Pointer() {
			t.Errorf("%s: Wrap returned something else", name)
		}
	}
	disabled := firedrill.WithGetenv(func(name string) string { return map[string]string{source.Disabled: "1"}[name] })
	if got := firedrill.Wrap(handler, armedWith(t, `{"exception":{"enabled":true}}`), disabled); reflect.ValueOf(got).Pointer() != reflect.ValueOf(handler).Pointer() {
		t.Error("the kill switch does not stop a source given by option")
	}
}

func TestWrapReadsTheFileAtEachInvocation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "faults.json")
	var log bytes.Buffer
	env := map[string]string{source.Config: "file:" + path, "AWS_LAMBDA_FUNCTION_NAME": "orders", "FIREDRILL_PROOF": path + ".proof"}
	wrapped := firedrill.Wrap(func() (string, error) { return "fine", nil }, firedrill.WithLog(&log), firedrill.WithGetenv(func(name string) string { return env[name] }))
	invoke := func() (string, error) {
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r-1"})
		out, err := lambda.NewHandler(wrapped).Invoke(ctx, []byte("{}"))
		return string(out), err
	}
	if out, err := invoke(); out != `"fine"` || err != nil {
		t.Fatalf("disarmed: %s, %v", out, err)
	}
	document := `{"exception":{"enabled":true},"firedrill":{"run":"01J","expires_at":"2126-01-01T00:00:00Z"}}`
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	// The source looks at most every 100 ms, so keep asking: the condition, not the clock, ends this.
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, err := invoke(); err != nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the file is never read")
		}
	}
	want := fault.Record{Run: "01J", Kind: fault.Exception, Function: "orders", RequestID: "r-1", Planned: 1, Fired: 1}
	proof, err := os.ReadFile(path + ".proof")
	if err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string][]byte{"log": log.Bytes(), "proof": proof} {
		got, ok := fault.ParseRecord(line)
		if got.Time.IsZero() {
			t.Errorf("%s: no time", name)
		}
		got.Time = time.Time{}
		if !ok || got != want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, ok, want)
		}
	}
}

func TestProofThatCannotBeWritten(t *testing.T) {
	var log bytes.Buffer
	getenv := func(name string) string {
		return map[string]string{"FIREDRILL_PROOF": t.TempDir()}[name] // a folder
	}
	wrapped := firedrill.Wrap(func() error { return nil }, armedWith(t, `{"exception":{"enabled":true}}`), firedrill.WithLog(&log), firedrill.WithGetenv(getenv))
	if _, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}")); err == nil {
		t.Error("no exception")
	}
	if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 || !strings.Contains(lines[1], `"firedrill":"problem"`) || !strings.Contains(lines[1], "FIREDRILL_PROOF") {
		t.Errorf("log %q", log.String())
	}
}

// What stands after a handler that fails or panics cannot fire, and says so.
func TestAfterAHandlerThatFails(t *testing.T) {
	tests := []struct {
		name    string
		handler any
		reason  string
	}{
		{"error", func() error { return errors.New("broken") }, "the handler itself failed"},
		{"panic", func() error { panic("broken") }, "the handler panicked"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			wrapped := firedrill.Wrap(test.handler, armedWith(t, `{"fail-after":{"enabled":true}}`), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv))
			func() {
				defer func() {
					if r := recover(); (r != nil) != (test.name == "panic") {
						t.Errorf("recovered %v", r)
					}
				}()
				if _, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}")); err == nil || err.Error() != "broken" {
					t.Errorf("error %v, want the handler's own", err)
				}
			}()
			want := []counted{{fault.FailAfter, 0, test.reason}}
			if got := records(log.Bytes()); !reflect.DeepEqual(got, want) {
				t.Errorf("records %v, want %v", got, want)
			}
		})
	}
}

// closing notes that it was closed.
type closing struct {
	reader io.Reader
	closed *bool
}

func (c closing) Read(b []byte) (int, error) { return c.reader.Read(b) }
func (c closing) Close() error               { *c.closed = true; return nil }

func TestStreams(t *testing.T) {
	tests := []struct {
		name, document string
		want           string
		failed         bool
		records        []counted
	}{
		{"spared", spares, "hello stream", false, nil},
		{"no text to mangle", `{"corruption":{"enabled":true}}`, "hello stream", false, []counted{{fault.Corruption, 0, "the response has nothing to corrupt"}}},
		{"replaced", `{"corruption":{"enabled":true,"body":"x"}}`, `{"body":"x"}`, false, []counted{{fault.Corruption, 1, ""}}},
		{"status", `{"statuscode":{"enabled":true,"body":"no"}}`, `{"statusCode":500,"headers":{"Content-Type":"application/json"},"body":"no"}`, false, []counted{{fault.StatusCode, 1, ""}}},
		{"failed after", `{"fail-after":{"enabled":true}}`, "", true, []counted{{fault.FailAfter, 1, ""}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var log bytes.Buffer
			closed := false
			source := strings.NewReader("hello stream")
			handler := func() (io.Reader, error) { return closing{source, &closed}, nil }
			wrapped := firedrill.Wrap(handler, armedWith(t, test.document), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv))
			out, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}"))
			if string(out) != test.want || (err != nil) != test.failed {
				t.Errorf("%q, %v, want %q", out, err, test.want)
			}
			if got := records(log.Bytes()); !reflect.DeepEqual(got, test.records) {
				t.Errorf("records %v, want %v", got, test.records)
			}
			if ran := test.name != "status"; closed != ran || (ran && source.Len() != 0) {
				t.Errorf("closed %v, %d bytes left", closed, source.Len())
			}
		})
	}
}

func TestStreamedHTTPKeepsItsForm(t *testing.T) {
	handler := func() (*events.LambdaFunctionURLStreamingResponse, error) {
		return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Body: strings.NewReader("fine")}, nil
	}
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"
	for document, want := range map[string]string{
		`{"statuscode":{"enabled":true,"status_code":503,"body":"no"}}`: `{"statusCode":503,"headers":{"Content-Type":"application/json"}}` + zeros + "no",
		`{"corruption":{"enabled":true,"body":"x"}}`:                    `{"statusCode":200}` + zeros + "x",
		spares: `{"statusCode":200}` + zeros + "fine",
	} {
		wrapped := firedrill.Wrap(handler, armedWith(t, document), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv))
		out, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}"))
		if string(out) != want || err != nil {
			t.Errorf("%s: %q, %v, want %q", document, out, err, want)
		}
	}
}

// A cancelled invocation ends the wait; the handler runs and sees for itself.
func TestLatencyEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wrapped := firedrill.Wrap(func(ctx context.Context) error { return ctx.Err() },
		armedWith(t, `{"latency":{"enabled":true,"min_latency":3600000}}`), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv))
	if _, err := lambda.NewHandler(wrapped).Invoke(ctx, []byte("{}")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Real timers, real time: never early.
func TestLatencyIsNeverEarly(t *testing.T) {
	wrapped := lambda.NewHandler(firedrill.Wrap(func() error { return nil },
		armedWith(t, `{"latency":{"enabled":true,"min_latency":5,"max_latency":5}}`), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv)))
	for range 20 {
		start := time.Now()
		if _, err := wrapped.Invoke(t.Context(), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 5*time.Millisecond {
			t.Fatalf("took %v, less than 5ms", took)
		}
	}
}

// Behind the layer each fault would hit twice.
func TestWrapStandsAsideBehindTheLayer(t *testing.T) {
	var log bytes.Buffer
	getenv := func(name string) string { return map[string]string{"FIREDRILL_PROXIED": "true"}[name] }
	wrapped := firedrill.Wrap(func() error { return nil }, armedWith(t, `{"exception":{"enabled":true}}`), firedrill.WithGetenv(getenv), firedrill.WithLog(&log))
	if _, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}")); err != nil || strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "FIREDRILL_PROXIED") {
		t.Errorf("%v, log %q", err, log.String())
	}
}
