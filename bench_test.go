package firedrill_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/source"
)

// BenchmarkWrap compares a bare handler with wrapped ones, in one run: "disabled" is the same code as "bare",
// so that their difference is the noise of the machine.
func BenchmarkWrap(b *testing.B) {
	handler := func(o order) (order, error) { return o, nil }
	raw := bytesHandler(func(_ context.Context, event []byte) ([]byte, error) { return event, nil })
	path := filepath.Join(b.TempDir(), "faults.json")
	if err := os.WriteFile(path, []byte(`{"latency":{"enabled":true,"percentage":0,"min_latency":100}}`), 0o600); err != nil {
		b.Fatal(err)
	}
	zero := firedrill.WithGetenv(func(name string) string {
		return map[string]string{source.Config: "file:" + path}[name]
	})
	spared := armedWith(b, `{"latency":{"enabled":true,"percentage":0.000001,"min_latency":100}}`)
	event := []byte(`{"sku":"A1","n":1,"padding":"` + strings.Repeat("x", 1000) + `"}`)
	for _, bench := range []struct {
		name    string
		handler any
	}{
		{"typed/bare", handler},
		{"typed/disabled", firedrill.Wrap(handler, firedrill.WithGetenv(noEnv))},
		{"typed/zero percent", firedrill.Wrap(handler, zero)},
		{"typed/spared", firedrill.Wrap(handler, spared, firedrill.WithGetenv(noEnv))},
		{"raw/bare", raw},
		{"raw/disabled", firedrill.Wrap(raw, firedrill.WithGetenv(noEnv))},
		{"raw/zero percent", firedrill.Wrap(raw, zero)},
		{"raw/spared", firedrill.Wrap(raw, spared, firedrill.WithGetenv(noEnv))},
	} {
		invoker := lambda.NewHandler(bench.handler)
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := invoker.Invoke(b.Context(), event); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLatency reports how much later than asked a latency of 100 ms ends.
func BenchmarkLatency(b *testing.B) {
	wrapped := lambda.NewHandler(firedrill.Wrap(func() error { return nil },
		armedWith(b, `{"latency":{"enabled":true,"min_latency":100}}`), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv)))
	var late []time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := wrapped.Invoke(b.Context(), []byte("{}")); err != nil {
			b.Fatal(err)
		}
		late = append(late, time.Since(start)-100*time.Millisecond)
	}
	slices.Sort(late)
	b.ReportMetric(float64(late[0].Microseconds()), "min-late-us")
	b.ReportMetric(float64(late[len(late)/2].Microseconds()), "p50-late-us")
	b.ReportMetric(float64(late[len(late)-1].Microseconds()), "max-late-us")
}
