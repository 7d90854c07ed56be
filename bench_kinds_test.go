package firedrill_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/conformance"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
	"github.com/firedrill-dev/firedrill/source/remote"
)

// batch is an event that every kind finds something in: two records of a queue, and a kilobyte.
var batch = []byte(`{"Records":[{"messageId":"1","eventSource":"aws:sqs","body":"` + strings.Repeat("x", 1000) + `"},{"messageId":"2","eventSource":"aws:sqs"}],"a":"b"}`)

// small asks for as little of a resource, and of time, as there is: what is measured is the cost of the fault's
// machinery. A kind that is not in it has its least attributes.
var small = map[fault.Kind]map[string]any{
	fault.DiskSpace: {"disk_space": 1}, fault.Memory: {"memory_mb": 1}, fault.CPU: {"cores": 1, "percent": 1},
	fault.FileDescriptors: {"descriptors": 1}, fault.Timeout: {"timeout_buffer_ms": 60 * 60 * 1000},
	fault.Outgoing: {"hosts": []any{"*"}, "refuse": true, "min_latency": 0}, fault.AWSCall: {"error": "throttling", "hang": false},
}

// BenchmarkKinds measures invocations of a function that decodes and encodes a kilobyte: disarmed, armed at 0 percent,
// armed for other invocations, and hit by each kind. Handlers make the calls that outgoing and awscall are about.
//
// Each takes turns with the bare function, so that what else the machine does hits both alike: ns/op is the median,
// and x-bare that by the bare one's. "bare" is the noise.
func BenchmarkKinds(b *testing.B) {
	row := func(name, document string) {
		b.Run(name, func(b *testing.B) {
			bare, measured := called(b, name, ""), called(b, name, document)
			var without, with []time.Duration
			for b.Loop() {
				without, with = append(without, timed(bare)), append(with, timed(measured))
			}
			base, own := median(without), median(with)
			b.ReportMetric(float64(own), "ns/op")
			b.ReportMetric(float64(own)/float64(base), "x-bare")
		})
	}
	row("bare", "")
	row("disarmed", "{}")
	row("armed at 0 percent", `{"exception":{"enabled":true,"percentage":0}}`)
	row("armed, not matching", spares)
	row("armed, not hit", `{"exception":{"enabled":true,"percentage":0.0000001}}`)
	for _, k := range fault.Kinds() {
		row(string(k.Kind), conformance.Document(k, conformance.Member(k, small[k.Kind]), nil))
	}
}

func timed(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// called is one invocation of a function with a fault set in a file; "" for the function by itself. Its handler makes
// the calls that a kind is about.
func called(b *testing.B, kind, document string) func() {
	path := filepath.Join(b.TempDir(), "faults.json")
	if err := os.WriteFile(path, []byte(document), 0o600); err != nil {
		b.Fatal(err)
	}
	options := []firedrill.Option{firedrill.WithLog(io.Discard), firedrill.WithGetenv(func(name string) string {
		return map[string]string{source.Config: "file:" + path}[name]
	})}
	handler := caller(kind, options)
	if document != "" {
		handler = firedrill.Wrap(handler, options...)
	}
	wrapped := lambda.NewHandler(handler)
	ctx := lambdacontext.NewContext(b.Context(), &lambdacontext.LambdaContext{AwsRequestID: "8476a536-e9f4-11e8-9739-2dfe598c3fcd"})
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	b.Cleanup(cancel)
	return func() { _, _ = wrapped.Invoke(ctx, batch) } // the error is the fault
}

// caller is a handler that answers with its event.
func caller(kind string, options []firedrill.Option) any {
	transport := firedrill.Transport(roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
	}), options...)
	calls := firedrill.NewAWSCalls(options...)
	return func(ctx context.Context, event map[string]any) (map[string]any, error) {
		switch fault.Kind(kind) {
		case fault.Outgoing:
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://host/", nil)
			if err != nil {
				return nil, err
			}
			if response, err := transport.RoundTrip(r); err == nil {
				_ = response.Body.Close()
			}
		case fault.AWSCall:
			if attempt, hit := calls.Call("a", "b").Attempt(ctx); hit {
				attempt.Fired()
			}
		}
		return event, nil
	}
}

// BenchmarkHostileStore measures invocations while a store answers in turn with faults that hit nothing, errors, 10 MB
// of junk and not at all, beside those of a function whose store answers well. They take turns, so that what else the
// machine does hits them alike; both metrics are the hostile one's time by the other's.
func BenchmarkHostileStore(b *testing.B) {
	good, hostile := asked(b, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, spares) }), asked(b, hostile())
	var quiet, troubled []time.Duration
	for b.Loop() {
		quiet, troubled = append(quiet, good()), append(troubled, hostile())
	}
	slices.Sort(quiet)
	slices.Sort(troubled)
	for name, at := range map[string]int{"p50-ratio": 50, "p99-ratio": 99} {
		i := len(quiet) * at / 100
		b.ReportMetric(float64(troubled[i])/float64(quiet[i]), name)
	}
}

// hostile is a store that does everything wrong, in turn.
func hostile() http.HandlerFunc {
	var n atomic.Int64
	junk := bytes.Repeat([]byte("{"), 10<<20)
	return func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 4 {
		case 1:
			_, _ = w.Write(junk)
		case 2:
			_, _ = io.WriteString(w, spares)
		case 3:
			w.WriteHeader(http.StatusInternalServerError)
		default:
			<-r.Context().Done()
		}
	}
}

// asked is one invocation of a function whose fault set a server keeps, and how long it takes.
func asked(b *testing.B, h http.HandlerFunc) func() time.Duration {
	server := httptest.NewServer(h)
	b.Cleanup(server.Close)
	env := map[string]string{source.Config: server.URL, remote.Refresh: "1s"}
	getenv := func(name string) string { return env[name] }
	ctx, cancel := context.WithCancel(b.Context())
	b.Cleanup(cancel) // before the server, which waits for those who ask it
	wrapped := lambda.NewHandler(firedrill.Wrap(func(event map[string]any) (map[string]any, error) { return event, nil },
		firedrill.WithSource(remote.FromEnv(ctx, getenv, io.Discard)), firedrill.WithLog(io.Discard), firedrill.WithGetenv(getenv)))
	return func() time.Duration {
		begin := time.Now()
		if _, err := wrapped.Invoke(b.Context(), batch); err != nil {
			b.Fatal(fmt.Errorf("an invocation failed: %w", err))
		}
		return time.Since(begin)
	}
}
