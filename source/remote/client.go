package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// maxBody bounds a document, in bytes. It is read and parsed beside invocations, so it is far below what a
	// file may have.
	maxBody = 256 << 10
	// maxETag bounds what is sent back to a store.
	maxETag = 1 << 10
	// idleFor is how long a connection is trusted, by the wall clock: what happened to it while the environment
	// was frozen cannot be seen.
	idleFor = 5 * time.Second
)

// A store is asked for a document. etag is that of the last document, or empty. The error is a *refusal where
// the store has answered; unless that is passing, it ends faults. Every other error may pass.
type store interface {
	fetch(ctx context.Context, etag string) (answer, error)
}

// answer is a document, or that it is the same as the one with the etag.
type answer struct {
	body []byte
	etag string // empty if the store gives none
	same bool
}

// refusal is an answer that is no document: there is none, or we may not read it.
type refusal struct {
	reason  string // in our words, the same for the same trouble
	said    string // in the store's, which may differ each time
	hint    string
	passing bool // the store has trouble of its own, and says nothing about the document
}

// Error says why, and what the store said.
func (r *refusal) Error() string {
	if r.said == "" {
		return r.reason
	}
	return r.reason + ": " + r.said
}

// definite reports whether an error ends faults, and as what.
func definite(err error) (*refusal, bool) {
	var no *refusal
	return no, errors.As(err, &no) && !no.passing
}

// client sends the questions of one source.
type client struct {
	getenv func(string) string
	http   *http.Client
	last   atomic.Int64 // wall clock of the last answer, Unix nanoseconds
}

func newClient(getenv func(string) string) *client {
	return &client{getenv: getenv, http: &http.Client{
		Transport: &http.Transport{
			Proxy:                  outward,
			DisableCompression:     true, // a small body must not become a large one
			MaxIdleConns:           2,
			IdleConnTimeout:        idleFor,
			MaxResponseHeaderBytes: 64 << 10,
		},
		// A redirect could lead a signed question, or one to the outside, somewhere inside.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// outward is the environment's proxy, but for the addresses that are on this host: credentials come from there.
func outward(r *http.Request) (*url.URL, error) {
	if private(r.URL.Hostname()) {
		return nil, nil
	}
	return http.ProxyFromEnvironment(r)
}

// do sends one question and reads the whole answer.
func (c *client) do(r *http.Request) (*http.Response, []byte, error) {
	if since := time.Now().UnixNano() - c.last.Load(); since > int64(idleFor) || since < 0 {
		c.http.CloseIdleConnections()
	}
	r.Header.Set("User-Agent", "firedrill")
	resp, err := c.http.Do(r)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the address, in which there may be secrets
		}
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > maxBody {
		return nil, nil, &refusal{reason: fmt.Sprintf("the answer has more than %d bytes", maxBody)}
	}
	c.last.Store(time.Now().UnixNano())
	return resp, body, nil
}

// get asks a store that speaks plain HTTP: the body is the document, and ETag tells documents apart.
func (c *client) get(r *http.Request, etag string) (answer, error) {
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	resp, body, err := c.do(r)
	if err != nil {
		return answer{}, err
	}
	switch {
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusNoContent:
		next := resp.Header.Get("ETag")
		if len(next) > maxETag {
			next = ""
		}
		return answer{body: body, etag: next}, nil
	case resp.StatusCode == http.StatusNotModified && etag != "":
		return answer{same: true}, nil
	}
	return answer{}, refused(resp.StatusCode, excerpt(body))
}

// refused makes an error of a status: definite, unless it is one that passes by itself.
func refused(status int, said string) *refusal {
	no := &refusal{reason: fmt.Sprintf("status %d", status), said: said}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status >= 500:
		no.passing = true
	case status == http.StatusNotFound:
		no.reason = "there is no such document (status 404)"
	case status >= 300 && status < 400:
		no.hint = "redirects are not followed: name the last address"
	}
	return no
}

// excerpt is the beginning of what a store said, fit for one line of a log.
func excerpt(body []byte) string {
	const most = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 4*most)]), "")), " ")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
