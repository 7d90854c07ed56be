package firedrill_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
)

func transport(t testing.TB, base http.RoundTripper, document string) http.RoundTripper {
	return firedrill.Transport(base, armedWith(t, document), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv))
}

func TestTransportIsTheBaseWhenDisabled(t *testing.T) {
	if got := firedrill.Transport(nil, firedrill.WithGetenv(noEnv)); got != http.DefaultTransport {
		t.Errorf("a nil base gives %T", got)
	}
	base := &http.Transport{}
	if got := firedrill.Transport(base, firedrill.WithGetenv(noEnv)); got != http.RoundTripper(base) {
		t.Errorf("a base gives %T", got)
	}
}

// A real client against a real server, with faults for one of two names of it.
func TestTransportWithAClient(t *testing.T) {
	var served atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		_, _ = io.Copy(w, r.Body)
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	document := `{"outgoing":{"enabled":true,"hosts":["localhost"],"status_code":503,"body":"later","headers":{"Retry-After":"3"}}}`
	client := &http.Client{Transport: transport(t, server.Client().Transport, document)}
	post := func(url string) (*http.Response, string) {
		t.Helper()
		res, err := client.Post(url, "text/plain", strings.NewReader("hi"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}
	if res, body := post(server.URL); res.StatusCode != 200 || body != "hi" {
		t.Errorf("spared host: %d %s", res.StatusCode, body)
	}
	res, body := post(strings.Replace(server.URL, "127.0.0.1", "LocalHost", 1))
	if res.StatusCode != 503 || res.Status != "503 Service Unavailable" || body != "later" || res.Header.Get("Retry-After") != "3" || res.ContentLength != 5 {
		t.Errorf("hit host (port %d): %s %s %v", port, res.Status, body, res.Header)
	}
	if n := served.Load(); n != 1 {
		t.Errorf("the server saw %d requests, want 1", n)
	}
	client.CloseIdleConnections()
}

func TestTransportRefuses(t *testing.T) {
	closed := false
	body := closing{strings.NewReader("x"), &closed}
	client := transport(t, roundTripper(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, nil }),
		`{"outgoing":{"enabled":true,"hosts":["*"],"refuse":true}}`)
	for url, address := range map[string]string{"http://shop": "shop:80", "https://shop": "shop:443", "http://[::1]:81": "[::1]:81"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.RoundTrip(req)
		var op *net.OpError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &op) || op.Addr.String() != address || !closed {
			t.Errorf("%s: %v, body closed %v", url, err, closed)
		}
	}
}

// The wait for a slow host ends with the request's context, and the client's timeout cuts it as usual.
func TestTransportLatencyEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := transport(t, roundTripper(func(*http.Request) (*http.Response, error) { t.Error("sent"); return nil, nil }),
			`{"outgoing":{"enabled":true,"hosts":["*"],"min_latency":5000}}`)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://shop", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		if _, err := client.RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

// Requests are matched and sampled by the invocation that makes them.
func TestTransportKnowsTheInvocation(t *testing.T) {
	document := `{"outgoing":{"enabled":true,"hosts":["*"],"refuse":true,"match":[{"path":"sku","value":"A1"}]}}`
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	})
	client := transport(t, base, document)
	handler := firedrill.Wrap(func(ctx context.Context, o order) (bool, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://shop", nil)
		if err != nil {
			return false, err
		}
		_, err = client.RoundTrip(req)
		return err != nil, nil
	}, armedWith(t, document), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv))
	for sku, want := range map[string]string{"A1": "true", "B2": "false"} {
		out, err := lambda.NewHandler(handler).Invoke(t.Context(), []byte(`{"sku":"`+sku+`"}`))
		if err != nil || string(out) != want {
			t.Errorf("%s: %s, %v, want %s", sku, out, err, want)
		}
	}
}

// The Lambda library uses an event's memory for the next one, while what a handler has started may go on.
func TestTransportKnowsTheInvocationAfterItsEnd(t *testing.T) {
	document := `{"outgoing":{"enabled":true,"hosts":["*"],"refuse":true,"match":[{"path":"sku","value":"A1"}]}}`
	client := transport(t, roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
	}), document)
	var left context.Context
	handler := firedrill.Wrap(lambdaHandler(func(ctx context.Context, _ []byte) ([]byte, error) {
		left = ctx
		return nil, nil
	}), armedWith(t, document), firedrill.WithLog(io.Discard), firedrill.WithGetenv(noEnv))
	event := []byte(`{"sku":"A1"}`)
	if _, err := lambda.NewHandler(handler).Invoke(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	copy(event, `{"sku":"B2"}`)
	req, err := http.NewRequestWithContext(left, http.MethodHead, "http://shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = client.RoundTrip(req); err == nil {
		t.Error("a request of the first invocation was judged by the second one's event")
	}
}

// lambdaHandler is a lambda.Handler, which sees raw events.
type lambdaHandler func(context.Context, []byte) ([]byte, error)

func (h lambdaHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	return h(ctx, event)
}
