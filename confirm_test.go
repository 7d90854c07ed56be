package firedrill_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

// stale is a source whose set was stopped, or changed, since it was read.
type stale struct {
	read, now *fault.Set
	confirmed int
}

func (s *stale) Faults(time.Time) *fault.Set { return s.read }

func (s *stale) Confirm(context.Context, time.Time) *fault.Set {
	s.confirmed++
	s.read = s.now
	return s.now
}

func set(t *testing.T, document string) *fault.Set {
	t.Helper()
	s, problems := fault.Parse([]byte(document))
	for _, p := range problems {
		t.Fatal(p)
	}
	return s
}

// What would be hit is confirmed first; what is spared never is, since that may take a moment.
func TestHitsAreConfirmed(t *testing.T) {
	const hits = `{"exception":{"enabled":true}}`
	for _, test := range []struct {
		name, read, now string // "": nothing is armed
		confirmed       int
		failed          bool
	}{
		{"stopped", hits, "", 1, false},
		{"emptied", hits, `{}`, 1, false},
		{"now spared", hits, spares, 1, false},
		{"as it was", hits, hits, 1, true},
		{"spared", spares, hits, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &stale{read: set(t, test.read)}
			if test.now != "" {
				s.now = set(t, test.now)
			}
			handler := firedrill.Wrap(func() error { return nil }, firedrill.WithSource(s), firedrill.WithGetenv(noEnv))
			_, err := lambda.NewHandler(handler).Invoke(t.Context(), []byte("{}"))
			if (err != nil) != test.failed || s.confirmed != test.confirmed {
				t.Errorf("error %v, confirmed %d times", err, s.confirmed)
			}
		})
	}
}

func TestOutgoingHitsAreConfirmed(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := &stale{read: set(t, `{"outgoing":{"enabled":true,"hosts":["127.0.0.1:*"],"status_code":503}}`)}
	client := &http.Client{Transport: firedrill.Transport(server.Client().Transport, firedrill.WithSource(s), firedrill.WithGetenv(noEnv))}
	if res, err := client.Get(server.URL); err != nil || res.Body.Close() != nil || s.confirmed != 1 {
		t.Errorf("%v, confirmed %d times", err, s.confirmed)
	}
}

func TestAWSCallHitsAreConfirmed(t *testing.T) {
	s := &stale{read: set(t, `{"awscall":{"enabled":true,"service":"s3","error":"throttling"}}`)}
	call := firedrill.NewAWSCalls(firedrill.WithSource(s), firedrill.WithGetenv(noEnv)).Call("s3", "GetObject")
	if a, hit := call.Attempt(t.Context()); hit || s.confirmed != 1 {
		t.Errorf("%+v, confirmed %d times", a, s.confirmed)
	}
}
