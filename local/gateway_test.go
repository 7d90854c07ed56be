package local

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// httpAnswer is the test function behind the HTTP API: the header x-answer is its answer, else it answers
// with its event.
func httpAnswer(e json.RawMessage) (json.RawMessage, error) {
	var in struct{ Headers map[string]string }
	if err := json.Unmarshal(e, &in); err != nil {
		return nil, err
	}
	switch answer := in.Headers["x-answer"]; answer {
	case "":
		return e, nil
	case "fail":
		return nil, errors.New("no")
	case "hang":
		select {}
	default:
		return json.RawMessage(answer), nil
	}
}

func gateway(t *testing.T, change func(*Config)) testHost {
	cfg := Config{
		Functions: []Function{testFunction(t, "web", "http")},
		HTTP: &HTTP{Listen: "127.0.0.1:0", Timeout: DefaultHTTPTimeout, Routes: []Route{
			{Key: "POST /purchase", Function: "web"}, {Key: "GET /items/{id}", Function: "web"}, {Key: "ANY /files/{path+}", Function: "web"},
		}},
	}
	if change != nil {
		change(&cfg)
	}
	return startHost(t, cfg, nil)
}

func do(t *testing.T, h testHost, method, path, body string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+h.HTTPAddr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(b)
}

func TestEventOfARequest(t *testing.T) {
	h := gateway(t, nil)
	status, header, body := do(t, h, "GET", "/items/a%20b?q=1&q=2&z=", "", "X-Two", "a", "X-Two", "b", "Cookie", "c=1; d=2")
	if status != 200 || header.Get("Content-Type") != "application/json" || header.Get("Apigw-Requestid") == "" {
		t.Fatalf("%d %v %s", status, header, body)
	}
	var e event
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatal(err)
	}
	want := event{
		Version: "2.0", RouteKey: "GET /items/{id}", RawPath: "/items/a%20b", RawQueryString: "q=1&q=2&z=",
		Cookies: []string{"c=1", "d=2"}, PathParameters: map[string]string{"id": "a b"},
		QueryStringParameters: map[string]string{"q": "1,2", "z": ""},
	}
	if diff := cmp.Diff(want, event{
		Version: e.Version, RouteKey: e.RouteKey, RawPath: e.RawPath, RawQueryString: e.RawQueryString, Cookies: e.Cookies,
		PathParameters: e.PathParameters, QueryStringParameters: e.QueryStringParameters,
		Body: e.Body, IsBase64Encoded: e.IsBase64Encoded,
	}); diff != "" {
		t.Error(diff)
	}
	if e.Headers["x-two"] != "a,b" || e.Headers["host"] != h.HTTPAddr() || e.Headers["x-forwarded-for"] != "127.0.0.1" || e.Headers["cookie"] != "" {
		t.Errorf("headers: %v", e.Headers)
	}
	c := e.RequestContext
	if _, err := time.Parse("02/Jan/2006:15:04:05 -0700", c.Time); err != nil || c.HTTP.Method != "GET" || c.HTTP.SourceIP != "127.0.0.1" || c.Stage != "$default" || c.RouteKey != want.RouteKey {
		t.Errorf("context: %+v %v", c, err)
	}
}

func TestBodiesOfRequests(t *testing.T) {
	h := gateway(t, nil)
	tests := []struct {
		contentType, body, want string
		encoded                 bool
	}{
		{"application/json", `{"sku":"A1"}`, `{"sku":"A1"}`, false},
		{"text/plain; charset=utf-8", "é", "é", false},
		{"application/problem+json", "{}", "{}", false},
		{"", "plain", "plain", false},
		{"application/x-www-form-urlencoded", "a=1", "YT0x", true},
		{"application/octet-stream", "abc", "YWJj", true},
		{"text/plain", "\xff\xfe", "//4=", true},
	}
	for _, tt := range tests {
		var headers []string
		if tt.contentType != "" {
			headers = []string{"Content-Type", tt.contentType}
		}
		_, _, body := do(t, h, "POST", "/purchase", tt.body, headers...)
		var e event
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatalf("%s: %v: %s", tt.contentType, err, body)
		}
		if e.Body != tt.want || e.IsBase64Encoded != tt.encoded {
			t.Errorf("%s: got %q %v", tt.contentType, e.Body, e.IsBase64Encoded)
		}
	}
}

func TestAnswersOfFunctions(t *testing.T) {
	h := gateway(t, nil)
	tests := []struct {
		name, answer, contentType, body string
		status                          int
	}{
		{"full", `{"statusCode":201,"headers":{"Content-Type":"text/html","x-n":5},"body":"<p>"}`, "text/html", "<p>", 201},
		{"default type", `{"statusCode":200,"body":"hi"}`, "text/plain; charset=utf-8", "hi", 200},
		{"base64", `{"statusCode":200,"body":"AAH/","isBase64Encoded":true}`, "text/plain; charset=utf-8", "\x00\x01\xff", 200},
		{"status as text", `{"statusCode":"404","body":"gone"}`, "text/plain; charset=utf-8", "gone", 404},
		{"no body", `{"statusCode":204}`, "text/plain; charset=utf-8", "", 204},
		{"inferred object", `{"ok":true}`, "application/json", `{"ok":true}`, 200},
		{"inferred text", `"hello"`, "application/json", `hello`, 200},
		{"inferred null", `null`, "application/json", `null`, 200},
		{"bad status", `{"statusCode":"x"}`, "application/json", `{"message":"Internal Server Error"}`, 500},
		{"bad base64", `{"statusCode":200,"body":"%","isBase64Encoded":true}`, "application/json", `{"message":"Internal Server Error"}`, 500},
		{"bad body", `{"statusCode":200,"body":{}}`, "application/json", `{"message":"Internal Server Error"}`, 500},
		{"failure", "fail", "application/json", `{"message":"Internal Server Error"}`, 500},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := do(t, h, "PUT", "/files/x/y", "", "X-Answer", tt.answer)
			if status != tt.status || body != tt.body || status != 204 && header.Get("Content-Type") != tt.contentType {
				t.Errorf("got %d %q %q", status, header.Get("Content-Type"), body)
			}
		})
	}
	_, header, _ := do(t, h, "GET", "/items/1", "", "X-Answer", `{"statusCode":200,"cookies":["a=1","b=2"],"headers":{"x-n":5}}`)
	if diff := cmp.Diff([]string{"a=1", "b=2"}, header["Set-Cookie"]); diff != "" || header.Get("X-N") != "5" {
		t.Error(diff, header)
	}
}

func TestGatewayErrors(t *testing.T) {
	h := gateway(t, func(c *Config) { c.HTTP.Timeout = 100 * time.Millisecond })
	check := func(method, path, body, answer string, status int, want string) {
		t.Helper()
		got, _, text := do(t, h, method, path, body, "X-Answer", answer)
		if got != status || text != `{"message":"`+want+`"}` {
			t.Errorf("%s %s: %d %s", method, path, got, text)
		}
	}
	check("GET", "/nothing", "", "", 404, "Not Found")
	check("GET", "/purchase", "", "", 404, "Not Found")
	check("GET", "/items/1/2", "", "", 404, "Not Found")
	check("GET", "/files/", "", "", 404, "Not Found")
	check("POST", "/purchase", strings.Repeat("x", maxRequestBody+1), "", 413, "Request Entity Too Large")
	check("POST", "/purchase", "", "hang", 503, "Service Unavailable")
	h.mu.Lock()
	h.functions["web"].concurrency = new(int)
	h.mu.Unlock()
	check("POST", "/purchase", "", "", 503, "Service Unavailable")
}

func TestRouter(t *testing.T) {
	var patterns []pattern
	for _, key := range []string{
		"$default", "ANY /{proxy+}", "GET /items/{id}", "GET /items/new", "ANY /items/{id}", "GET /items/{id}/parts/{part}", "GET /items/{rest+}", "GET /",
	} {
		p, err := parseRoute(key)
		if err != nil {
			t.Fatal(err)
		}
		patterns = append(patterns, p)
	}
	r := newRouter(patterns)
	tests := []struct {
		method, path, key string
		parameters        map[string]string
	}{
		{"GET", "/items/new", "GET /items/new", nil},
		{"GET", "/items/7", "GET /items/{id}", map[string]string{"id": "7"}},
		{"POST", "/items/new", "ANY /items/{id}", map[string]string{"id": "new"}},
		{"GET", "/items/a%2Fb", "GET /items/{id}", map[string]string{"id": "a/b"}},
		{"GET", "/items/7/parts/2", "GET /items/{id}/parts/{part}", map[string]string{"id": "7", "part": "2"}},
		{"GET", "/items/7/x/y", "GET /items/{rest+}", map[string]string{"rest": "7/x/y"}},
		{"GET", "/other/x", "ANY /{proxy+}", map[string]string{"proxy": "other/x"}},
		{"GET", "/", "GET /", nil},
		{"POST", "/", "$default", nil},
	}
	for _, tt := range tests {
		p, parameters, ok := r.find(tt.method, tt.path)
		if diff := cmp.Diff(tt.parameters, parameters); !ok || p.key != tt.key || diff != "" {
			t.Errorf("%s %s: got %q %v", tt.method, tt.path, p.key, parameters)
		}
	}
	for _, bad := range []string{"", "GET", "/x", "get /x", "GET x", "GET /{}", "GET /{a", "GET /a{b}", "GET /{a}/{a}", "GET /{a+}/b", "FETCH /x", "GET /a b"} {
		if _, err := parseRoute(bad); err == nil {
			t.Errorf("%q is a route", bad)
		}
	}
}
