package local

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// An event is API Gateway's payload format 2.0. The order and the names are those of its documentation.
type event struct {
	Version               string            `json:"version"`
	RouteKey              string            `json:"routeKey"`
	RawPath               string            `json:"rawPath"`
	RawQueryString        string            `json:"rawQueryString"`
	Cookies               []string          `json:"cookies,omitempty"`
	Headers               map[string]string `json:"headers"`
	QueryStringParameters map[string]string `json:"queryStringParameters,omitempty"`
	RequestContext        eventContext      `json:"requestContext"`
	PathParameters        map[string]string `json:"pathParameters,omitempty"`
	Body                  string            `json:"body,omitempty"`
	IsBase64Encoded       bool              `json:"isBase64Encoded"`
}

type eventContext struct {
	AccountID    string    `json:"accountId"`
	APIID        string    `json:"apiId"`
	DomainName   string    `json:"domainName"`
	DomainPrefix string    `json:"domainPrefix"`
	HTTP         eventHTTP `json:"http"`
	RequestID    string    `json:"requestId"`
	RouteKey     string    `json:"routeKey"`
	Stage        string    `json:"stage"`
	Time         string    `json:"time"`
	TimeEpoch    int64     `json:"timeEpoch"` // Unix milliseconds
}

type eventHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

func newEvent(r *http.Request, key string, parameters map[string]string, body []byte, requestID, traceID string, now time.Time) event {
	source, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		source = r.RemoteAddr
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, "80"
	}
	e := event{
		Version: "2.0", RouteKey: key, RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{
			"host": r.Host, "content-length": strconv.Itoa(len(body)), "x-amzn-trace-id": traceID,
			"x-forwarded-for": source, "x-forwarded-port": port, "x-forwarded-proto": "http",
		},
		PathParameters: parameters,
		RequestContext: eventContext{
			AccountID: Account, APIID: "local", DomainName: host, DomainPrefix: "local",
			HTTP:      eventHTTP{r.Method, r.URL.EscapedPath(), r.Proto, source, r.UserAgent()},
			RequestID: requestID, RouteKey: key, Stage: defaultRoute,
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			e.Cookies = strings.Split(strings.Join(values, "; "), "; ")
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		if e.QueryStringParameters == nil {
			e.QueryStringParameters = map[string]string{}
		}
		e.QueryStringParameters[name] = strings.Join(values, ",")
	}
	if e.Body = string(body); !isText(r.Header.Get("Content-Type"), body) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// isText says whether a body goes into the event as it is. Forms do not: API Gateway encodes them.
func isText(contentType string, body []byte) bool {
	if !utf8.Valid(body) {
		return false
	}
	if contentType == "" || len(body) == 0 {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch kind {
	case "application/json", "application/javascript", "application/xml", "application/graphql":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

// An answer is a function's response to the HTTP API.
type answer struct {
	StatusCode        json.RawMessage     `json:"statusCode"`
	Headers           map[string]any      `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              *string             `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

// writeAnswer turns a function's payload into a response. Without a statusCode it is the body of a 200, as JSON; a
// payload that is text stands for that text. It fails, before anything is written, on what makes no response.
func writeAnswer(w http.ResponseWriter, payload []byte) error {
	var a answer
	trimmed := bytes.TrimSpace(payload)
	if !json.Valid(trimmed) {
		return errors.New("not JSON")
	}
	isObject := trimmed[0] == '{'
	if isObject {
		var probe struct {
			StatusCode json.RawMessage `json:"statusCode"`
		}
		if err := json.Unmarshal(trimmed, &probe); err != nil {
			return err
		}
		a.StatusCode = probe.StatusCode
	}
	if a.StatusCode == nil {
		return writeInferred(w, trimmed)
	}
	if err := json.Unmarshal(trimmed, &a); err != nil {
		return err
	}
	status, err := strconv.Atoi(strings.Trim(string(a.StatusCode), `"`))
	if err != nil || status < 100 || status > 599 {
		return fmt.Errorf("statusCode %s is no HTTP status", clip(string(a.StatusCode)))
	}
	var body []byte
	if a.Body != nil {
		body = []byte(*a.Body)
		if a.IsBase64Encoded {
			if body, err = base64.StdEncoding.DecodeString(*a.Body); err != nil {
				return fmt.Errorf("isBase64Encoded is true, but the body is not: %w", err)
			}
		}
	}
	a.setHeaders(w.Header())
	w.WriteHeader(max(status, http.StatusOK)) // a 1xx would be no final answer
	_, _ = w.Write(body)                      // a client that hung up, or a status that has no body
	return nil
}

func (a *answer) setHeaders(h http.Header) {
	h.Set("Content-Type", "text/plain; charset=utf-8")
	for name, value := range a.Headers {
		if value != nil {
			h.Set(name, headerText(value))
		}
	}
	for name, values := range a.MultiValueHeaders {
		h[http.CanonicalHeaderKey(name)] = values
	}
	for _, c := range a.Cookies {
		h.Add("Set-Cookie", c)
	}
	h.Del("Content-Length") // it is what we write
}

// headerText renders a header that a function gave as a number or truth value.
func headerText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(marshal(v))
}

func writeInferred(w http.ResponseWriter, payload []byte) error {
	var s string
	if payload[0] == '"' {
		if err := json.Unmarshal(payload, &s); err != nil {
			return err
		}
		payload = []byte(s)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(payload) // as above
	return nil
}
