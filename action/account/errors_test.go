package account

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// TestErrorsOfAWS: whoever reads an error of AWS hears what to do about it.
func TestErrorsOfAWS(t *testing.T) {
	stand := newStand(t)
	for name, c := range map[string]struct {
		answer failure
		want   string // of the hint
	}{
		"missing permission":  {refusal(403, "AccessDeniedException"), "firedrill policy FILE"},
		"expired credentials": {refusal(403, "ExpiredTokenException"), "sign in to AWS again"},
		"unknown credentials": {refusal(403, "UnrecognizedClientException"), "check the profile"},
		"no such region": {failure{"", func(http.RoundTripper, *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "lambda.eu-nowhere-1.amazonaws.com", IsNotFound: true}}
		}}, "is the region right"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSubject(t, stand, concurrencyFixture())
			for call, try := range map[string]func() error{
				"find": func() error {
					_, err := s.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: s.kind, Target: s.target}, params())
					return err
				},
				"prepare": func() error { _, err := s.change.Prepare(t.Context()); return err },
			} {
				s.failAt(1, c.answer)
				err := try()
				s.heal()
				var refused *action.Refused
				if !errors.As(err, &refused) || !strings.Contains(refused.Tip, c.want) {
					t.Errorf("%s: %v, want a hint ...%s...", call, err, c.want)
				}
			}
			s.restored(t)
		})
	}
}

// refusal is an error as AWS Lambda answers it.
func refusal(status int, code string) failure {
	return failure{code, func(_ http.RoundTripper, r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {code}, "Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(`{"message":"no"}`)), Request: r}, nil
	}}
}

// TestDeletedMidRun: a target that is deleted while its fault is there needs no undo, and proves nothing.
func TestDeletedMidRun(t *testing.T) {
	s := newSubject(t, newStand(t), concurrencyFixture())
	undo := s.apply(t)
	if _, err := lambda.NewFromConfig(s.cfg).DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String("inventory")}); err != nil {
		t.Fatal(err)
	}
	if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 0 {
		t.Errorf("Proof = %+v, %v", p, err)
	}
	var drift *action.Drift
	if err := s.change.Revert(t.Context(), undo); !errors.As(err, &drift) || !strings.Contains(drift.What, "deleted") {
		t.Errorf("Revert = %v", err)
	}
}

// TestRecordsOfOthers: an undo record that this version does not know is refused, and nothing is asked of AWS.
func TestRecordsOfOthers(t *testing.T) {
	f := NewFactory(Deps{Config: func(context.Context, string, Place, string) (aws.Config, error) {
		t.Error("access was asked for")
		return aws.Config{}, nil
	}})
	if _, err := f.Restore("lambda-teapot"); err == nil {
		t.Error("an unknown kind was taken")
	}
	r, err := f.Restore("lambda-concurrency")
	if err != nil {
		t.Fatal(err)
	}
	for _, undo := range []string{``, `{`, `[]`, `{"v":2}`, `{"v":0}`} {
		if err := r.Revert(t.Context(), []byte(undo)); err == nil {
			t.Errorf("undo record %q was taken", undo)
		}
	}
	embedded := `{"v":1,"kind":"lambda-concurrency","place":{"endpoint":"http://127.0.0.1:1","embedded":true},"id":"x","before":null,"after":0}`
	if err := r.Revert(t.Context(), []byte(embedded)); err != nil {
		t.Errorf("what went with its process: %v", err)
	}
}
