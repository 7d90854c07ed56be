package runtimeapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// A runtime is a function's side, as plain as can be.
type runtime struct {
	t       *testing.T
	url     string
	serving *sync.WaitGroup
}

func newServer(t *testing.T, limit int64) (*runtimeapi.Server, runtime) {
	s := runtimeapi.NewServer(limit)
	front := httptest.NewServer(s)
	serving := new(sync.WaitGroup)
	t.Cleanup(func() { serving.Wait(); s.Close(); front.Close() })
	return s, runtime{t, front.URL, serving}
}

func (r runtime) next(ctx context.Context) (*http.Response, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+runtimeapi.PathNext, nil)
	if err != nil {
		return nil, nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, body, err
}

func (r runtime) post(path string, body io.Reader, change func(*http.Request)) (int, string) {
	r.t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, r.url+path, body)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	if change != nil {
		change(request)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Error(err)
	}
	return response.StatusCode, string(text)
}

// serve answers one event through post.
func (r runtime) serve(post func(id string)) {
	r.serving.Go(func() {
		response, _, err := r.next(context.Background())
		if err != nil {
			r.t.Error(err)
			return
		}
		post(response.Header.Get(runtimeapi.HeaderRequestID))
	})
}

func TestEventReachesTheFunction(t *testing.T) {
	s, r := newServer(t, 0)
	deadline := time.Now().Add(time.Minute)
	event := runtimeapi.Event{
		RequestID: "id-1", Payload: []byte(`{"a":1}`), Deadline: deadline, FunctionARN: "arn:f", TraceID: "Root=1",
		ClientContext: `{"client":{}}`, Identity: `{"cognitoIdentityId":"x"}`,
	}
	got := make(chan http.Header, 1)
	r.serving.Go(func() {
		response, body, err := r.next(context.Background())
		if err != nil || string(body) != `{"a":1}` {
			t.Errorf("got %s %v", body, err)
			return
		}
		got <- response.Header
		r.post("/2018-06-01/runtime/invocation/id-1/response", strings.NewReader("42"), nil)
	})
	if err := s.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	result, err := s.Invoke(t.Context(), event)
	if err != nil || string(result.Payload) != "42" || result.Failed {
		t.Errorf("got %+v %v", result, err)
	}
	header := <-got
	for name, want := range map[string]string{
		runtimeapi.HeaderRequestID: "id-1", runtimeapi.HeaderFunctionARN: "arn:f", runtimeapi.HeaderTraceID: "Root=1",
		runtimeapi.HeaderClientContext: `{"client":{}}`, runtimeapi.HeaderIdentity: `{"cognitoIdentityId":"x"}`,
	} {
		if header.Get(name) != want {
			t.Errorf("%s: %q", name, header.Get(name))
		}
	}
	var ms int64
	if err := json.Unmarshal([]byte(header.Get(runtimeapi.HeaderDeadline)), &ms); err != nil || ms != deadline.UnixMilli() {
		t.Errorf("deadline %d %v", ms, err)
	}
}

func TestAnswers(t *testing.T) {
	document := `{"errorMessage":"half way","errorType":"Stream.Broken"}`
	trailers := func(body string, kind, encoded string) func(runtime, string) {
		return func(r runtime, id string) {
			r.post(runtimeapi.PathInvocation+id+runtimeapi.SuffixResponse, nil, func(request *http.Request) {
				request.Trailer = http.Header{runtimeapi.HeaderErrorType: nil, runtimeapi.HeaderErrorBody: nil}
				request.Header.Set(runtimeapi.HeaderResponseMode, runtimeapi.ModeStreaming)
				request.ContentLength = -1
				request.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), atEnd(func() {
					if kind != "" {
						request.Trailer.Set(runtimeapi.HeaderErrorType, kind)
						request.Trailer.Set(runtimeapi.HeaderErrorBody, encoded)
					}
				})))
			})
		}
	}
	tests := []struct {
		name string
		post func(r runtime, id string)
		want runtimeapi.Result
	}{
		{"stream", trailers("abc", "", ""), runtimeapi.Result{Payload: []byte("abc"), Streaming: true}},
		{"broken stream", trailers("abc", "Stream.Broken", base64.StdEncoding.EncodeToString([]byte(document))), runtimeapi.Result{
			Payload: []byte(document), Partial: []byte("abc"), Failed: true, ErrorType: "Stream.Broken", Streaming: true,
		}},
		{"broken trailer", trailers("", "T", "%%"), runtimeapi.Result{
			Payload: []byte(`{"errorMessage":"%%","errorType":"T"}`), Partial: []byte{}, Failed: true, ErrorType: "T", Streaming: true,
		}},
		{"error", func(r runtime, id string) {
			r.post(runtimeapi.PathInvocation+id+runtimeapi.SuffixError, strings.NewReader(document), nil)
		}, runtimeapi.Result{Payload: []byte(document), Failed: true, ErrorType: "Stream.Broken"}},
		{"error with header", func(r runtime, id string) {
			r.post(runtimeapi.PathInvocation+id+runtimeapi.SuffixError, strings.NewReader("not JSON"), func(request *http.Request) {
				request.Header.Set(runtimeapi.HeaderErrorType, "Mine")
			})
		}, runtimeapi.Result{Payload: []byte("not JSON"), Failed: true, ErrorType: "Mine"}},
		{"too large", func(r runtime, id string) {
			if status, _ := r.post(runtimeapi.PathInvocation+id+runtimeapi.SuffixResponse, strings.NewReader(strings.Repeat("x", 1001)), nil); status != 413 {
				r.t.Errorf("status %d", status)
			}
		}, runtimeapi.Result{
			Payload: []byte(`{"errorMessage":"Response payload size exceeded maximum allowed payload size (1000 bytes).","errorType":"Function.ResponseSizeTooLarge"}`),
			Failed:  true, ErrorType: "Function.ResponseSizeTooLarge",
		}},
		{"at the limit, chunked", func(r runtime, id string) {
			r.post(runtimeapi.PathInvocation+id+runtimeapi.SuffixResponse, io.MultiReader(strings.NewReader(strings.Repeat("x", 1000))), nil)
		}, runtimeapi.Result{Payload: bytes.Repeat([]byte("x"), 1000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, r := newServer(t, 1000)
			r.serve(func(id string) { tt.post(r, id) })
			got, err := s.Invoke(t.Context(), runtimeapi.Event{RequestID: "1", Payload: []byte("{}")})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// atEnd is an empty reader that calls f when it is read.
type atEnd func()

func (f atEnd) Read([]byte) (int, error) { f(); return 0, io.EOF }

func TestReconnectingRuntime(t *testing.T) {
	s, r := newServer(t, 0)
	for range 3 { // polls that go away before there is an event
		ctx, cancel := context.WithCancel(t.Context())
		polled := make(chan error, 1)
		go func() { _, _, err := r.next(ctx); polled <- err }()
		if err := s.WaitIdle(t.Context()); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := <-polled; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	r.serve(func(id string) {
		r.post(runtimeapi.PathInvocation+id+runtimeapi.SuffixResponse, strings.NewReader("1"), nil)
	})
	// The server may not have noticed yet that the earlier polls are gone: the event must arrive all the same.
	result, err := s.Invoke(t.Context(), runtimeapi.Event{RequestID: "1", Payload: []byte("{}")})
	if err != nil || string(result.Payload) != "1" {
		t.Errorf("got %+v %v", result, err)
	}
}

func TestProtocolErrors(t *testing.T) {
	s, r := newServer(t, 0)
	check := func(path, want string, status int) {
		t.Helper()
		if got, body := r.post(path, strings.NewReader("1"), nil); got != status || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
	check("/2018-06-01/runtime/invocation/none/response", "InvalidRequestID", 400)
	check("/2018-06-01/runtime/invocation/none/error", "InvalidRequestID", 400)
	check("/2018-06-01/runtime/invocation/none/other", "NotFound", 404)
	check("/2020-01-01/extension/register", "NotFound", 404)
	r.serve(func(id string) {
		if response, _, err := r.next(context.Background()); err != nil || response.StatusCode != http.StatusForbidden {
			t.Errorf("asking for more before the answer: %v %v", response, err)
		}
		path := runtimeapi.PathInvocation + id + runtimeapi.SuffixResponse
		check(path, "OK", 202)
		check(path, "InvalidRequestID", 400) // a second answer
	})
	if _, err := s.Invoke(t.Context(), runtimeapi.Event{RequestID: "1"}); err != nil {
		t.Error(err)
	}
}

func TestLostEvents(t *testing.T) {
	s, r := newServer(t, 0)
	var lost *runtimeapi.LostError
	ctx, cancel := context.WithCancel(t.Context())
	seen := make(chan string)
	r.serve(func(id string) {
		cancel()
		seen <- id
	})
	if _, err := s.Invoke(ctx, runtimeapi.Event{RequestID: "late"}); !errors.As(err, &lost) || !lost.Delivered || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if status, _ := r.post(runtimeapi.PathInvocation+<-seen+runtimeapi.SuffixResponse, strings.NewReader("1"), nil); status != 400 {
		t.Errorf("a late answer: %d", status)
	}
	s.Close()
	if _, err := s.Invoke(t.Context(), runtimeapi.Event{}); !errors.As(err, &lost) || lost.Delivered {
		t.Errorf("got %v", err)
	}
	if _, _, err := r.next(t.Context()); err == nil {
		t.Error("a closed server must drop the connection")
	}
}

func TestInitError(t *testing.T) {
	s, r := newServer(t, 0)
	r.post(runtimeapi.PathInitError, strings.NewReader(`{"errorMessage":"m","errorType":"T"}`), nil)
	var failed *runtimeapi.InitError
	if err := s.WaitIdle(t.Context()); !errors.As(err, &failed) || failed.Result.ErrorType != "T" {
		t.Errorf("got %v", err)
	}
}

func ExampleServer() {
	s := runtimeapi.NewServer(0)
	front := httptest.NewServer(s) // a function is started with AWS_LAMBDA_RUNTIME_API = its host and port
	defer front.Close()
	defer s.Close()
	go func() { // the function
		event, err := http.Get(front.URL + runtimeapi.PathNext)
		if err != nil {
			return
		}
		defer event.Body.Close()
		id := event.Header.Get(runtimeapi.HeaderRequestID)
		answer, err := http.Post(front.URL+runtimeapi.PathInvocation+id+runtimeapi.SuffixResponse, "application/json", event.Body)
		if err == nil {
			answer.Body.Close()
		}
	}()
	result, err := s.Invoke(context.Background(), runtimeapi.Event{RequestID: "1", Payload: []byte(`"hello"`)})
	fmt.Println(string(result.Payload), err)
	// Output: "hello" <nil>
}
