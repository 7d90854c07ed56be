package load

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"strconv"
	"syscall"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// Classes of observations, beside the status codes as text ("200", "503").
const (
	ClassTimeout       = verdict.TimedOut // no whole answer within the request's timeout; Value is the time waited
	ClassRefused       = "refused"        // nobody listens
	ClassReset         = "reset"          // the connection broke before the answer was whole
	ClassError         = "error"          // any other failure to get an answer
	ClassDropped       = "dropped"        // never sent: too many requests under way
	ClassThrottled     = "throttled"      // Lambda refused an invocation with status 429
	ClassFunctionError = "function-error" // the function ran and failed
)

// An answer is what came back for one request, or why nothing did.
type answer struct {
	class   string
	failed  bool
	err     error // no answer; class is empty
	mark    string
	version string // of the function that answered
}

// answered is the answer with an HTTP status: 2xx and 3xx are success.
func answered(status int) answer {
	return answer{class: strconv.Itoa(status), failed: status < 200 || status > 399}
}

// observation makes the answer an observation. A request without an answer has no latency: it counts as +Inf, but for one
// that timed out, which took at least as long as it waited.
func (a answer) observation(intended time.Time, late, took time.Duration) verdict.Observation {
	o := verdict.Observation{At: intended, Value: took.Seconds(), Failed: a.failed, Class: a.class, Late: late, Mark: a.mark, Version: a.version}
	if a.err != nil {
		o.Failed, o.Class = true, classOf(a.err)
		if o.Class != ClassTimeout {
			o.Value = math.Inf(1)
		}
	}
	return o
}

// Windows has its own numbers for these; no Unix uses them.
const (
	wsaConnReset   = syscall.Errno(10054)
	wsaConnRefused = syscall.Errno(10061)
)

func classOf(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return ClassTimeout
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
		return ClassRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, wsaConnReset),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ClassReset
	}
	return ClassError
}
