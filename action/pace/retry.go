package pace

import (
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	maxAttempts = 8
	maxBroken   = 3                // attempts that got no answer: whoever is not there will not be soon
	budget      = 20 * time.Second // after which no call is tried once more; what waits for it has 30 s
	basePause   = 200 * time.Millisecond
	maxPause    = 5 * time.Second
)

// throttles are the codes by which services say "too fast". The SDK counts LimitExceededException among them, but most
// services mean something that waiting does not help by it: a policy that is full, too many of something.
func throttles() map[string]struct{} {
	codes := maps.Clone(retry.DefaultThrottleErrorCodes)
	delete(codes, "LimitExceededException")
	return codes
}

// isThrottle reports whether AWS says that requests come too fast.
func isThrottle(err error) bool {
	if statusOf(err) == http.StatusTooManyRequests {
		return true
	}
	var coded interface{ ErrorCode() string }
	if !errors.As(err, &coded) {
		return false
	}
	_, ok := retry.DefaultThrottleErrorCodes[coded.ErrorCode()]
	return ok && coded.ErrorCode() != "LimitExceededException"
}

func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil && response.Response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// newRetryer decides what is tried again: the SDK's own standard retryer, without its quota of retries, which a
// thousand calls that are throttled at once would use up, and with pauses that differ.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(pause)
		o.Throttles = []retry.IsErrorThrottle{retry.ThrottleErrorCode{Codes: throttles()}}
		o.Retryables = []retry.IsErrorRetryable{
			retry.IsErrorRetryableFunc(isOver),
			retry.NoRetryCanceledError{},
			retry.RetryableHTTPStatusCode{Codes: map[int]struct{}{429: {}, 500: {}, 502: {}, 503: {}, 504: {}}},
			retry.RetryableErrorCode{Codes: throttles()},
			retry.RetryableErrorCode{Codes: retry.DefaultRetryableErrorCodes},
			retry.RetryableConnectionError{},
		}
	})
}

// pause lies before another attempt: anything up to a bound that doubles, and as long as AWS asks for.
func pause(attempt int, err error) (time.Duration, error) {
	bound := min(maxPause, basePause<<min(attempt, 10))
	return max(rand.N(bound), min(asked(err), maxPause)), nil
}

// asked is how long the answer asks to wait.
func asked(err error) time.Duration {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) || response.Response == nil || response.Response.Response == nil {
		return 0
	}
	seconds, convErr := strconv.Atoi(response.Response.Header.Get("Retry-After"))
	if convErr != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 60)) * time.Second
}

// overError is a failure after which there is no time for another attempt.
type overError struct{ err error }

// Error is the failure.
func (e *overError) Error() string { return e.err.Error() }

// Unwrap is the failure, for errors.Is and errors.As.
func (e *overError) Unwrap() error { return e.err }

func isOver(err error) aws.Ternary {
	var over *overError
	if errors.As(err, &over) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
