package runtimes

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// A streamed response reaches Lambda piece by piece, and byte by byte as it does without the layer.
func TestStreamsPassUnchanged(t *testing.T) {
	bin := t.TempDir()
	proxy := build(t, bin, "../cmd/firedrill-proxy")
	plain := []string{build(t, bin, "./testdata/plain")}
	stream, missingNode := nodeCommand("handler.stream")
	page, _ := nodeCommand("handler.page")
	python, missingPython := pythonCommand()
	require(t, "node", missingNode)
	require(t, "python", missingPython)
	latency := `{"latency":{"enabled":true,"min_latency":50%s}}`
	for _, f := range []struct {
		name, dir, handler, missing string
		command                     []string
	}{
		{"go, reader", bin, "stream", "", plain},
		{"go, function URL", bin, "page", "", plain},
		{"node", testdata("node"), "handler.stream", missingNode, stream},
		{"node, function URL", testdata("node"), "handler.page", missingNode, page},
		{"python", testdata("python"), "stream", missingPython, python},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			if f.missing != "" {
				t.Skip(f.missing)
			}
			serve := func(layer bool, config string) (posted, string) {
				command := f.command
				if layer {
					command = append([]string{proxy, "--"}, command...)
				}
				return streamed(t, command, f.dir, "_HANDLER="+f.handler, "FIREDRILL_CONFIG="+config)
			}
			want, _ := serve(false, "")
			if !strings.Contains(want.Body, "first piece\n") || !slices.Contains(want.Framing, "chunked") {
				t.Fatalf("without the layer: %+v", want)
			}
			for _, c := range []struct {
				name, config string
				fired        bool
			}{
				{"disarmed", "file:" + filepath.Join(t.TempDir(), "none"), false},
				{"armed", fmt.Sprintf(latency, ""), true},
				{"armed by the event", fmt.Sprintf(latency, `,"match":[{"path":"Gate","operator":"exists"}]`), true},
			} {
				got, log := serve(true, c.config)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-without the layer +with it):\n%s", c.name, diff)
				}
				if fired := hasFired(log, fault.Latency); fired != c.fired {
					t.Errorf("%s: the latency has fired: %v\n%s", c.name, fired, log)
				}
			}
		})
	}
}

func hasFired(log string, kind fault.Kind) bool {
	for line := range strings.Lines(log) {
		if r, ok := fault.ParseRecord([]byte(line)); ok && r.Kind == kind && r.Fired == 1 {
			return true
		}
	}
	return false
}

// posted is what Lambda gets of a response.
type posted struct {
	Path, Mode, ContentType string
	Framing                 []string
	Body                    string
	Trailer                 http.Header
}

// streamed has a function serve one event, and returns what it posts and logs.
func streamed(t *testing.T, command []string, dir string, environ ...string) (posted, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), functionTimeout) // turns a hang into a failure
	defer cancel()
	l := &lambda{answers: make(chan posted, 1), arrived: make(chan struct{}), ended: ctx.Done()}
	server := httptest.NewUnstartedServer(l)
	l.gate = "http://" + server.Listener.Addr().String() + "/gate"
	server.Start()
	defer server.Close()
	log := &log{}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = append(os.Environ(), append(environ, "AWS_LAMBDA_RUNTIME_API="+server.Listener.Addr().String(), "LAMBDA_TASK_ROOT="+dir,
		"AWS_LAMBDA_FUNCTION_NAME=shop", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=128", "AWS_REGION=eu-central-1",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/shop", "AWS_LAMBDA_LOG_STREAM_NAME=shop")...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // killed
	}()
	select {
	case p := <-l.answers:
		return p, log.String()
	case <-ctx.Done():
		t.Fatalf("%s: no response\n%s", command, log)
		return posted{}, ""
	}
}

// lambda is a Runtime API with one event.
type lambda struct {
	gate    string
	once    sync.Once
	answers chan posted
	arrived chan struct{} // closed when the first piece has arrived
	ended   <-chan struct{}
}

// ServeHTTP implements http.Handler.
func (l *lambda) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/gate":
		select {
		case <-l.arrived:
		case <-l.ended:
		}
	case r.URL.Path == runtimeapi.PathNext:
		first := false
		l.once.Do(func() { first = true })
		if !first {
			<-r.Context().Done() // nothing more comes
			return
		}
		w.Header().Set(runtimeapi.HeaderRequestID, "r-1")
		w.Header().Set(runtimeapi.HeaderDeadline, fmt.Sprint(time.Now().Add(functionTimeout).UnixMilli()))
		w.Header().Set(runtimeapi.HeaderFunctionARN, "arn:aws:lambda:eu-central-1:000000000000:function:shop")
		_, _ = fmt.Fprintf(w, `{"Gate":%q}`, l.gate)
	default:
		l.take(w, r)
	}
}

// take reads a response, and opens the gate as soon as its first piece is there.
func (l *lambda) take(w http.ResponseWriter, r *http.Request) {
	var body bytes.Buffer
	piece := make([]byte, 4096)
	open := sync.OnceFunc(func() { close(l.arrived) })
	for {
		n, err := r.Body.Read(piece)
		body.Write(piece[:n])
		if bytes.Contains(body.Bytes(), []byte("first piece\n")) {
			open()
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return // the answer does not come, and the test says so
		}
	}
	w.WriteHeader(http.StatusAccepted)
	l.answers <- posted{r.Method + " " + r.URL.Path, r.Header.Get(runtimeapi.HeaderResponseMode), r.Header.Get("Content-Type"), r.TransferEncoding, body.String(), r.Trailer.Clone()}
}
