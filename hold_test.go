package firedrill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

const everyResource = `{"diskspace":{"enabled":true,"disk_space":1},"memory":{"enabled":true,"memory_mb":1},
	"cpu":{"enabled":true,"cores":1},"filedescriptors":{"enabled":true,"descriptors":3}%s}`

// Whatever becomes of an invocation, the next one finds the resources free: a process holds each once.
func TestResourcesAreGivenBack(t *testing.T) {
	fails := bytesHandler(func(context.Context, []byte) ([]byte, error) { return nil, errors.New("boom") })
	panics := bytesHandler(func(context.Context, []byte) ([]byte, error) { panic("boom") })
	answers := bytesHandler(func(context.Context, []byte) ([]byte, error) { return []byte("{}"), nil })
	for _, c := range []struct {
		name    string
		handler any
		more    string
	}{
		{"answer", answers, ""},
		{"error", fails, ""},
		{"panic", panics, ""},
		{"exception", answers, `,"exception":{"enabled":true}`},
		{"fail-after", answers, `,"fail-after":{"enabled":true}`},
		{"stream", func() (io.Reader, error) { return strings.NewReader("text"), nil }, ""},
		{"stream, fail-after", func() (io.Reader, error) { return strings.NewReader("text"), nil }, `,"fail-after":{"enabled":true}`},
		{"stream, corruption", func() (io.Reader, error) { return strings.NewReader("text"), nil }, `,"corruption":{"enabled":true,"body":"x"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			wrapped := lambda.NewHandler(firedrill.Wrap(c.handler, armedWith(t, strings.Replace(everyResource, "%s", c.more, 1)),
				firedrill.WithLog(&log), firedrill.WithGetenv(noEnv)))
			for range 3 {
				log.Reset()
				invokeOnce(t, wrapped)
				want := []counted{{fault.DiskSpace, 1, ""}, {fault.Memory, 1, ""}, {fault.CPU, 1, ""}, {fault.FileDescriptors, 1, ""}}
				got := records(log.Bytes())
				if diff := cmp.Diff(want, got[:min(len(got), 4)]); diff != "" {
					t.Fatalf("records (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// invokeOnce is an invocation as Lambda's library makes it: its context ends with it, and panics stop there.
func invokeOnce(t *testing.T, h lambda.Handler) {
	defer func() { _ = recover() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, _ = h.Invoke(ctx, []byte("{}"))
}

// streamOf calls a wrapped handler as Lambda's library does, and leaves the stream unread.
func streamOf(t *testing.T, handler any) (io.Reader, error) {
	f := reflect.ValueOf(handler)
	results := f.Call([]reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf([]byte("{}")).Convert(f.Type().In(1))})
	err, _ := results[1].Interface().(error)
	r, _ := results[0].Interface().(io.Reader)
	return r, err
}

// A stream holds the resources until it is closed, not until the handler has returned.
func TestResourcesAreHeldWhileStreaming(t *testing.T) {
	var log bytes.Buffer
	wrapped := firedrill.Wrap(func() (io.Reader, error) { return strings.NewReader("text"), nil },
		armedWith(t, `{"memory":{"enabled":true,"memory_mb":1}}`), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv))
	first, err := streamOf(t, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	second, err := streamOf(t, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(first.(io.Closer).Close(), second.(io.Closer).Close()); err != nil {
		t.Error(err)
	}
	if _, err := streamOf(t, wrapped); err != nil {
		t.Error(err)
	}
	want := []counted{{fault.Memory, 1, ""}, {fault.Memory, 0, "another invocation in this process holds it"}, {fault.Memory, 1, ""}}
	if diff := cmp.Diff(want, records(log.Bytes())); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
