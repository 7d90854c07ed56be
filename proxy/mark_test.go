package proxy

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
)

const (
	prelude     = `{"statusCode":200,"headers":{"a":"b"}}`
	zeros       = "\x00\x00\x00\x00\x00\x00\x00\x00"
	markedBegin = `{"statusCode":200,"headers":{"x-firedrill-fault":"none;run=01J","a":"b"}}`
	sparedByRun = `{"exception":{"enabled":true,"percentage":0.000001},"firedrill":{"run":"01J"}}`
)

func marking(name string) string { return map[string]string{fault.MarkVariable: "true"}[name] }

// posted is what a Runtime API got for an event whose response the runtime posts so.
func posted(t *testing.T, document string, getenv func(string) string, response string) string {
	t.Helper()
	got := make(chan string, 1)
	var delivered atomic.Bool
	g := behind(t, Options{Source: parse(t, document), Getenv: getenv}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			if delivered.Swap(true) {
				<-r.Context().Done() // there is one event
				return
			}
			w.Header().Set(runtimeapi.HeaderRequestID, "r-1")
			_, _ = io.WriteString(w, "{}")
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got <- string(body)
		w.WriteHeader(http.StatusAccepted)
	})
	c := g.dial(t)
	c.send("GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n")
	if strings.Contains(document, "statuscode") { // the proxy answers, and asks for the next one
		return <-got
	}
	c.answer("GET")
	c.send("POST " + runtimeapi.PathInvocation + "r-1/response HTTP/1.1\r\nHost: x\r\n" + response)
	if resp, _ := c.answer("POST"); resp.StatusCode != http.StatusAccepted {
		t.Errorf("status %d", resp.StatusCode)
	}
	return <-got
}

func withLength(body string) string {
	return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
}

func inChunks(fields string, pieces ...string) string {
	text := fields + "Transfer-Encoding: chunked\r\n\r\n"
	for _, p := range pieces {
		text += fmt.Sprintf("%x\r\n%s\r\n", len(p), p)
	}
	return text + "0\r\n\r\n"
}

func TestMarkOnResponse(t *testing.T) {
	const (
		hit       = `{"corruption":{"enabled":true,"body":"x"},"latency":{"enabled":true},"firedrill":{"run":"01J"}}`
		answered  = `{"statuscode":{"enabled":true,"body":"b","percentage":100},"firedrill":{"run":"01J"}}`
		streaming = "Content-Type: " + fault.StreamContentType + "\r\n"
	)
	for _, c := range []struct {
		name, set, response, want string
	}{
		{"hit", hit, withLength(`{"statusCode":200,"body":"y"}`), `{"headers":{"x-firedrill-fault":"latency,corruption;run=01J"},"body":"x","statusCode":200}`},
		{"spared", sparedByRun, withLength(`{"statusCode":200, "body":"y"}`), `{"headers":{"x-firedrill-fault":"none;run=01J"},"statusCode":200, "body":"y"}`},
		{"chunked", sparedByRun, inChunks("", ` `, `{"status`, `Code":200}`), ` {"headers":{"x-firedrill-fault":"none;run=01J"},"statusCode":200}`},
		{"slow start", `{"coldstart":{"enabled":true,"min_latency":1}}`, withLength(`{"statusCode":200}`), `{"headers":{"x-firedrill-fault":"coldstart"},"statusCode":200}`},
		{"hit perhaps by what only the SDK enacts", `{"outgoing":{"enabled":true,"hosts":["*"],"refuse":true},"firedrill":{"run":"01J"}}`, withLength(`{"statusCode":200}`), `{"statusCode":200}`},
		{"no HTTP", sparedByRun, withLength(`{"ok":true}`), `{"ok":true}`},
		{"text", sparedByRun, inChunks("", "hello ", "world"), "hello world"},
		{"a stream of the runtime's", sparedByRun, inChunks("Lambda-Runtime-Function-Response-Mode: streaming\r\n", `{"statusCode":200}`), `{"statusCode":200}`},
		{"streamed", sparedByRun, inChunks(streaming, prelude[:5], prelude[5:]+zeros[:3], zeros[3:]+"bo", "dy"), markedBegin + zeros + "body"},
		{"streamed with a length", sparedByRun, streaming + withLength(prelude+zeros+"body"), markedBegin + zeros + "body"},
		{"streamed without a prelude", sparedByRun, inChunks(streaming, "bo", "dy"), "body"},
		{"streamed and corrupted", hit, inChunks(streaming, prelude, zeros, "body"), strings.Replace(markedBegin, "none", "latency,corruption", 1) + zeros + "x"},
		{"answered in the handler's stead", answered, "", `{"statusCode":500,"headers":{"x-firedrill-fault":"statuscode;run=01J","Content-Type":"application/json"},"body":"b"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := posted(t, c.set, marking, c.response); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	if got := posted(t, sparedByRun, nil, withLength(`{"statusCode":200}`)); got != `{"statusCode":200}` {
		t.Errorf("nobody asked for a mark: %s", got)
	}
}

// A response that is marked streams on: each piece arrives before the next one is sent.
func TestMarkedResponseStreams(t *testing.T) {
	arrived := make(chan string)
	g := behind(t, Options{Source: parse(t, sparedByRun), Getenv: marking}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set(runtimeapi.HeaderRequestID, "r-1")
			_, _ = io.WriteString(w, "{}")
			return
		}
		for _, want := range []int{len(markedBegin + zeros), len("first"), len("second")} {
			piece := make([]byte, want)
			if _, err := io.ReadFull(r.Body, piece); err != nil {
				t.Error(err)
			}
			arrived <- string(piece)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Seen-Trailer", r.Trailer.Get(fieldErrorType))
		w.WriteHeader(http.StatusAccepted)
	})
	c := g.dial(t)
	c.send("GET " + runtimeapi.PathNext + " HTTP/1.1\r\nHost: x\r\n\r\n")
	c.answer("GET")
	c.send("POST " + runtimeapi.PathInvocation + "r-1/response HTTP/1.1\r\nHost: x\r\nContent-Type: " + fault.StreamContentType +
		"\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, piece := range []struct{ sent, want string }{{prelude + zeros, markedBegin + zeros}, {"first", "first"}, {"second", "second"}} {
		c.send(fmt.Sprintf("%x\r\n%s\r\n", len(piece.sent), piece.sent))
		if got := <-arrived; got != piece.want {
			t.Errorf("%q, want %q", got, piece.want)
		}
	}
	c.send("0\r\nLambda-Runtime-Function-Error-Type: Boom\r\n\r\n")
	if resp, _ := c.answer("POST"); resp.StatusCode != http.StatusAccepted || resp.Header.Get("Seen-Trailer") != "Boom" {
		t.Errorf("%d, trailer %q", resp.StatusCode, resp.Header.Get("Seen-Trailer"))
	}
}

// With FIREDRILL_METRICS=emf each record is a metric, and still a record.
func TestRecordsAsMetrics(t *testing.T) {
	for value, want := range map[string]bool{"emf": true, "": false} {
		var log, proof safeBuffer
		getenv := func(name string) string { return map[string]string{fault.MetricsVariable: value}[name] }
		p := New(Options{Upstream: "lambda:80", Function: "shop", Log: &log, Proof: &proof, Getenv: getenv})
		entry{p.journal, "01J", "r-1", nil}.fired(fault.Latency)
		if got := log.records(); len(got) != 1 || strings.Contains(log.String(), `"_aws":{"Timestamp"`) != want || proof.String() != log.String() {
			t.Errorf("%q: %s", value, log.String())
		}
	}
}

func page(o order) (events.APIGatewayV2HTTPResponse, error) {
	return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "sold " + o.SKU}, nil
}

func pageStream(o order) (*events.LambdaFunctionURLStreamingResponse, error) {
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 200, Body: strings.NewReader("sold " + o.SKU)}, nil
}

// What a real runtime posts gets its mark: of one order that is hit, and of one that is spared.
func TestRealFunctionsAreMarked(t *testing.T) {
	t.Setenv(fault.MarkVariable, "true")
	const document = `{"latency":{"enabled":true,"min_latency":1,"match":[{"path":"sku","value":"A1"}]},"firedrill":{"run":"01J"}}`
	for _, c := range []struct{ kind, want string }{
		{"page", `{"statusCode":200,"headers":{"x-firedrill-fault":"%s;run=01J"},"multiValueHeaders":null,"body":"sold %s","cookies":null}`},
		{"page stream", `{"headers":{"x-firedrill-fault":"%s;run=01J"},"statusCode":200}` + zeros + "sold %s"},
	} {
		answers, records := invoke(t, c.kind, document, order{SKU: "A1"}, order{SKU: "A2"})
		for n, want := range []string{fmt.Sprintf(c.want, "latency", "A1"), fmt.Sprintf(c.want, "none", "A2")} {
			if got := string(answers[n].Payload); got != want {
				t.Errorf("%s: %q, want %q", c.kind, got, want)
			}
		}
		if len(records) != 1 {
			t.Errorf("%s: records %q", c.kind, records)
		}
	}
}
