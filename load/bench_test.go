package load

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// BenchmarkLateness sends 2,000 requests a second to a loopback server in this process. Read late-p99-ms: the bar is 2. Run it
// with -benchtime=20000x or so; ns/op only shows that the rate was kept (500,000).
func BenchmarkLateness(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }))
	defer srv.Close()
	g, err := New(experiment.Load{Name: "bench", Rate: constant(2000), HTTP: &experiment.HTTPRequest{Method: "POST", URL: srv.URL},
		Body: `{"sku":"A1"}`}, Deps{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	var n atomic.Int64
	var got observations
	b.ReportAllocs()
	b.ResetTimer()
	if err := g.Run(ctx, func(o verdict.Observation) {
		got.add(o)
		if n.Add(1) >= int64(b.N) {
			cancel()
		}
	}); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	late, latency, failed := []time.Duration{}, []float64{}, 0
	for _, o := range got.all {
		late, latency = append(late, o.Late), append(latency, o.Value)
		if o.Failed {
			failed++
		}
	}
	slices.Sort(late)
	slices.Sort(latency)
	p99 := (len(late)*99+99)/100 - 1
	b.ReportMetric(late[p99].Seconds()*1e3, "late-p99-ms")
	b.ReportMetric(late[len(late)/2].Seconds()*1e3, "late-p50-ms")
	b.ReportMetric(latency[p99]*1e3, "latency-p99-ms")
	b.ReportMetric(float64(failed), "failed")
}

type instant struct{}

func (instant) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return &http.Response{StatusCode: 200, Body: http.NoBody, Request: r}, nil
}

// BenchmarkSend is the generator's own work for one request, without a network.
func BenchmarkSend(b *testing.B) {
	for name, body := range map[string]string{"fixed": `{"sku":"A1"}`, "template": `{"id":"{{.UUID}}","n":{{.Rand 1 100}}}`} {
		b.Run(name, func(b *testing.B) {
			s, err := newHTTPSender(&experiment.HTTPRequest{Method: "POST", URL: "http://shop.test/purchase"}, body, instant{})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := range b.N {
				if a := s.send(b.Context(), newDraw(1, uint64(i), time.Time{})); a.failed || a.err != nil {
					b.Fatal(a)
				}
			}
		})
	}
}

// BenchmarkText shows that a body without {{ costs nothing.
func BenchmarkText(b *testing.B) {
	fixed, err := parseText(strings.Repeat("x", 1000))
	if err != nil {
		b.Fatal(err)
	}
	d := newDraw(1, 1, time.Time{})
	b.ReportAllocs()
	for range b.N {
		_, _ = fixed.render(d)
	}
}
