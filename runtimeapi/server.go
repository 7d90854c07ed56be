package runtimeapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MaxResponse is how many bytes Lambda lets a function answer with, buffered.
const MaxResponse = 6_291_556

// An Event is one invocation on its way to a function.
type Event struct {
	RequestID     string
	Payload       []byte
	Deadline      time.Time // told to the function; whoever calls Invoke enforces it
	FunctionARN   string
	TraceID       string // may be empty, as may the two below
	ClientContext string // JSON
	Identity      string // JSON
}

// A Result is what a function answered to one event.
type Result struct {
	Payload     []byte // of a failure: the error document, as the function posted it
	ContentType string
	Failed      bool   // the function reported an error, at once or in the middle of a stream
	ErrorType   string // of a failure; may be empty
	Streaming   bool   // the function asked for response streaming
	Partial     []byte // of a stream that failed: what had arrived before
}

// A Server is what Lambda is to one execution environment: it hands out one event at a time and takes the
// answer. It is an http.Handler for the function's requests. Whoever runs the function calls WaitIdle, Invoke,
// WaitIdle, Invoke, ... from one goroutine at a time, and Close when the process is gone. The function
// may reconnect as it likes: an event that could not be written to it is handed out again.
type Server struct {
	maxResponse int64
	pending     chan *call
	idle        chan struct{} // holds a token while the function waits for an event
	initFailed  chan Result
	closed      chan struct{}
	close       func()

	mu      sync.Mutex
	current *call         // handed out, not answered
	undone  *call         // taken from pending, but the function went away before it was written
	poll    chan struct{} // of the poll that waits; closed when a newer one comes
}

type call struct {
	event   Event
	takenBy string      // address of the connection that it was written to; guarded by Server.mu
	done    chan Result // holds one
}

// NewServer makes a Server that takes answers of up to maxResponse bytes, or MaxResponse if that is not positive.
func NewServer(maxResponse int64) *Server {
	if maxResponse <= 0 {
		maxResponse = MaxResponse
	}
	s := &Server{
		maxResponse: maxResponse,
		pending:     make(chan *call),
		idle:        make(chan struct{}, 1),
		initFailed:  make(chan Result, 1),
		closed:      make(chan struct{}),
	}
	s.close = sync.OnceFunc(func() { close(s.closed) })
	return s
}

// A LostError says that an event has no answer, because the server was closed or the context ended.
type LostError struct {
	Delivered bool  // the function has, or may have, seen the event
	Cause     error // nil when the server was closed
}

// Error says how far the event got.
func (e *LostError) Error() string {
	switch {
	case e.Cause != nil:
		return fmt.Sprintf("no answer from the function: %v", e.Cause)
	case e.Delivered:
		return "the execution environment was closed while the function ran"
	}
	return "the execution environment was closed before the function took the event"
}

// Unwrap returns the context's cause, if that ended the wait.
func (e *LostError) Unwrap() error { return e.Cause }

// An InitError says that the function reported that it cannot start.
type InitError struct{ Result Result }

// Error quotes what the function posted.
func (e *InitError) Error() string {
	return fmt.Sprintf("the function failed to initialize: %s", e.Result.Payload)
}

// WaitIdle returns nil as soon as the function waits for an event: after its initialization, and
// after each answer. It fails with an InitError, a LostError if the server is closed, or the context's error.
func (s *Server) WaitIdle(ctx context.Context) error {
	select {
	case <-s.idle:
		return nil
	default:
	}
	select {
	case <-s.idle:
		return nil
	case r := <-s.initFailed:
		return &InitError{r}
	case <-s.closed:
		return &LostError{}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Invoke hands the event to the function and waits for its answer. Without one it fails with a LostError;
// an answer that comes later than that is refused.
func (s *Server) Invoke(ctx context.Context, event Event) (Result, error) {
	c := &call{event: event, done: make(chan Result, 1)}
	select {
	case s.pending <- c:
	case <-s.closed:
		return Result{}, &LostError{}
	case <-ctx.Done():
		return Result{}, &LostError{Cause: context.Cause(ctx)}
	}
	select {
	case r := <-c.done:
		return r, nil
	default:
	}
	select {
	case r := <-c.done:
		return r, nil
	case <-s.closed:
	case <-ctx.Done():
	}
	return s.abandon(ctx, c)
}

// abandon takes the call back, unless its answer came at the same moment.
func (s *Server) abandon(ctx context.Context, c *call) (Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case r := <-c.done:
		return r, nil
	default:
	}
	if s.current == c {
		s.current = nil
	}
	if s.undone == c {
		s.undone = nil
	}
	lost := &LostError{Delivered: true}
	if ctx.Err() != nil {
		lost.Cause = context.Cause(ctx)
	}
	return Result{}, lost
}

// Close ends every wait, here and in the function. It may be called more than once.
func (s *Server) Close() { s.close() }

// ServeHTTP serves the Runtime API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	switch {
	case path == PathNext && r.Method == http.MethodGet:
		s.next(w, r)
	case path == PathInitError && r.Method == http.MethodPost:
		s.initError(w, r)
	case strings.HasPrefix(path, PathInvocation) && r.Method == http.MethodPost:
		rest := path[len(PathInvocation):]
		if id, ok := strings.CutSuffix(rest, SuffixResponse); ok {
			s.response(w, r, id)
			return
		}
		if id, ok := strings.CutSuffix(rest, SuffixError); ok {
			s.failure(w, r, id)
			return
		}
		refuse(w, http.StatusNotFound, "NotFound", "no such path: "+path)
	default:
		refuse(w, http.StatusNotFound, "NotFound", "the Runtime API has no "+r.Method+" "+path)
	}
}

// next is the long poll: it may hang for as long as nobody invokes the function.
func (s *Server) next(w http.ResponseWriter, r *http.Request) {
	c, superseded, ok := s.beginPoll(r.RemoteAddr)
	if !ok {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the current invocation has not been answered")
		return
	}
	if c == nil {
		select {
		case s.idle <- struct{}{}:
		default:
		}
		select {
		case c = <-s.pending:
		case <-r.Context().Done():
			return
		case <-superseded:
			panic(http.ErrAbortHandler)
		case <-s.closed:
			panic(http.ErrAbortHandler) // what a function sees when its environment ends: the connection drops
		}
		if !s.take(c, superseded, r.RemoteAddr) {
			select { // the newer poll waits for it
			case s.pending <- c:
			case <-s.closed:
			}
			panic(http.ErrAbortHandler)
		}
	}
	if err := writeEvent(w, &c.event); err != nil || r.Context().Err() != nil {
		s.giveBack(c, r.RemoteAddr)
	}
}

// beginPoll registers a poll. It returns the event that a vanished connection left behind, if any, or a channel
// that is closed when a newer poll comes: a function has one runtime, so an older poll is one that it has given up.
// It refuses a runtime that asks for more before it has answered. One that asks on another connection has lost
// the first, perhaps with the event: it gets the event again.
func (s *Server) beginPoll(remote string) (c *call, superseded chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.undone != nil {
		s.current, s.undone = s.undone, nil
		s.current.takenBy = remote
		return s.current, nil, true
	}
	if s.current != nil {
		if s.current.takenBy == remote {
			return nil, nil, false
		}
		s.current.takenBy = remote
		return s.current, nil, true
	}
	if s.poll != nil {
		close(s.poll)
	}
	s.poll = make(chan struct{})
	return nil, s.poll, true
}

// take makes the event the current one, unless the poll is no longer the newest.
func (s *Server) take(c *call, poll chan struct{}, remote string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.poll != poll {
		return false
	}
	s.poll, s.current, c.takenBy = nil, c, remote
	return true
}

// giveBack keeps an event that could not be written, unless another connection has it meanwhile.
func (s *Server) giveBack(c *call, remote string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == c && c.takenBy == remote {
		s.current, s.undone = nil, c
	}
}

func writeEvent(w http.ResponseWriter, e *Event) error {
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(e.Payload))}
	h[HeaderRequestID] = []string{e.RequestID}
	if !e.Deadline.IsZero() {
		h[HeaderDeadline] = []string{strconv.FormatInt(e.Deadline.UnixMilli(), 10)}
	}
	for _, optional := range [...]struct{ name, value string }{
		{HeaderFunctionARN, e.FunctionARN}, {HeaderTraceID, e.TraceID},
		{HeaderClientContext, e.ClientContext}, {HeaderIdentity, e.Identity},
	} {
		if optional.value != "" {
			h[optional.name] = []string{optional.value}
		}
	}
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(e.Payload); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush() // only a flush tells whether the function was still there
}
