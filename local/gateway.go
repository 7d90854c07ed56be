package local

import (
	"errors"
	"net/http"
	"time"
)

// maxRequestBody is API Gateway's limit, in bytes.
const maxRequestBody = 10 << 20

// serveHTTP is the HTTP API: it turns a request into an event of payload format 2.0, invokes the route's function, and
// turns its answer into a response. Errors are answered in API Gateway's words.
func (h *Host) serveHTTP(w http.ResponseWriter, r *http.Request) {
	requestID := newID()
	w.Header().Set("Apigw-Requestid", requestID)
	p, parameters, ok := h.router.find(r.Method, r.URL.EscapedPath())
	if !ok {
		message(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := readLimited(r.Body, r.ContentLength, maxRequestBody)
	if errors.Is(err, errPayload) {
		message(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	if err != nil {
		message(w, http.StatusBadRequest, "Bad Request")
		return
	}
	in := invocation{id: newID(), traceID: r.Header.Get("X-Amzn-Trace-Id")}
	if in.traceID == "" {
		in.traceID = newTraceID()
	}
	in.payload = marshal(newEvent(r, p.key, parameters, body, requestID, in.traceID, time.Now()))
	if len(in.payload) > maxSyncPayload {
		message(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	t := target{h.functions[p.function], p.qualifier}
	in.arn = h.arnOf(t)
	v, err := h.choose(t)
	if err != nil { // the alias has been deleted
		h.log.line(p.function, []byte("firedrill: "+p.key+": "+err.Error()))
		message(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	w.Header().Set(executedVersion, v.name)
	out, err := h.integrate(v, in)
	switch {
	case err != nil:
		h.log.line(v.label(), []byte("firedrill: "+p.key+": "+err.Error()))
		message(w, gatewayStatus(err), gatewayMessage(err))
	case out.result.Failed:
		message(w, http.StatusInternalServerError, "Internal Server Error")
	default:
		if err := writeAnswer(w, out.result.Payload); err != nil {
			h.log.line(v.label(), []byte("firedrill: "+p.key+": the function's answer is no HTTP response: "+err.Error()))
			message(w, http.StatusInternalServerError, "Internal Server Error")
		}
	}
}

// errIntegration is the function taking longer than the HTTP API waits.
var errIntegration = errors.New("integration timeout")

// integrate invokes the function, but waits no longer than the HTTP API's timeout. The function runs on.
func (h *Host) integrate(v *version, in invocation) (outcome, error) {
	type answer struct {
		outcome
		err error
	}
	done := make(chan answer, 1)
	go func() {
		out, err := h.invoke(v, in)
		done <- answer{out, err}
	}()
	timer := time.NewTimer(h.cfg.HTTP.Timeout)
	defer timer.Stop()
	select {
	case a := <-done:
		return a.outcome, a.err
	case <-timer.C:
		return outcome{}, errIntegration
	}
}

// gatewayStatus: what Lambda throttles, and what takes too long, is 503 at the HTTP API.
func gatewayStatus(err error) int {
	var refused *apiError
	if errors.Is(err, errIntegration) || errors.As(err, &refused) && refused.status == http.StatusTooManyRequests {
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func gatewayMessage(err error) string {
	if gatewayStatus(err) == http.StatusServiceUnavailable {
		return "Service Unavailable"
	}
	return "Internal Server Error"
}

func message(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, struct {
		Message string `json:"message"`
	}{text})
}
