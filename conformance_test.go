package firedrill_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/fault"
)

// fixed is a source that never changes.
type fixed struct{ set *fault.Set }

func (f fixed) Faults(time.Time) *fault.Set { return f.set }

// bytesHandler is a lambda.Handler.
type bytesHandler func(ctx context.Context, event []byte) ([]byte, error)

func (h bytesHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) { return h(ctx, event) }

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

func noEnv(string) string { return "" }

// The SDK does what the shared vectors say: results, delays (exactly, in fake time) and records.
func TestVectors(t *testing.T) {
	vectors, err := fault.LoadVectors(os.DirFS("fault/testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			set, _ := fault.Parse(v.Source())
			for _, c := range v.Cases {
				synctest.Test(t, func(t *testing.T) {
					time.Sleep(time.Until(v.Now)) // fake time
					conform(t, set, c)
				})
			}
		})
	}
}

// conform runs one case of a vector through Wrap and Transport.
func conform(t *testing.T, set *fault.Set, c fault.VectorCase) {
	t.Helper()
	var log bytes.Buffer
	options := []firedrill.Option{firedrill.WithSource(fixed{set}), firedrill.WithLog(&log), firedrill.WithGetenv(noEnv)}
	ran := false
	handler := firedrill.Wrap(bytesHandler(func(ctx context.Context, event []byte) ([]byte, error) {
		ran = true
		if want := delivered(c); string(event) != want {
			t.Errorf("%s: the handler got %s, want %s", c.RequestID, event, want)
		}
		if c.Host != "" {
			checkOutgoing(ctx, t, c, options)
		}
		if c.Request != nil {
			checkAWSCall(ctx, t, c, options)
		}
		return []byte(c.Response), nil
	}), options...).(interface {
		Invoke(context.Context, []byte) ([]byte, error)
	})

	inv := c.Invocation()
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: inv.RequestID})
	if !inv.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, inv.Deadline)
		defer cancel()
	}
	start := time.Now()
	out, err := handler.Invoke(ctx, inv.Event)
	if elapsed, want := time.Since(start), totalDelay(c); (elapsed - want).Abs() >= time.Microsecond {
		t.Errorf("%s: took %v, want %v", c.RequestID, elapsed, want)
	}
	checkResult(t, c, out, err)
	if ends := c.Failed || (len(c.Before) > 0 && c.Before[len(c.Before)-1].Status != 0); ran == ends && len(c.After) == 0 {
		t.Errorf("%s: the handler ran: %v", c.RequestID, ran)
	}
	if diff := cmp.Diff(wantRecords(c), records(log.Bytes())); diff != "" {
		t.Errorf("%s: records (-want +got):\n%s", c.RequestID, diff)
	}
}

func totalDelay(c fault.VectorCase) (sum time.Duration) {
	all := append([]fault.VectorInjection(nil), c.Before...)
	if c.Outgoing != nil {
		all = append(all, *c.Outgoing)
	}
	if c.Start != nil {
		all = append(all, *c.Start)
	}
	if c.AWSCall != nil {
		all = append(all, *c.AWSCall)
	}
	for _, i := range all {
		if d, err := time.ParseDuration(i.Delay); err == nil && i.Skip == "" {
			sum += d
		}
	}
	return sum
}

func checkResult(t *testing.T, c fault.VectorCase, out []byte, err error) {
	t.Helper()
	if !c.Failed {
		want := c.Result
		if want == "" {
			want = c.Response
		}
		if err != nil || string(out) != want {
			t.Errorf("%s: result %s, %v, want %s", c.RequestID, out, err, want)
		}
		return
	}
	var want, got struct{ ErrorMessage, ErrorType string }
	var reported messages.InvokeResponse_Error
	if !errors.As(err, &reported) {
		t.Errorf("%s: error %v is not one that the Lambda library reports as it is", c.RequestID, err)
		return
	}
	if err := json.Unmarshal([]byte(c.Result), &want); err != nil {
		t.Fatal(err)
	}
	got.ErrorMessage, got.ErrorType = reported.Message, reported.Type
	if got != want {
		t.Errorf("%s: error %+v, want %+v", c.RequestID, got, want)
	}
}

// checkAWSCall makes as many calls and attempts as it takes to come to the one that the case is about.
func checkAWSCall(ctx context.Context, t *testing.T, c fault.VectorCase, options []firedrill.Option) {
	t.Helper()
	silent := append(slices.Clone(options), firedrill.WithLog(io.Discard))
	earlier := firedrill.NewAWSCalls(silent...)
	for range c.Request.Number - 1 {
		earlier.Call(c.Request.Service, c.Request.Operation).Attempt(ctx)
	}
	call := firedrill.NewAWSCalls(options...).Call(c.Request.Service, c.Request.Operation)
	for n := range c.Request.Attempt {
		a, hit := call.Attempt(ctx)
		if n < c.Request.Attempt-1 {
			continue
		}
		want := c.AWSCall
		if want == nil || want.Skip != "" {
			if hit {
				t.Errorf("%+v: hit", *c.Request)
			}
			return
		}
		if !hit || a.ErrorType != want.ErrorType || a.Status != want.Status || a.Hang != want.Hang || a.Partial != want.Partial {
			t.Errorf("%+v: %v %+v, want %+v", *c.Request, hit, a.Injection, *want)
			return
		}
		a.Fired()
		if err := a.Wait(ctx); err != nil {
			t.Error(err)
		}
	}
}

func checkOutgoing(ctx context.Context, t *testing.T, c fault.VectorCase, options []firedrill.Option) {
	t.Helper()
	sent := false
	base := roundTripper(func(req *http.Request) (*http.Response, error) {
		sent = true
		return &http.Response{StatusCode: 299, Body: http.NoBody, Request: req}, nil
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+strings.ToUpper(c.Host)+"/x", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	res, err := firedrill.Transport(base, options...).RoundTrip(req)
	switch {
	case c.Outgoing == nil || (!c.Outgoing.Refuse && c.Outgoing.Status == 0):
		if err != nil || !sent || res.StatusCode != 299 {
			t.Errorf("%s: the request should pass: %v", c.Host, err)
		}
	case c.Outgoing.Refuse:
		if !errors.Is(err, syscall.ECONNREFUSED) || sent {
			t.Errorf("%s: error %v, sent %v, want a refused connection", c.Host, err, sent)
		}
	default:
		body, readErr := io.ReadAll(res.Body)
		if err != nil || readErr != nil || sent || res.StatusCode != c.Outgoing.Status || string(body) != c.Outgoing.Body {
			t.Errorf("%s: answer %d %s, %v", c.Host, res.StatusCode, body, err)
		}
	}
}

// counted is what a record must say.
type counted struct {
	Kind   fault.Kind
	Fired  int64
	Reason string
}

func wantRecords(c fault.VectorCase) (want []counted) {
	add := func(i fault.VectorInjection) {
		reason := i.Skip + i.Reason
		fired := int64(1)
		if reason != "" {
			fired = 0
		}
		want = append(want, counted{i.Kind, fired, reason})
	}
	if c.Start != nil {
		add(*c.Start)
	}
	for _, i := range c.Before {
		add(i)
	}
	if c.Outgoing != nil {
		add(*c.Outgoing)
	}
	if c.AWSCall != nil {
		add(*c.AWSCall)
	}
	for _, i := range c.After {
		add(i)
	}
	return want
}

func records(log []byte) (got []counted) {
	for line := range bytes.Lines(log) {
		if r, ok := fault.ParseRecord(line); ok {
			got = append(got, counted{r.Kind, r.Fired, r.Reason})
		}
	}
	return got
}

func delivered(c fault.VectorCase) string {
	if c.Delivered != "" {
		return c.Delivered
	}
	return string(c.Invocation().Event)
}
