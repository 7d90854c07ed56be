package probe

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill-dev/firedrill/experiment"
)

// httpProbe sends one request. Its latency ends with the last byte of the answer.
type httpProbe struct {
	client  *http.Client
	request experiment.HTTPRequest
	body    string
	status  []int
	answer  answerCheck
}

func newHTTP(m experiment.Measure, d Deps) (asker, error) {
	if m.Probe.HTTP == nil {
		return nil, fmt.Errorf("a measure of http needs a request")
	}
	return &httpProbe{
		client:  newClient(d),
		request: *m.Probe.HTTP,
		body:    m.Probe.Body,
		status:  m.Probe.Status,
		answer:  answerCheck{m.Probe.BodyContains, m.Probe.JSONPath},
	}, nil
}

// newClient makes a client that does not follow redirects: a redirect is an answer, and following it would
// send the request's headers to somebody whom the experiment does not name.
func newClient(d Deps) *http.Client {
	transport := d.Transport
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newRequest makes a request with the headers that the experiment gives. A body that looks like JSON is
// called so, unless a header says what it is.
func newRequest(ctx context.Context, r experiment.HTTPRequest, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "firedrill")
	if body != "" && (body[0] == '{' || body[0] == '[') {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Headers {
		if http.CanonicalHeaderKey(name) == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

func (p *httpProbe) ask(ctx context.Context) (reading, error) {
	resp, body, err := exchange(ctx, p.client, p.request, p.body)
	if err != nil {
		return reading{}, err
	}
	got := reading{class: strconv.Itoa(resp.StatusCode), version: resp.Header.Get(experiment.VersionHeader)}
	if !p.expects(resp.StatusCode) {
		return got, fmt.Errorf("%s %s answered %s", p.request.Method, p.request.URL, resp.Status)
	}
	return p.answer.check(got, body)
}

func (p *httpProbe) expects(status int) bool {
	if len(p.status) == 0 {
		return status >= 200 && status < 400
	}
	return slices.Contains(p.status, status)
}

// exchange sends a request and reads its answer to the end. The response's body is spent.
func exchange(ctx context.Context, client *http.Client, r experiment.HTTPRequest, body string) (*http.Response, []byte, error) {
	req, err := newRequest(ctx, r, body)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	answer, err := readBounded(resp.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%s %s: %w", r.Method, r.URL, err)
	}
	return resp, answer, nil
}

// readBounded reads an answer that is at most maxAnswer long.
func readBounded(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxAnswer {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswer)
	}
	return body, nil
}
