package firedrill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

// marking is the environment of a function whose owner wants marks.
func marking(name string) string { return map[string]string{fault.MarkVariable: "true"}[name] }

const (
	hitByRun    = `{"corruption":{"enabled":true,"body":"x"},"latency":{"enabled":true},"firedrill":{"run":"01J"}}`
	sparedByRun = `{"latency":{"enabled":true,"percentage":0.000001},"firedrill":{"run":"01J"}}`
)

func TestMarkOnResponse(t *testing.T) {
	for _, c := range []struct {
		name, set, response, want string
		getenv                    func(string) string
	}{
		{"hit", hitByRun, `{"statusCode":200,"body":"y"}`, `{"headers":{"x-firedrill-fault":"latency,corruption;run=01J"},"body":"x","statusCode":200}`, marking},
		{"spared", sparedByRun, `{"statusCode":200, "body":"y"}`, `{"headers":{"x-firedrill-fault":"none;run=01J"},"statusCode":200, "body":"y"}`, marking},
		{"answered in the handler's stead", `{"statuscode":{"enabled":true,"body":"b","headers":{"a":"b"}}}`, ``,
			`{"statusCode":500,"headers":{"x-firedrill-fault":"statuscode","Content-Type":"application/json","a":"b"},"body":"b"}`, marking},
		{"no HTTP response", sparedByRun, `{"ok":true}`, `{"ok":true}`, marking},
		{"nobody asked", sparedByRun, `{"statusCode":200}`, `{"statusCode":200}`, noEnv},
		{"a start that is late", `{"coldstart":{"enabled":true,"min_latency":1}}`, `{"statusCode":200}`, `{"headers":{"x-firedrill-fault":"coldstart"},"statusCode":200}`, marking},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrapped := firedrill.Wrap(bytesHandler(func(context.Context, []byte) ([]byte, error) { return []byte(c.response), nil }),
				armedWith(t, c.set), firedrill.WithGetenv(c.getenv), firedrill.WithLog(io.Discard)).(interface {
				Invoke(context.Context, []byte) ([]byte, error)
			})
			if got, err := wrapped.Invoke(t.Context(), []byte(`{}`)); err != nil || string(got) != c.want {
				t.Errorf("%s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// A fault of a request that the handler makes is one of the invocation.
func TestMarkOfOutgoing(t *testing.T) {
	options := []firedrill.Option{armedWith(t, `{"outgoing":{"enabled":true,"hosts":["*"],"refuse":true},"firedrill":{"run":"01J"}}`),
		firedrill.WithGetenv(marking), firedrill.WithLog(io.Discard)}
	client := &http.Client{Transport: firedrill.Transport(nil, options...)}
	wrapped := firedrill.Wrap(bytesHandler(func(ctx context.Context, event []byte) ([]byte, error) {
		if string(event) == `"call"` {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:1/", nil)
			if err != nil {
				return nil, err
			}
			if resp, err := client.Do(req); err == nil {
				return nil, errors.Join(errors.New("it was answered"), resp.Body.Close())
			}
		}
		return []byte(`{"statusCode":200}`), nil
	}), options...).(interface {
		Invoke(context.Context, []byte) ([]byte, error)
	})
	for event, want := range map[string]string{`"call"`: "outgoing;run=01J", `"none"`: "none;run=01J"} {
		if got, err := wrapped.Invoke(t.Context(), []byte(event)); err != nil || !strings.Contains(string(got), `"`+want+`"`) {
			t.Errorf("%s: %s, %v, want %s", event, got, err, want)
		}
	}
}

// A streamed HTTP response gets its mark in the prelude, however the pieces fall; what ends it, still does.
func TestMarkOnStream(t *testing.T) {
	broken := errors.New("the disk is gone")
	for name, body := range map[string]func() io.Reader{
		"whole":      func() io.Reader { return strings.NewReader("body") },
		"bytes":      func() io.Reader { return iotest.OneByteReader(strings.NewReader("body")) },
		"ends badly": func() io.Reader { return io.MultiReader(strings.NewReader("body"), iotest.ErrReader(broken)) },
	} {
		t.Run(name, func(t *testing.T) {
			handler := func() (*events.LambdaFunctionURLStreamingResponse, error) {
				return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Headers: map[string]string{"a": "b"}, Body: body()}, nil
			}
			wrapped := firedrill.Wrap(handler, armedWith(t, sparedByRun), firedrill.WithGetenv(marking), firedrill.WithLog(io.Discard))
			got, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}"))
			if name == "ends badly" {
				if !errors.Is(err, broken) {
					t.Errorf("it ends with %v", err)
				}
				return
			}
			prelude, rest, _ := bytes.Cut(got, make([]byte, 8))
			if want := `{"statusCode":200,"headers":{"x-firedrill-fault":"none;run=01J","a":"b"}`; err != nil || !strings.HasPrefix(string(prelude), want) || string(rest) != "body" {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	plain := firedrill.Wrap(func() (io.Reader, error) { return strings.NewReader(`{"statusCode":200}`), nil },
		armedWith(t, sparedByRun), firedrill.WithGetenv(marking), firedrill.WithLog(io.Discard))
	if got, err := lambda.NewHandler(plain).Invoke(t.Context(), []byte("{}")); err != nil || string(got) != `{"statusCode":200}` {
		t.Errorf("a stream that is no HTTP response became %q, %v", got, err)
	}
}

func TestMarkMisspelt(t *testing.T) {
	var log bytes.Buffer
	firedrill.Wrap(func() {}, armedWith(t, sparedByRun), firedrill.WithLog(&log),
		firedrill.WithGetenv(func(name string) string { return map[string]string{fault.MarkVariable: "x-fault"}[name] }))
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"field":"FIREDRILL_RESPONSE_HEADER","value":"x-fault"`) {
		t.Errorf("log %q", text)
	}
}

// With FIREDRILL_METRICS=emf each record is a metric, and still a record.
func TestRecordsAsMetrics(t *testing.T) {
	for value, want := range map[string]bool{"emf": true, "": false} {
		var log bytes.Buffer
		wrapped := firedrill.Wrap(func() error { return nil }, armedWith(t, `{"latency":{"enabled":true},"firedrill":{"run":"01J"}}`), firedrill.WithLog(&log),
			firedrill.WithGetenv(func(name string) string { return map[string]string{fault.MetricsVariable: value}[name] }))
		if _, err := lambda.NewHandler(wrapped).Invoke(t.Context(), []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if r, ok := fault.ParseRecord(log.Bytes()); !ok || r.Fired != 1 || bytes.Contains(log.Bytes(), []byte(`"_aws":{"Timestamp"`)) != want {
			t.Errorf("%q: %s", value, log.Bytes())
		}
	}
}
