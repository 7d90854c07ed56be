package moto

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A Mishap is what happens to a request on its way.
type Mishap int

// What a Relay can do to a request.
const (
	None      Mishap = iota
	Refused          // answered with 400 AccessDeniedException; it never arrived
	Throttled        // answered with 400 ThrottlingException; it never arrived
	Broken           // answered with 500; it never arrived
	Cut              // the connection is closed; it never arrived
	Lost             // it was carried out, but the connection is closed before the answer
	Hung             // no answer until the client has given up; it never arrived
)

// String names a mishap.
func (m Mishap) String() string {
	return [...]string{"none", "refused", "throttled", "broken", "cut", "answer lost", "hung"}[m]
}

// A Call is one request that a Relay has seen.
type Call struct {
	Number int    // 1, 2, 3, ...
	Target string // X-Amz-Target, which names the operation of a JSON service: DynamoDB_20120810.PutItem
	Body   []byte
}

// Operation is the last part of the target.
func (c Call) Operation() string { return c.Target[strings.LastIndex(c.Target, ".")+1:] }

// A Relay stands before moto_server and lets requests through one at a time: it rolls a failed transaction back by
// restoring the whole table, and what another request wrote meanwhile would be gone. On the way, requests can fail.
type Relay struct {
	URL string

	to      string
	mu      sync.Mutex
	number  int
	calls   []Call
	decide  func(Call) Mishap
	forward sync.Mutex
}

// NewRelay starts a relay to an address, until the test ends.
func NewRelay(t testing.TB, to string) *Relay {
	r := &Relay{to: to}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

// Decide says what happens to each request from now on; nil for nothing. The numbers begin again.
func (r *Relay) Decide(decide func(Call) Mishap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.decide, r.number, r.calls = decide, 0, nil
}

// Calls are the requests since Decide was last called.
func (r *Relay) Calls() []Call {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.calls
}

func (r *Relay) next(target string, body []byte) Mishap {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.number++
	call := Call{r.number, target, body}
	r.calls = append(r.calls, call)
	if r.decide == nil {
		return None
	}
	return r.decide(call)
}

// ServeHTTP lets a request through, or not.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fail := func(status int, kind string) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"__type":"com.amazon.coral.service#`+kind+`","message":"by the relay"}`)
	}
	switch mishap := r.next(req.Header.Get("X-Amz-Target"), body); mishap {
	case Refused:
		fail(http.StatusBadRequest, "AccessDeniedException")
	case Throttled:
		fail(http.StatusBadRequest, "ThrottlingException")
	case Broken:
		fail(http.StatusInternalServerError, "InternalServerError")
	case Cut:
		panic(http.ErrAbortHandler)
	case Hung:
		<-req.Context().Done()
		panic(http.ErrAbortHandler)
	default:
		answer := r.pass(req, body)
		if mishap == Lost {
			panic(http.ErrAbortHandler)
		}
		for name, values := range answer.header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body)
	}
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

// pass carries a request out, whether its client still waits or not.
func (r *Relay) pass(req *http.Request, body []byte) answer {
	r.forward.Lock()
	defer r.forward.Unlock()
	out, err := http.NewRequest(req.Method, r.to+req.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header, out.Host = req.Header.Clone(), req.Host
	resp, err := http.DefaultClient.Do(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return answer{resp.StatusCode, resp.Header, text}
}
