package fault

import "fmt"

func statusCodeKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: StatusCode, Doc: "the invocation answers with an HTTP status; the handler never runs",
			Attributes: append(statusAttributes("default 500"),
				// Python's chaos-lambda lets the handler run and changes its answer; only its documents set this.
				Attribute{Name: keepBody, Type: TypeFlag, Doc: "let the handler run, and change only the statusCode of its response"}),
		},
		build: func(v values) (behaviour, []Problem) {
			status := int(v.number("status_code", 500))
			if v.flag(keepBody) {
				if v.has("body") || v.has("headers") {
					return behaviour{}, []Problem{{Field: keepBody, Value: "true", Message: "does not go with body or headers"}}
				}
				return behaviour{after: true, effect: func(moment) Injection {
					return Injection{Status: status, corrupt: &corruption{status: status}}
				}}, nil
			}
			injection := answer(v, status)
			injection.Payload = gatewayResponse(injection)
			return behaviour{effect: func(moment) Injection { return injection }}, nil
		},
	}
}

const keepBody = "keep_body"

func statusAttributes(whenAbsent string) []Attribute {
	return []Attribute{
		{Name: "status_code", Friendly: "status", Type: TypeInteger, Min: 100, Max: 599, Doc: whenAbsent},
		{Name: "body", Type: TypeBody, Doc: "text, or any JSON; default {\"message\":\"Injected status code N\"}"},
		{Name: "headers", Type: TypeHeaders, Doc: "default content-type: application/json"},
	}
}

// answer is the HTTP response that the attributes describe. The default body is failure-lambda's.
func answer(v values, status int) Injection {
	headers := map[string]string{"Content-Type": "application/json"}
	for name, value := range v.headers("headers") {
		if canonical(name) == "Content-Type" {
			name = "Content-Type"
		}
		headers[name] = value
	}
	return Injection{
		Status: status, Headers: headers,
		Body: v.text("body", fmt.Sprintf(`{"message":"Injected status code %d"}`, status)),
	}
}

// gatewayResponse is the form in which a function answers API Gateway, a function URL or a load balancer.
func gatewayResponse(i Injection) []byte {
	return encode(struct {
		StatusCode int               `json:"statusCode"`
		Headers    map[string]string `json:"headers"`
		Body       string            `json:"body"`
	}{i.Status, i.Headers, i.Body})
}
