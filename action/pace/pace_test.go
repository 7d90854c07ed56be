package pace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// answers is a Lambda that answers by a script, then well.
type answers struct {
	script []answer
	asked  atomic.Int64
}

type answer struct {
	status int
	code   string
}

// RoundTrip implements http.RoundTripper: no network, so that time can be the test's.
func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	n := int(a.asked.Add(1)) - 1
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	if n < len(a.script) {
		if a.script[n].status == 0 {
			return nil, errors.New("connection reset by peer")
		}
		w.Header().Set("X-Amzn-Errortype", a.script[n].code)
		w.WriteHeader(a.script[n].status)
		_, _ = w.WriteString(`{"message":"no"}`)
	} else {
		_, _ = w.WriteString(`{}`)
	}
	return w.Result(), nil
}

func (a *answers) client(p *Pacer, region, account, endpoint string) *lambda.Client {
	return lambda.NewFromConfig(p.Configure(aws.Config{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: &http.Client{Transport: a},
	}, account))
}

const aws1 = "https://lambda.eu-west-1.amazonaws.com"

func get(ctx context.Context, c *lambda.Client) error {
	_, err := c.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("f")})
	return err
}

// TestRetries: throttles, 5xx and a broken network are tried again, and nothing else.
func TestRetries(t *testing.T) {
	times := func(n int, a answer) []answer {
		var out []answer
		for range n {
			out = append(out, a)
		}
		return out
	}
	for _, test := range []struct {
		name   string
		script []answer
		calls  int64
		fails  string
	}{
		{"well", nil, 1, ""},
		{"throttled", times(5, answer{429, "TooManyRequestsException"}), 6, ""},
		{"throttled by code", times(2, answer{400, "ThrottlingException"}), 3, ""},
		{"throttled without a code", times(2, answer{429, ""}), 3, ""},
		{"failing", times(3, answer{500, "ServiceException"}), 4, ""},
		{"unavailable", times(1, answer{503, ""}), 2, ""},
		{"broken network", times(2, answer{}), 3, ""},
		{"nobody there", times(100, answer{}), maxBroken, "-"},
		{"refused", times(1, answer{403, "AccessDeniedException"}), 1, "AccessDeniedException"},
		{"not there", times(1, answer{404, "ResourceNotFoundException"}), 1, "ResourceNotFoundException"},
		{"changed meanwhile", times(1, answer{412, "PreconditionFailedException"}), 1, "PreconditionFailedException"},
		{"full", times(1, answer{400, "LimitExceededException"}), 1, "LimitExceededException"},
		{"on and on", times(100, answer{429, "TooManyRequestsException"}), maxAttempts, "TooManyRequestsException"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{script: test.script}
				start := time.Now()
				err := get(t.Context(), a.client(New(Options{}), "eu-west-1", "1", aws1))
				if (err != nil) != (test.fails != "") || a.asked.Load() != test.calls {
					t.Errorf("%d calls, %v", a.asked.Load(), err)
				}
				var coded smithy.APIError
				if len(test.fails) > 1 && (!errors.As(err, &coded) || coded.ErrorCode() != test.fails) {
					t.Errorf("the error is %v, want %s", err, test.fails)
				}
				if took := time.Since(start); took > budget+maxPause {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// TestBudget: after a while nothing is tried again, and the error is AWS's own.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{script: []answer{{500, "ServiceException"}, {500, "ServiceException"}, {500, "ServiceException"}}}
		slow := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(budget * 2 / 3)
			return a.RoundTrip(r)
		})
		cfg := New(Options{}).Configure(aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), HTTPClient: &http.Client{Transport: slow}}, "1")
		err := get(t.Context(), lambda.NewFromConfig(cfg))
		var coded smithy.APIError
		if a.asked.Load() != 2 || !errors.As(err, &coded) || coded.ErrorCode() != "ServiceException" {
			t.Errorf("%d calls, %v", a.asked.Load(), err)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOneBucketForEachAccountAndRegion: clients share what AWS makes them share, and nothing else.
func TestOneBucketForEachAccountAndRegion(t *testing.T) {
	for _, test := range []struct {
		name              string
		regions, accounts [2]string
		endpoint          string
		scale             float64
		want              time.Duration // of 60 calls by each of two clients at 15 a second
	}{
		{"one account", [2]string{"eu-west-1", "eu-west-1"}, [2]string{"1", "1"}, aws1, 1, 8 * time.Second},
		{"two accounts", [2]string{"eu-west-1", "eu-west-1"}, [2]string{"1", "2"}, aws1, 1, 4 * time.Second},
		{"two regions", [2]string{"eu-west-1", "us-east-1"}, [2]string{"1", "1"}, aws1, 1, 4 * time.Second},
		{"a higher limit", [2]string{"eu-west-1", "eu-west-1"}, [2]string{"1", "1"}, aws1, 4, 2 * time.Second},
		{"this machine", [2]string{"eu-west-1", "eu-west-1"}, [2]string{"1", "1"}, "http://127.0.0.1:1", 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, a := New(Options{Scale: test.scale}), &answers{}
				start := time.Now()
				done := make(chan error)
				for i := range 2 {
					c := a.client(p, test.regions[i], test.accounts[i], test.endpoint)
					go func() {
						for range 60 {
							if err := get(t.Context(), c); err != nil {
								done <- err
								return
							}
						}
						done <- nil
					}()
				}
				for range 2 {
					if err := <-done; err != nil {
						t.Fatal(err)
					}
				}
				took := time.Since(start)
				if took < test.want*85/100 || took > test.want*115/100 {
					t.Errorf("took %s, want about %s", took, test.want)
				}
			})
		})
	}
}

// TestInvocationsAreNotHeldUp: what experiments measure is sent at once, and not sent twice because it was throttled.
func TestInvocationsAreNotHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{}
		c := a.client(New(Options{}), "eu-west-1", "1", aws1)
		start := time.Now()
		for range 200 {
			if _, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")}); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) > 0 {
			t.Errorf("took %s", time.Since(start))
		}
		a = &answers{script: []answer{{429, "TooManyRequestsException"}}}
		_, err := a.client(New(Options{}), "eu-west-1", "1", aws1).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("f")})
		var throttled *types.TooManyRequestsException
		if a.asked.Load() != 1 || !errors.As(err, &throttled) {
			t.Errorf("%d calls, %v", a.asked.Load(), err)
		}
	})
}

// TestStoppedWhileWaiting: a call that waits for its turn ends when its context does, and says so.
func TestStoppedWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &answers{script: []answer{{429, "TooManyRequestsException"}, {429, "TooManyRequestsException"}, {429, "TooManyRequestsException"}}}
		c := a.client(New(Options{Scale: 0.01}), "eu-west-1", "1", aws1)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := get(ctx, c)
		if err == nil || time.Since(start) > 2*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// TestRetryAfter: AWS says how long to wait, within reason.
func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{"": 0, "3": 3 * time.Second, "soon": 0, "-5": 0, "999999999": time.Minute} {
		w := httptest.NewRecorder()
		w.Header().Set("Retry-After", header)
		err := fmt.Errorf("x: %w", &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: w.Result()}, Err: errors.New("no")})
		if got := asked(err); got != want {
			t.Errorf("%q: %s", header, got)
		}
		for attempt := range 12 {
			if p, err := pause(attempt, err); err != nil || p > maxPause {
				t.Errorf("pause %s, %v", p, err)
			}
		}
	}
	if got := asked(errors.New("x")); got != 0 {
		t.Error(got)
	}
}
