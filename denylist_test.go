package firedrill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

// denied runs a handler while hosts are denied, and returns what is recorded.
func denied(t *testing.T, member string, handle func(ctx context.Context, options ...firedrill.Option)) []counted {
	t.Helper()
	return deniedIn(t.Context(), t, `{"denylist":{"enabled":true,`+member+`}}`, handle)
}

func deniedIn(ctx context.Context, t *testing.T, document string, handle func(ctx context.Context, options ...firedrill.Option)) []counted {
	t.Helper()
	var log bytes.Buffer
	options := []firedrill.Option{armedWith(t, document), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv)}
	handler := firedrill.Wrap(bytesHandler(func(ctx context.Context, _ []byte) ([]byte, error) {
		handle(ctx, options...)
		return nil, nil
	}), options...).(interface {
		Invoke(context.Context, []byte) ([]byte, error)
	})
	if _, err := handler.Invoke(ctx, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	return records(log.Bytes())
}

// both asks for a URL through Transport, and for the same host through DialContext.
func both(ctx context.Context, url string, options []firedrill.Option) [2]error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("x"))
	if err != nil {
		return [2]error{err, err}
	}
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 299, Body: http.NoBody, Request: req}, nil
	})
	_, sent := firedrill.Transport(base, options...).RoundTrip(req)
	dial := firedrill.DialContext(func(context.Context, string, string) (net.Conn, error) { return nil, nil })
	_, dialed := dial(ctx, "tcp", req.URL.Host)
	return [2]error{sent, dialed}
}

func TestDeniedHosts(t *testing.T) {
	nobody := func(err error) bool { var e *net.DNSError; return errors.As(err, &e) && e.IsNotFound && e.Name != "" }
	fired := []counted{{fault.Denylist, 1, ""}}
	for name, tt := range map[string]struct {
		member, url string
		took        time.Duration // each
		is          func(error) bool
		records     []counted
	}{
		"nxdomain":  {`"hosts":["*.internal"]`, "http://DB.internal:5432", 0, nobody, fired},
		"refused":   {`"deny_list":["^db"],"mode":"refused"`, "http://db:1", 0, func(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }, fired},
		"blackhole": {`"hosts":["db"],"mode":"blackhole"`, "http://db:1", 127 * time.Second, func(err error) bool { return errors.Is(err, syscall.ETIMEDOUT) }, fired},
		"slow":      {`"hosts":["db"],"mode":"slow","delay":"3s"`, "http://db:1", 3 * time.Second, func(err error) bool { return err == nil }, fired},
		"spared":    {`"hosts":["db"]`, "http://db2:1", 0, func(err error) bool { return err == nil }, []counted{{fault.Denylist, 0, fault.NoDeniedHost}}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got := denied(t, tt.member, func(ctx context.Context, options ...firedrill.Option) {
					for i, err := range both(ctx, tt.url, options) {
						if !tt.is(err) {
							t.Errorf("%d: %v", i, err)
						}
					}
				})
				if took := time.Since(start); took != 2*tt.took {
					t.Errorf("both took %v, want %v", took, 2*tt.took)
				}
				if !slices.Equal(got, tt.records) {
					t.Errorf("records %v, want %v", got, tt.records)
				}
			})
		})
	}
}

// A black hole ends with the request's own deadline, and the denial with its lease and its invocation.
func TestDenialsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var late context.Context
		var options []firedrill.Option
		document := `{"denylist":{"enabled":true,"hosts":["db"],"mode":"blackhole"},
			"firedrill":{"expires_at":"` + time.Now().Add(time.Minute).Format(time.RFC3339) + `"}}`
		deniedIn(t.Context(), t, document, func(ctx context.Context, o ...firedrill.Option) {
			late, options = ctx, o
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			start := time.Now()
			if errs := both(short, "http://db", o); !errors.Is(errs[0], context.DeadlineExceeded) || time.Since(start) != time.Second {
				t.Errorf("after %v: %v", time.Since(start), errs)
			}
			time.Sleep(time.Minute)
			if errs := both(ctx, "http://db", o); errs != [2]error{} {
				t.Errorf("behind the lease: %v", errs)
			}
		})
		if errs := both(late, "http://db", options); errs != [2]error{} {
			t.Errorf("behind the invocation: %v", errs)
		}
	})
}

// A client with both in a row is slow once.
func TestSlowOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		denied(t, `"hosts":["db"],"mode":"slow","delay":"3s"`, func(ctx context.Context, options ...firedrill.Option) {
			dial := firedrill.DialContext(func(context.Context, string, string) (net.Conn, error) { return nil, nil })
			base := roundTripper(func(req *http.Request) (*http.Response, error) {
				_, err := dial(req.Context(), "tcp", "db:80")
				return &http.Response{StatusCode: 299, Body: http.NoBody, Request: req}, err
			})
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://db", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := firedrill.Transport(base, options...).RoundTrip(req); err != nil {
				t.Error(err)
			}
		})
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// Connections that are open already are not used for denied hosts.
func TestDeniedClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hi") }))
	defer server.Close()
	dials := 0
	base := &http.Transport{DialContext: firedrill.DialContext(func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return (&net.Dialer{}).DialContext(ctx, network, address)
	})}
	defer base.CloseIdleConnections()
	get := func(ctx context.Context, options ...firedrill.Option) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, http.NoBody)
		if err != nil {
			return err
		}
		res, err := (&http.Client{Transport: firedrill.Transport(base, options...)}).Do(req)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
		return err
	}
	const delay = 50 * time.Millisecond
	denied(t, `"hosts":["127.0.0.1"],"mode":"slow","delay":"50ms"`, func(ctx context.Context, options ...firedrill.Option) {
		start := time.Now()
		if err := get(ctx, options...); err != nil || time.Since(start) < delay {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
	denied(t, `"hosts":["127.0.0.1"]`, func(ctx context.Context, options ...firedrill.Option) {
		var e *net.DNSError
		if err := get(ctx, options...); !errors.As(err, &e) {
			t.Errorf("a connection that is open: %v", err)
		}
	})
	if err := get(t.Context()); err != nil || dials != 1 {
		t.Errorf("outside: %v, %d connections", err, dials)
	}
}
