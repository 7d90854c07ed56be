package awsfault_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/awsfault"
	"github.com/firedrill-dev/firedrill/fault"
)

func TestInstallDisabled(t *testing.T) {
	var cfg aws.Config
	awsfault.Install(&cfg, firedrill.WithGetenv(noEnv))
	if len(cfg.APIOptions) != 0 {
		t.Error("a disabled Firedrill leaves middleware behind")
	}
}

// Two configurations made from one do not share what is installed.
func TestInstallDoesNotLeak(t *testing.T) {
	base := aws.Config{APIOptions: make([]func(*middleware.Stack) error, 0, 4)}
	one, two := base.Copy(), base
	awsfault.Install(&two, (&world{}).options(t, `{}`)...)
	if len(two.APIOptions) != 1 || len(one.APIOptions) != 0 || base.APIOptions[:1][0] != nil {
		t.Error("the middleware reached a configuration that nobody installed it in")
	}
}

// A connection that is reset looks as one that net/http saw, and is tried again.
func TestReset(t *testing.T) {
	w := newWorld(t, member(t, fault.Attributes{"service": "dynamodb", "error": "reset"}))
	err := calls["dynamodb"](t.Context(), w.cfg)
	if _, ok := errors.AsType[*net.OpError](err); !errors.Is(err, syscall.ECONNRESET) || !ok {
		t.Errorf("%v", err)
	}
	if n := len(w.log.records()); n != 3 || w.served.Load() != 0 {
		t.Errorf("%d attempts, %d served", n, w.served.Load())
	}
}

// nowhere is an HTTP client's transport that must not be used in fake time, and what it is a part of.
func nowhere(t *testing.T, document string, client aws.HTTPClient) (*log, aws.Config) {
	w := &world{}
	cfg := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = 2
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		},
	}
	awsfault.Install(&cfg, w.options(t, document)...)
	return &w.log, cfg
}

// A call that hangs ends with the client's timeout, which the SDK tries again, or the context, which it does not.
func TestHang(t *testing.T) {
	document := member(t, fault.Attributes{"service": "dynamodb", "hang": true})
	late := member(t, fault.Attributes{"service": "dynamodb", "delay": "1h"})
	tests := []struct {
		name, document string
		client         aws.HTTPClient
		attempts       int
		took           time.Duration
		is             func(error) bool
	}{
		{"the client's timeout", document, awshttp.NewBuildableClient().WithTimeout(2 * time.Second), 2, 4 * time.Second, isTimeout},
		{"that of an http.Client", document, &http.Client{Timeout: time.Second}, 2, 2 * time.Second, isTimeout},
		{"the client's read timeout", document, awshttp.NewBuildableClient().WithReadTimeout(3 * time.Second), 2, 6 * time.Second, is[*awshttp.ResponseTimeoutError]()},
		{"the transport's", document, &http.Client{Transport: &http.Transport{ResponseHeaderTimeout: time.Second}}, 2, 2 * time.Second, isTimeout},
		{"the context", document, nil, 1, 10 * time.Second, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{"a delay beyond the timeout", late, &http.Client{Timeout: time.Second}, 2, 2 * time.Second, isTimeout},
		{"a delay beyond the context", late, nil, 1, 10 * time.Second, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, cfg := nowhere(t, test.document, test.client)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				err := calls["dynamodb"](ctx, cfg)
				if took := time.Since(start); took != test.took || !test.is(err) {
					t.Errorf("%v after %v, want %v", err, took, test.took)
				}
				if n := len(log.records()); n != test.attempts {
					t.Errorf("%d attempts, want %d", n, test.attempts)
				}
			})
		})
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// A late call is never early, and arrives; a late error comes late, and nothing arrives.
func TestLatency(t *testing.T) {
	const delay = 20 * time.Millisecond
	for code, served := range map[string]int32{"": 1, "AccessDeniedException": 0} {
		attributes := fault.Attributes{"service": "dynamodb", "delay": delay.String()}
		if code != "" {
			attributes["error"] = code
		}
		w := newWorld(t, member(t, attributes))
		start := time.Now()
		err := calls["dynamodb"](t.Context(), w.cfg)
		if took := time.Since(start); took < delay || (err != nil) != (code != "") || w.served.Load() != served || len(w.log.records()) != 1 {
			t.Errorf("%q: %v after %v, served %d", code, err, took, w.served.Load())
		}
	}
}

// A body is sent whole after the wait.
func TestLatencyKeepsTheBody(t *testing.T) {
	w := newWorld(t, member(t, fault.Attributes{"service": "s3", "delay": "1ms"}))
	var got string
	w.answer = func(_ http.ResponseWriter, _ *http.Request, body []byte) { got = string(body) }
	if err := calls["s3"](t.Context(), w.cfg); err != nil || !strings.Contains(got, "x") {
		t.Errorf("sent %q, %v", got, err)
	}
}

// perDocument hits half of the decisions.
func perDocument(per string) string {
	return `{"awscall": {"enabled": true, "percentage": 50, "service": "dynamodb", "error": "throttling", "per": "` + per + `"}, "firedrill": {"seed": 7}}`
}

// Per attempt, retries get through as often as half of three tries must; per call, what is hit stays hit.
func TestPer(t *testing.T) {
	for per, wants := range map[string]func(attempts int, failed bool) bool{
		"call":    func(attempts int, failed bool) bool { return attempts == 0 && !failed || attempts == 3 && failed },
		"attempt": func(attempts int, failed bool) bool { return failed == (attempts == 3) },
	} {
		w := newWorld(t, perDocument(per))
		failures, recovered := 0, 0
		for range 40 {
			before := len(w.log.records())
			err := calls["dynamodb"](t.Context(), w.cfg)
			attempts := len(w.log.records()) - before
			if !wants(attempts, err != nil) {
				t.Errorf("%s: %d attempts were hit, then %v", per, attempts, err)
			}
			if err != nil {
				failures++
			} else if attempts > 0 {
				recovered++
			}
		}
		if failures == 0 || failures == 40 || (recovered > 0) != (per == "attempt") {
			t.Errorf("%s: %d of 40 calls failed, %d recovered", per, failures, recovered)
		}
	}
}

// One seed decides alike, whichever process asks.
func TestSameSeed(t *testing.T) {
	run := func() (outcome string) {
		w := newWorld(t, perDocument("attempt"))
		err := w.invoke(t, perDocument("attempt"), `{}`, func(ctx context.Context) error {
			for range 20 {
				if calls["dynamodb"](ctx, w.cfg) != nil {
					outcome += "x"
				} else {
					outcome += "."
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return outcome
	}
	if one, two := run(), run(); one != two || !strings.Contains(one, "x") || !strings.Contains(one, ".") {
		t.Errorf("%s and %s", one, two)
	}
}

// Calls are matched by the invocation that makes them.
func TestKnowsTheInvocation(t *testing.T) {
	document := `{"awscall": {"enabled": true, "service": "*", "error": "access-denied", "match": [{"path": "sku", "value": "A1"}]}}`
	w := newWorld(t, document)
	for sku, hit := range map[string]bool{"A1": true, "B2": false} {
		err := w.invoke(t, document, `{"sku":"`+sku+`"}`, func(ctx context.Context) error { return calls["ssm"](ctx, w.cfg) })
		if (err != nil) != hit {
			t.Errorf("%s: %v", sku, err)
		}
	}
}

// A dry run counts and changes nothing; an expired lease does neither.
func TestSpared(t *testing.T) {
	for extra, records := range map[string]int{`{"dry_run": true}`: 1, `{"expires_at": "2020-01-01T00:00:00Z"}`: 0} {
		w := newWorld(t, `{"awscall": {"enabled": true, "service": "dynamodb", "hang": true}, "firedrill": `+extra+`}`)
		err := calls["dynamodb"](t.Context(), w.cfg)
		if got := w.log.records(); err != nil || w.served.Load() != 1 || len(got) != records || (records > 0 && got[0].Fired != 0) {
			t.Errorf("%s: %v, %v", extra, err, got)
		}
	}
}

// Presigning sends nothing, and is spared.
func TestPresign(t *testing.T) {
	w := newWorld(t, member(t, fault.Attributes{"service": "s3", "error": "internal"}))
	_, err := s3.NewPresignClient(s3.NewFromConfig(w.cfg)).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
	if err != nil || len(w.log.records()) != 0 {
		t.Errorf("%v, %v", err, w.log.records())
	}
}
