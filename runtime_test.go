package firedrill_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// functionVariable makes the test binary a Lambda function: it names the handler to start.
const functionVariable = "FIREDRILL_TEST_FUNCTION"

func TestMain(m *testing.M) {
	handlers := map[string]any{
		"typed": func(o order) (order, error) { return o, nil },
		"stream": func(o order) (io.Reader, error) {
			return &slowReader{parts: []string{"first ", "second ", "third"}}, nil
		},
		"broken stream": func(o order) (io.Reader, error) {
			return &slowReader{parts: []string{"first "}, end: &orderError{order{SKU: "A1"}}}, nil
		},
	}
	if handler, ok := handlers[os.Getenv(functionVariable)]; ok {
		lambda.Start(firedrill.Wrap(handler)) // ends the process when the Runtime API is gone
	}
	os.Exit(m.Run())
}

// slowReader gives one part for each Read, as a stream does.
type slowReader struct {
	parts []string
	end   error
}

func (r *slowReader) Read(b []byte) (int, error) {
	if len(r.parts) == 0 {
		if r.end != nil {
			return 0, r.end
		}
		return 0, io.EOF
	}
	n := copy(b, r.parts[0])
	r.parts = r.parts[1:]
	return n, nil
}

// posted is what a function sent to the Runtime API.
type posted struct {
	path, contentType, body, errorType string
	chunked                            bool
}

// invokeProcess starts this binary as a function, gives it one event through a small Runtime API, and returns
// what it posted and what it logged.
func invokeProcess(t *testing.T, function, document, event string) (posted, string) {
	t.Helper()
	answers := make(chan posted, 1)
	var once sync.Once
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		first := false
		once.Do(func() { first = true })
		if !first {
			<-r.Context().Done() // no second event: wait until the process is killed
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "r-1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
		_, _ = io.WriteString(w, event)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/r-1/", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(http.StatusAccepted)
		answers <- posted{strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/r-1"), r.Header.Get("Content-Type"),
			string(body), r.Trailer.Get("Lambda-Runtime-Function-Error-Type"), r.ContentLength < 0}
	})
	server := httptest.NewServer(mux)
	defer server.Close()

	var log bytes.Buffer
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), functionVariable+"="+function, source.Config+"="+document,
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(server.URL, "http://"), "AWS_LAMBDA_FUNCTION_NAME=orders")
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var answer posted
	select {
	case answer = <-answers:
	case <-time.After(30 * time.Second):
		t.Error("the function does not answer")
	}
	_ = cmd.Process.Kill() // it may have ended by itself
	_ = cmd.Wait()         // killed: an error by design
	return answer, log.String()
}

// The Lambda library's own loop carries what the wrapper makes: error types, streams, trailers.
func TestThroughTheLambdaLibrary(t *testing.T) {
	const octets = "application/octet-stream"
	tests := []struct {
		name, function, document string
		want                     posted
		kind                     fault.Kind
	}{
		{"unset", "typed", "", posted{"/response", "application/json", `{"sku":"A1","n":1}`, "", true}, ""},
		{"spared", "typed", spares, posted{"/response", octets, `{"sku":"A1","n":1}`, "", true}, ""},
		{"exception", "typed", `{"exception":{"enabled":true,"exception_type":"Drill","exception_msg":"on purpose"}}`,
			posted{"/error", "application/json", `{"errorMessage":"on purpose","errorType":"Drill"}`, "", true}, fault.Exception},
		{"stream", "stream", spares, posted{"/response", octets, "first second third", "", true}, ""},
		{"broken stream", "broken stream", spares, posted{"/response", octets, "first ", "orderError", true}, ""},
		{"replayed broken stream", "broken stream", `{"corruption":{"enabled":true,"body":"x"}}`, posted{"/response", octets, "first ", "orderError", true}, fault.Corruption},
		{"stream replaced", "stream", `{"corruption":{"enabled":true,"body":"x"}}`, posted{"/response", octets, `{"body":"x"}`, "", true}, fault.Corruption},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, log := invokeProcess(t, test.function, test.document, `{"sku":"A1","n":1}`)
			if got != test.want {
				t.Errorf("posted %+v, want %+v\n%s", got, test.want, log)
			}
			var kind fault.Kind
			for scanner := bufio.NewScanner(strings.NewReader(log)); scanner.Scan(); {
				if r, ok := fault.ParseRecord(scanner.Bytes()); ok && r.Function == "orders" && r.RequestID == "r-1" {
					kind = r.Kind
				}
			}
			if kind != test.kind {
				t.Errorf("recorded %q, want %q: %s", kind, test.kind, log)
			}
		})
	}
}
