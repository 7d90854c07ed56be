package local

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// An apiError is a refusal, as the Lambda API words it: a status, the exception's name in a header, and a JSON body.
type apiError struct {
	status  int
	name    string // of the exception
	message string
	reason  string // of throttling
}

// Error names the exception and says why.
func (e *apiError) Error() string { return e.name + ": " + e.message }

func throttled(reason string) *apiError {
	return &apiError{http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.", reason}
}

func serviceError(message string) *apiError {
	return &apiError{http.StatusInternalServerError, "ServiceException", message, ""}
}

func invalidParameter(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf(format, args...), ""}
}

func invalidContent(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "InvalidRequestContentException", fmt.Sprintf(format, args...), ""}
}

func tooLarge(limit int64, operation string) *apiError {
	return &apiError{
		http.StatusRequestEntityTooLarge, "RequestTooLargeException",
		fmt.Sprintf("Request must be smaller than %d bytes for the %s operation", limit, operation), "",
	}
}

func (h *Host) notFound(name string) *apiError {
	return &apiError{http.StatusNotFound, "ResourceNotFoundException", "Function not found: " + h.arn(name), ""}
}

// writeError answers with the error. Clients read the member message in either spelling; we send both.
func writeError(w http.ResponseWriter, err error) {
	var refused *apiError
	if !errors.As(err, &refused) {
		refused = serviceError(err.Error())
	}
	by := "User"
	if refused.status >= http.StatusInternalServerError {
		by = "Service"
	}
	w.Header().Set("X-Amzn-Errortype", refused.name)
	writeJSON(w, refused.status, struct {
		Type         string
		Reason       string `json:",omitempty"`
		Message      string
		LowerMessage string `json:"message"`
	}{by, refused.reason, refused.message, refused.message})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(marshal(body)) // a client that hung up learns nothing more
}

// marshal renders what always can be: structures of ours made of text and numbers.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return b
}

// newID makes a random UUID, version 4, as Lambda's request ids and revision ids are.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
