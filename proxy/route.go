package proxy

import "bytes"

// The Runtime API's names, version 2018-06-01. Package runtimeapi has them too, but links net/http; a test
// keeps the two alike. Fields in lower case, as package wire looks them up.
const (
	pathInvocation = "/2018-06-01/runtime/invocation/"
	pathRestore    = "/2018-06-01/runtime/restore/next"
	suffixResponse = "/response"
	suffixError    = "/error"

	fieldRequestID = "lambda-runtime-aws-request-id"
	fieldDeadline  = "lambda-runtime-deadline-ms"
	fieldErrorType = "lambda-runtime-function-error-type"
	fieldErrorBody = "lambda-runtime-function-error-body"

	fieldResponseMode = "lambda-runtime-function-response-mode"
	fieldContentType  = "content-type"
)

type route int

const (
	elsewhere route = iota // init errors, extensions, logs, telemetry: not ours
	next                   // the runtime asks for an event
	response               // the runtime answers one
	failure                // the runtime reports that the handler failed
	restore                // the runtime waits to be restored from a snapshot
)

// routeOf says what a request is, and of which invocation. id points into target.
func routeOf(method, target []byte) (r route, id []byte) {
	rest, ok := bytes.CutPrefix(target, []byte(pathInvocation))
	if !ok {
		if string(method) == "GET" && string(target) == pathRestore {
			return restore, nil
		}
		return elsewhere, nil
	}
	if string(method) == "GET" && string(rest) == "next" {
		return next, nil
	}
	if string(method) != "POST" {
		return elsewhere, nil
	}
	if id, ok := bytes.CutSuffix(rest, []byte(suffixResponse)); ok {
		return response, id
	}
	if id, ok := bytes.CutSuffix(rest, []byte(suffixError)); ok {
		return failure, id
	}
	return elsewhere, nil
}
