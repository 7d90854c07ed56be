package firedrill_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

// The second delivery brings the event that the first one brought, and cannot harm the first one's answer.
func TestRedelivery(t *testing.T) {
	for _, c := range []struct {
		name   string
		second func() ([]byte, error)
		answer string // attribute
		want   string
		note   string
	}{
		{"alike", func() ([]byte, error) { return []byte(`{ "b": 1, "a": 2 }`), nil }, "first", `{"a":2,"b":1}`, fault.AnsweredAlike},
		{"different", func() ([]byte, error) { return []byte(`{"a":3}`), nil }, "first", `{"a":2,"b":1}`, fault.AnsweredDifferently},
		{"the second counts", func() ([]byte, error) { return []byte(`{"a":3}`), nil }, "second", `{"a":3}`, fault.AnsweredDifferently},
		{"fails", func() ([]byte, error) { return nil, errors.New("boom") }, "first", `{"a":2,"b":1}`, fault.AnsweredOnce},
		{"panics", func() ([]byte, error) { panic("boom") }, "first", `{"a":2,"b":1}`, fault.AnsweredOnce},
		{"fails and counts", func() ([]byte, error) { return nil, errors.New("boom") }, "second", "", fault.AnsweredOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			calls := 0
			handler := bytesHandler(func(_ context.Context, event []byte) ([]byte, error) {
				if string(event) != `{"n":1}` {
					t.Errorf("call %d got %s", calls, event)
				}
				clear(event) // a handler may do as it likes with its event
				if calls++; calls == 1 {
					return []byte(`{"a":2,"b":1}`), nil
				}
				return c.second()
			})
			wrapped := lambda.NewHandler(firedrill.Wrap(handler, firedrill.WithLog(&log), firedrill.WithGetenv(noEnv),
				armedWith(t, `{"redelivery":{"enabled":true,"answer":"`+c.answer+`"}}`)))
			out, err := wrapped.Invoke(t.Context(), []byte(`{"n":1}`))
			if string(out) != c.want || (err != nil) != (c.want == "") || calls != 2 {
				t.Errorf("answer %s, %v after %d calls, want %s", out, err, calls, c.want)
			}
			r, ok := fault.ParseRecord(log.Bytes())
			if !ok || r.Fired != 1 || r.Note != c.note {
				t.Errorf("record %+v, want the note %q", r, c.note)
			}
		})
	}
}

func TestRedeliveryOfStreams(t *testing.T) {
	var log bytes.Buffer
	calls := 0
	wrapped := firedrill.Wrap(func() (io.Reader, error) {
		calls++
		return strings.NewReader(strings.Repeat("text", calls)), nil
	}, armedWith(t, `{"redelivery":{"enabled":true}}`), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv))
	stream, err := streamOf(t, wrapped)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(stream)
	if err != nil || string(text) != "text" || calls != 2 {
		t.Errorf("stream %s, %v after %d calls", text, err, calls)
	}
	if r, _ := fault.ParseRecord(log.Bytes()); r.Note != fault.AnsweredDifferently {
		t.Errorf("record %+v", r)
	}
}

func TestRedeliveryOfAFailure(t *testing.T) {
	var log bytes.Buffer
	wrapped := lambda.NewHandler(firedrill.Wrap(func() error { return errors.New("boom") },
		armedWith(t, `{"redelivery":{"enabled":true}}`), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv)))
	if _, err := wrapped.Invoke(t.Context(), []byte("{}")); err == nil {
		t.Error("the handler's error is lost")
	}
	if r, _ := fault.ParseRecord(log.Bytes()); r.Fired != 0 || r.Reason != "the handler itself failed" {
		t.Errorf("record %+v", r)
	}
}
