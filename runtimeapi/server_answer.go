package runtimeapi

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	// maxErrorDocument bounds a posted error: Lambda cuts them, far below this.
	maxErrorDocument = 1 << 20
	// maxDrain bounds what is read, and thrown away, of an answer that is too large, so that the function
	// can read the refusal instead of dying of a broken connection.
	maxDrain = 64 << 20
)

// errTooLarge is the answer being larger than its limit.
var errTooLarge = errors.New("too large")

// response takes a function's answer: at once, chunked, or as a stream whose trailers may say that it failed.
func (s *Server) response(w http.ResponseWriter, r *http.Request, id string) {
	c := s.inFlight(id)
	if c == nil {
		unknownRequest(w, id)
		return
	}
	result := Result{
		ContentType: r.Header.Get("Content-Type"),
		Streaming:   r.Header.Get(HeaderResponseMode) == ModeStreaming,
	}
	body, err := readBody(r, s.maxResponse)
	if errors.Is(err, errTooLarge) {
		message := fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", s.maxResponse)
		result.Failed, result.ErrorType = true, "Function.ResponseSizeTooLarge"
		result.Payload = errorDocument(result.ErrorType, message)
		s.finish(c, result)
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", message)
		return
	}
	if err != nil {
		return // the connection broke: the function may post again, or its end will be noticed
	}
	result.Payload = body
	if kind := r.Trailer.Get(HeaderErrorType); kind != "" {
		result.Failed, result.ErrorType, result.Partial = true, kind, body
		result.Payload = trailerDocument(kind, r.Trailer.Get(HeaderErrorBody))
	}
	s.finish(c, result)
	accept(w)
}

// failure takes the error that a function ended an invocation with.
func (s *Server) failure(w http.ResponseWriter, r *http.Request, id string) {
	c := s.inFlight(id)
	if c == nil {
		unknownRequest(w, id)
		return
	}
	result, err := readFailure(r)
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the error document is "+err.Error())
		return
	}
	s.finish(c, result)
	accept(w)
}

// initError takes the error of a function that cannot start. The first one counts.
func (s *Server) initError(w http.ResponseWriter, r *http.Request) {
	result, err := readFailure(r)
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the error document is "+err.Error())
		return
	}
	select {
	case s.initFailed <- result:
	default:
	}
	accept(w)
}

func readFailure(r *http.Request) (Result, error) {
	body, err := readBody(r, maxErrorDocument)
	if err != nil {
		return Result{}, err
	}
	result := Result{
		Payload:     body,
		ContentType: r.Header.Get("Content-Type"),
		Failed:      true,
		ErrorType:   r.Header.Get(HeaderErrorType),
	}
	if result.ErrorType == "" {
		var document ErrorResponse
		if json.Unmarshal(body, &document) == nil { // a document that is no JSON simply has no type
			result.ErrorType = document.ErrorType
		}
	}
	return result, nil
}

func (s *Server) inFlight(id string) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.event.RequestID == id {
		return s.current
	}
	return nil
}

// finish hands the result over, unless the caller has given up or another answer came first.
func (s *Server) finish(c *call, result Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != c {
		return
	}
	s.current = nil
	select { // a token from before this answer would pass for the next poll
	case <-s.idle:
	default:
	}
	c.done <- result
}

// readBody reads the whole body, or fails with errTooLarge once it has thrown away a sensible part of the rest.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		_, err := io.CopyN(io.Discard, r.Body, maxDrain)
		return nil, tooLargeUnless(err)
	}
	if r.ContentLength > 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		_, err = io.CopyN(io.Discard, r.Body, maxDrain)
		return nil, tooLargeUnless(err)
	}
	return body, err
}

func tooLargeUnless(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return errTooLarge
	}
	return err
}

// trailerDocument decodes the error document in a trailer; one that is no base64 is kept as its message.
func trailerDocument(kind, encoded string) []byte {
	decoded, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(decoded) == 0 {
		return errorDocument(kind, encoded)
	}
	return decoded
}

func errorDocument(kind, message string) []byte {
	document, err := json.Marshal(ErrorResponse{ErrorMessage: message, ErrorType: kind})
	if err != nil { // two strings always marshal
		return []byte("{}")
	}
	return document
}

func accept(w http.ResponseWriter) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{\"status\":\"OK\"}\n") // a function that hung up learns nothing more
}

func unknownRequest(w http.ResponseWriter, id string) {
	refuse(w, http.StatusBadRequest, "InvalidRequestID", "invalid request id: "+id)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	_, _ = w.Write(errorDocument(kind, message)) // as above
}
