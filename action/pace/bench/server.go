package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	ownAccount  = "111122223333"
	region      = "eu-west-1"
	lambdaLimit = 15 // calls a second: AWS Lambda developer guide, "Lambda API requests"
	latency     = 30 * time.Millisecond
)

// A server has functions with a reserved concurrency, and throttles as Lambda does: what exceeds one second's worth of
// calls is refused.
type server struct {
	*httptest.Server
	limiter *rate.Limiter
	latency time.Duration

	mu               sync.Mutex
	reserved         map[string]*int // by function; nil: none
	calls, throttled int
}

func newServer(n int, scale float64) *server {
	s := &server{
		limiter:  rate.NewLimiter(rate.Limit(lambdaLimit*scale), max(1, int(lambdaLimit*scale))),
		latency:  time.Duration(float64(latency) / scale),
		reserved: map[string]*int{},
	}
	for i := range n {
		s.reserved[function(i)] = nil
		if i%2 == 0 {
			had := i + 1
			s.reserved[function(i)] = &had
		}
	}
	s.Server = httptest.NewServer(s)
	return s
}

func function(i int) string { return fmt.Sprintf("function-%04d", i) }

// state is what every function has reserved; -1: nothing.
func (s *server) state() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for name, n := range s.reserved {
		out[name] = -1
		if n != nil {
			out[name] = *n
		}
	}
	return out
}

// changed is how many functions have nothing left.
func (s *server) changed() int {
	n := 0
	for reserved := range maps.Values(s.state()) {
		if reserved == 0 {
			n++
		}
	}
	return n
}

// count is what was asked of it so far.
func (s *server) count() (calls, throttled int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls, s.throttled
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ok := s.limiter.Allow()
	s.mu.Lock()
	if s.calls++; !ok {
		s.throttled++
	}
	s.mu.Unlock()
	time.Sleep(s.latency)
	if !ok {
		refuse(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate exceeded")
		return
	}
	parts := strings.Split(r.URL.Path, "/") // "", date, functions, name, configuration or concurrency
	if len(parts) != 5 || parts[2] != "functions" {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", r.URL.Path)
		return
	}
	name := parts[3][strings.LastIndex(parts[3], ":")+1:]
	s.mu.Lock()
	defer s.mu.Unlock()
	reserved, ok := s.reserved[name]
	if !ok {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "no function "+name)
		return
	}
	switch {
	case parts[4] == "configuration":
		answer(w, map[string]any{"FunctionName": name, "FunctionArn": "arn:aws:lambda:" + region + ":" + ownAccount + ":function:" + name, "State": "Active", "LastUpdateStatus": "Successful"})
		return
	case r.Method == http.MethodPut:
		var in struct{ ReservedConcurrentExecutions *int }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || in.ReservedConcurrentExecutions == nil {
			refuse(w, http.StatusBadRequest, "InvalidParameterValueException", "no number")
			return
		}
		reserved = in.ReservedConcurrentExecutions
	case r.Method == http.MethodDelete:
		s.reserved[name] = nil
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s.reserved[name] = reserved
	out := map[string]any{}
	if reserved != nil {
		out["ReservedConcurrentExecutions"] = *reserved
	}
	answer(w, out)
}

func answer(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // who has gone needs no answer
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "message": message})
}
