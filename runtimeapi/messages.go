// Package runtimeapi speaks the AWS Lambda Runtime API (version 2018-06-01), both ways: the messages, a
// server for one execution environment (what Lambda is to a function), and the small HTTP/1.1 wire code that
// the layer's proxy needs. Source of the protocol: the AWS Lambda developer guide, "Using the Lambda runtime
// API for custom runtimes". The package imports the standard library only.
package runtimeapi

// Paths of the API. The request id stands between PathInvocation and one of the two suffixes.
const (
	PathInvocation = "/2018-06-01/runtime/invocation/"
	PathNext       = "/2018-06-01/runtime/invocation/next"
	PathInitError  = "/2018-06-01/runtime/init/error"
	SuffixResponse = "/response"
	SuffixError    = "/error"
)

// Headers of the API, in Go's canonical spelling.
const (
	HeaderRequestID     = "Lambda-Runtime-Aws-Request-Id"
	HeaderDeadline      = "Lambda-Runtime-Deadline-Ms" // Unix milliseconds
	HeaderFunctionARN   = "Lambda-Runtime-Invoked-Function-Arn"
	HeaderTraceID       = "Lambda-Runtime-Trace-Id"
	HeaderClientContext = "Lambda-Runtime-Client-Context"
	HeaderIdentity      = "Lambda-Runtime-Cognito-Identity"
	HeaderErrorType     = "Lambda-Runtime-Function-Error-Type"
	HeaderErrorBody     = "Lambda-Runtime-Function-Error-Body" // base64, a trailer of failed streams
	HeaderResponseMode  = "Lambda-Runtime-Function-Response-Mode"
	ModeStreaming       = "streaming"
)

// An ErrorResponse is the body of an invocation error or init error.
type ErrorResponse struct {
	ErrorMessage string   `json:"errorMessage"`
	ErrorType    string   `json:"errorType"`
	StackTrace   []string `json:"stackTrace,omitempty"`
}
