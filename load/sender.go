package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// A sender sends one request and waits for the whole answer. The context carries the request's timeout.
type sender interface {
	send(ctx context.Context, d *draw) answer
}

// invokeSender invokes a Lambda function.
type invokeSender struct {
	function string
	payload  text
	invoke   func(ctx context.Context, name string, payload []byte) (Invoked, error)
}

func (s *invokeSender) send(ctx context.Context, d *draw) answer {
	payload, err := s.payload.render(d)
	if err != nil {
		return answer{err: err}
	}
	out, err := s.invoke(ctx, s.function, []byte(payload))
	switch {
	case err != nil:
		return answer{err: err}
	case out.FunctionError != "":
		return answer{class: ClassFunctionError, failed: true, version: keep(out.Version)}
	case out.Status == http.StatusTooManyRequests:
		return answer{class: ClassThrottled, failed: true}
	}
	a := answered(out.Status)
	a.mark, a.version = keep(out.Mark), keep(out.Version)
	return a
}

// httpSender sends one kind of HTTP request. What does not vary is made once and shared: net/http does not write to it.
type httpSender struct {
	client  *http.Client
	base    *http.Request
	url     text
	headers map[string]text // those that vary
	body    text
}

func newHTTPSender(r *experiment.HTTPRequest, body string, transport http.RoundTripper) (*httpSender, error) {
	s := &httpSender{headers: map[string]text{}, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	var err error
	if s.body, err = parseText(body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if s.url, err = parseText(r.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	sample, err := s.url.render(newDraw(1, 0, time.Time{}))
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	s.base, err = http.NewRequest(method, sample, nil)
	if err != nil {
		return nil, err
	}
	if u := s.base.URL; u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("url %q: it has no scheme http or https, or no host (write http://HOST/PATH)", sample)
	}
	s.base.Header.Set("User-Agent", "firedrill")
	for name, value := range r.Headers {
		t, err := parseText(value)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		switch {
		case t.template != nil:
			s.headers[name] = t
		case strings.EqualFold(name, "Host"): // net/http takes it from here, and ignores the header
			s.base.Host = value
		default:
			s.base.Header.Set(name, value)
		}
	}
	return s, nil
}

func (s *httpSender) send(ctx context.Context, d *draw) answer {
	req, err := s.request(ctx, d)
	if err != nil {
		return answer{err: err}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	// Read to the end, so that the latency is that of the whole answer and the connection can be used again.
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{err: fmt.Errorf("the answer broke off after %d bytes: %w", n, err)}
	}
	a := answered(resp.StatusCode)
	a.mark, a.version = keep(resp.Header.Get(fault.MarkHeader)), keep(resp.Header.Get(experiment.VersionHeader))
	return a
}

// maxMark bounds what is kept of a mark or a version, in bytes. Longer ones are none of ours.
const maxMark = 256

// keep is the mark of a fault that has hit a function, or spared it, or the function's version, without the rest of the
// message that it came in.
func keep(mark string) string {
	if len(mark) > maxMark {
		return ""
	}
	return strings.Clone(mark)
}

// maxAnswer bounds what is read of one answer, in bytes. Of a longer one the rest is left, and the connection closed.
const maxAnswer = 64 << 20

func (s *httpSender) request(ctx context.Context, d *draw) (*http.Request, error) {
	req := s.base.WithContext(ctx)
	if s.url.template != nil {
		raw, err := s.url.render(d)
		if err != nil {
			return nil, fmt.Errorf("url: %w", err)
		}
		if req.URL, err = url.Parse(raw); err != nil {
			return nil, err
		}
		if s.base.Host == s.base.URL.Host { // not overridden by a Host header
			req.Host = req.URL.Host
		}
	}
	if len(s.headers) > 0 {
		req.Header = s.base.Header.Clone()
	}
	for name, t := range s.headers {
		value, err := t.render(d)
		if err != nil {
			return nil, fmt.Errorf("header %s: %w", name, err)
		}
		if strings.EqualFold(name, "Host") {
			req.Host = value
		} else {
			req.Header.Set(name, value)
		}
	}
	body, err := s.body.render(d)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	if body != "" {
		req.ContentLength = int64(len(body))
		req.Body = io.NopCloser(strings.NewReader(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
	}
	return req, nil
}

// newTransport makes a transport that keeps a connection for each request under way. It asks for no compression: unpacking
// answers would make the generator late. It uses no proxy: a load is meant for the URL that it names.
func newTransport(maxInFlight int) *http.Transport {
	return &http.Transport{
		MaxIdleConnsPerHost: maxInFlight,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
	}
}
