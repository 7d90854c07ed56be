package experiment

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"strings"
	"text/template"
)

// An HTTPRequest is what a load or an http measure sends.
type HTTPRequest struct {
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"` // of a load, values are templates too
}

// VersionHeader says in an answer which version of a function it is from. AWS Lambda sets it where a function is invoked, the
// local host's HTTP API too; behind another API, the function itself may.
const VersionHeader = "X-Amz-Executed-Version"

var secretHeader = regexp.MustCompile(`(?i)auth|cookie|token|secret|password|key|signature|credential`)

// MarshalJSON leaves out the values of headers that are likely to be secrets: experiments end in reports,
// and reports in pull requests.
func (r HTTPRequest) MarshalJSON() ([]byte, error) {
	type plain HTTPRequest
	r.Headers = maps.Clone(r.Headers)
	for name := range r.Headers {
		if secretHeader.MatchString(name) {
			r.Headers[name] = "(not shown)"
		}
	}
	return json.Marshal(plain(r))
}

// request reads "METHOD URL"; the method is GET if there is none.
func request() value[*HTTPRequest] {
	return value[*HTTPRequest]{schema: matching(patternRequest, "POST ${api}/purchase"), read: func(d *decoder, n *node, path string) (*HTTPRequest, bool) {
		const hint = "write METHOD URL, such as POST http://127.0.0.1:8080/purchase"
		if n.form != scalar {
			d.expected(n, path, "a request", hint)
			return nil, false
		}
		method, address, two := strings.Cut(strings.TrimSpace(n.text), " ")
		if !two || strings.Contains(method, ":") { // a template in a URL may have spaces
			method, address = "GET", strings.TrimSpace(n.text)
		}
		address = strings.TrimSpace(address)
		if strings.ContainsFunc(method, func(r rune) bool { return r < 'A' || r > 'Z' }) {
			d.wrong(n, path, "has no such method", hint)
			return nil, false
		}
		if wrong := badURL(address); wrong != "" {
			d.wrong(n, path, wrong, hint)
			return nil, false
		}
		return &HTTPRequest{Method: method, URL: address}, true
	}}
}

// address reads an absolute http or https URL.
func address() value[string] {
	return value[string]{schema: matching(`^https?://`, "http://127.0.0.1:9090"), read: func(d *decoder, n *node, path string) (string, bool) {
		if n.form != scalar {
			d.expected(n, path, "a URL", "")
			return "", false
		}
		if wrong := badURL(n.text); wrong != "" {
			d.wrong(n, path, wrong, "such as http://127.0.0.1:9090")
			return "", false
		}
		return n.text, true
	}}
}

// badURL says what is wrong with a URL, or "".
func badURL(text string) string {
	text = templateAction.ReplaceAllString(text, "0")
	u, err := url.Parse(text)
	switch {
	case err != nil || strings.ContainsAny(text, " \t\n"):
		return "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return "is not an absolute http or https URL"
	case u.Hostname() == "":
		return "names no host"
	case u.User != nil:
		return "has a user in its URL, which would be in every report: send a header"
	case u.Fragment != "":
		return "has a fragment (#), which is never sent"
	}
	return ""
}

var templateAction = regexp.MustCompile(`\{\{.*?\}\}`)

// templated reads what wraps, and checks the syntax of a template. What a template may call is known only to
// those who render it.
func templated[V any](v value[V], text func(V) string) value[V] {
	read := v.read
	v.read = func(d *decoder, n *node, path string) (V, bool) {
		got, ok := read(d, n, path)
		if !ok || !strings.Contains(text(got), "{{") {
			return got, ok
		}
		if _, err := template.New(path).Parse(text(got)); err != nil {
			message := strings.TrimPrefix(err.Error(), "template: "+path+":")
			d.problem(path, text(got), "is not a template: line "+message, `such as {{.Seq}}, {{.UUID}}, {{.Rand 1 100}} or {{.Pick "a" "b"}}`)
			return got, false
		}
		return got, true
	}
	return v
}

// templatedRequest is request for loads.
func templatedRequest() value[*HTTPRequest] {
	return templated(request(), func(r *HTTPRequest) string { return r.URL })
}

// plainRequest is request for measures, which send the same each time.
func plainRequest() value[*HTTPRequest] {
	r := request()
	read := r.read
	r.read = func(d *decoder, n *node, path string) (*HTTPRequest, bool) {
		got, ok := read(d, n, path)
		if ok && strings.Contains(got.URL, "{{") {
			d.wrong(n, path, "is a template, which a measure does not have", "only loads have templates")
			return got, false
		}
		return got, ok
	}
	return r
}
