package fault

// What Lambda says when it throttles: AWS Lambda API reference, Invoke, TooManyRequestsException (status 429).
const (
	throttleType    = "TooManyRequestsException"
	throttleMessage = "Rate Exceeded."
	throttleBody    = `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`
)

func throttleKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Throttle, Doc: "the invocation ends as if the function were throttled; the handler never runs",
			Attributes: []Attribute{
				{Name: "as", Type: TypeText, Values: []string{"auto", "error", "response"},
					Doc: "an error of the invocation, an HTTP response with status 429, or what suits the event; default auto"},
			},
		},
		build: func(v values) (behaviour, []Problem) {
			as := v.text("as", "auto")
			failure := Injection{ErrorType: throttleType, ErrorMessage: throttleMessage}
			response := Injection{Status: 429, Body: throttleBody, Headers: map[string]string{
				"Content-Type": "application/json", "X-Amzn-Errortype": throttleType,
			}}
			response.Payload = gatewayResponse(response)
			return behaviour{reads: as == "auto", effect: func(m moment) Injection {
				if as == "response" || (as == "auto" && isHTTP(m.event)) {
					return response
				}
				return failure
			}}, nil
		},
	}
}

// isHTTP reports whether an event comes from API Gateway, a function URL or a load balancer: format 1.0 and load
// balancers have httpMethod, format 2.0 and function URLs have requestContext.http.
func isHTTP(event []byte) bool {
	for _, path := range []dotted{{"httpMethod"}, {"requestContext", "http", "method"}} {
		if v, ok := lookup(event, path); ok && !v.null() {
			return true
		}
	}
	return false
}
