package awsfault

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/firedrill-dev/firedrill/fault"
)

// answer is an error that a service gives.
type answer struct {
	code   string
	status int
}

// words are what services answer where a fault set says only what sort of error it is, by service and word. The
// codes and statuses are those of the services' API references and models; what stands under "" is the common error
// of services that are not listed (AWS General Reference, "Common errors").
func words() map[string]map[string]answer {
	return map[string]map[string]answer{
		"": {
			fault.AWSThrottling: {"ThrottlingException", 400}, fault.AWSAccessDenied: {"AccessDeniedException", 400},
			fault.AWSInternal: {"InternalFailure", 500}, fault.AWSUnavailable: {"ServiceUnavailable", 503},
			fault.AWSRequestTimeout: {"RequestTimeoutException", 408},
		},
		"dynamodb":        {fault.AWSInternal: {"InternalServerError", 500}},
		"dynamodbstreams": {fault.AWSThrottling: {"ThrottlingException", 400}, fault.AWSInternal: {"InternalServerError", 500}},
		"eventbridge":     {fault.AWSInternal: {"InternalException", 500}},
		"firehose":        {fault.AWSThrottling: {"LimitExceededException", 400}, fault.AWSUnavailable: {"ServiceUnavailableException", 503}},
		"kinesis":         {fault.AWSThrottling: {"ProvisionedThroughputExceededException", 400}, fault.AWSInternal: {"InternalFailureException", 500}},
		"kms":             {fault.AWSInternal: {"KMSInternalException", 500}},
		"lambda":          {fault.AWSThrottling: {"TooManyRequestsException", 429}, fault.AWSInternal: {"ServiceException", 500}},
		"s3": {
			fault.AWSThrottling: {"SlowDown", 503}, fault.AWSAccessDenied: {"AccessDenied", 403},
			fault.AWSInternal: {"InternalError", 500}, fault.AWSRequestTimeout: {"RequestTimeout", 400},
		},
		"secretsmanager": {fault.AWSInternal: {"InternalServiceError", 500}},
		"sns": {
			fault.AWSAccessDenied: {"AuthorizationError", 403},
			fault.AWSInternal:     {"InternalError", 500},
		},
		"sqs": {fault.AWSThrottling: {"RequestThrottled", 400}, fault.AWSAccessDenied: {"AccessDenied", 403}},
		"ssm": {fault.AWSInternal: {"InternalServerError", 500}},
	}
}

// byProtocol are the common errors where a protocol writes them in another way.
func byProtocol(p protocol) map[string]answer {
	switch p {
	case restJSON, cborRPC:
		return map[string]answer{fault.AWSThrottling: {"ThrottlingException", 429}, fault.AWSAccessDenied: {"AccessDeniedException", 403}}
	case query, restXML:
		return map[string]answer{fault.AWSThrottling: {"Throttling", 400}, fault.AWSAccessDenied: {"AccessDenied", 403}}
	case ec2Query:
		return map[string]answer{fault.AWSThrottling: {"RequestLimitExceeded", 503}, fault.AWSAccessDenied: {"UnauthorizedOperation", 403},
			fault.AWSInternal: {"InternalError", 500}, fault.AWSUnavailable: {"Unavailable", 503}}
	}
	return nil
}

// resolve makes an injection the error that the service answers.
func resolve(service string, p protocol, i fault.Injection) serviceError {
	a, known := lookup(service, p, i.ErrorType)
	if !known {
		a = answer{i.ErrorType, status(service, p, i.ErrorType)}
	}
	if i.Status != 0 {
		a.status = i.Status
	}
	message := i.ErrorMessage
	if message == "" {
		message = fmt.Sprintf("Injected %s", a.code)
	}
	return serviceError{protocol: p, service: service, code: a.code, message: message, status: a.status}
}

// lookup finds what a word means to a service.
func lookup(service string, p protocol, word string) (answer, bool) {
	table := words()
	if a, ok := table[service][word]; ok {
		return a, true
	}
	if a, ok := byProtocol(p)[word]; ok {
		return a, true
	}
	a, ok := table[""][word]
	return a, ok
}

// status is the HTTP status of a service's own code: what the tables say, else what such codes have as a rule.
func status(service string, p protocol, code string) int {
	table := words()
	for _, answers := range []map[string]answer{table[service], byProtocol(p), table[""]} {
		for _, a := range answers {
			if a.code == code {
				return a.status
			}
		}
	}
	rest := p != awsJSON
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(code, part) {
				return true
			}
		}
		return false
	}
	switch {
	case has("Internal", "ServiceException", "ServiceFailure"):
		return http.StatusInternalServerError
	case has("Unavailable", "SlowDown"):
		return http.StatusServiceUnavailable
	case has("TooManyRequests", "Throttl") && rest:
		return http.StatusTooManyRequests
	case has("AccessDenied", "Unauthorized", "Forbidden") && rest:
		return http.StatusForbidden
	case has("NotFound", "NoSuch") && rest:
		return http.StatusNotFound
	case has("Conflict", "PreconditionFailed") && rest:
		return http.StatusConflict
	}
	return http.StatusBadRequest
}
