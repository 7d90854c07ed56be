package pace

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

// TestBucketKeepsItsRate: however many want a turn, they get it at a little less than the limit.
func TestBucketKeepsItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("test", 15, false)
		start := time.Now()
		for range 150 {
			if err := b.turn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start).Seconds(); took < 10 || took > 11 {
			t.Errorf("150 turns at 15 a second took %.2f s", took)
		}
	})
}

// TestBucketSlowsDownAndRecovers: half of it for each throttle that tells something new, never nothing, and bit by bit
// back to the limit.
func TestBucketSlowsDownAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("test", 20, false)
		full := b.full
		is := func(when string, want float64) {
			t.Helper()
			if got := b.present(); math.Abs(got-want) > 0.01 {
				t.Errorf("%s: %.2f a second, want %.2f", when, got, want)
			}
		}
		sent := time.Now()
		time.Sleep(time.Millisecond)
		for range 16 { // all that were under way
			b.throttled(sent)
		}
		is("throttled at once", full/2)
		b.throttled(time.Now())
		is("throttled again", full/4)
		for range 10 {
			b.throttled(time.Now())
		}
		is("throttled on and on", full*floor)
		time.Sleep(regain / 4)
		b.grow()
		is("after a while", full*(floor+0.25))
		time.Sleep(regain)
		b.grow()
		is("in the end", full)
	})
}

// TestOpenBucket: a stand-in has no limit until it throttles; then it has the service's.
func TestOpenBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("test", 10, true)
		start := time.Now()
		for range 1000 {
			if err := b.turn(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if time.Since(start) > 0 {
			t.Error("it made somebody wait")
		}
		b.throttled(time.Now())
		if got := b.present(); got != b.full/2 {
			t.Errorf("%g a second", got)
		}
		time.Sleep(time.Minute)
		b.grow()
		if got := b.present(); got != b.full {
			t.Errorf("%g a second", got)
		}
	})
}

// TestTurnEndsWithItsContext: nobody waits for a turn that comes too late, and the error says what was waited for.
func TestTurnEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBucket("slow", 0.1, false)
		if err := b.turn(t.Context()); err != nil {
			t.Fatal(err)
		}
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.turn(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("too late: %v", err)
		}
		lunch := errors.New("lunch")
		stopped, stop := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { stop(lunch) })
		start := time.Now()
		if err := b.turn(stopped); !errors.Is(err, lunch) || time.Since(start) != time.Second {
			t.Errorf("stopped: %v after %s", err, time.Since(start))
		}
	})
}

func TestLimits(t *testing.T) {
	for _, test := range []struct {
		service, operation string
		rate               float64
		bucket             string
	}{
		{"Lambda", "Invoke", 0, ""},
		{"Lambda", "InvokeWithResponseStream", 0, ""},
		{"Lambda", "GetFunction", 100, "Lambda GetFunction"},
		{"Lambda", "GetPolicy", 15, "Lambda GetPolicy"},
		{"Lambda", "GetFunctionConfiguration", 15, "Lambda"},
		{"Lambda", "PutFunctionConcurrency", 15, "Lambda"},
		{"Route 53", "UpdateHealthCheck", 5, "Route 53"},
		{"API Gateway", "UpdateStage", 10, "apigateway"},
		{"ApiGatewayV2", "UpdateApi", 10, "apigateway"},
		{"EC2", "StopInstances", 5, "EC2 StopInstances"},
		{"SSM", "GetParameters", 40, "SSM read"},
		{"SSM", "GetParameter", 40, "SSM read"},
		{"SSM", "PutParameter", 3, "SSM PutParameter"},
		{"SSM", "SendCommand", defaultRate, "SSM"},
		{"DynamoDB", "PutItem", 0, ""},
		{"DynamoDB", "TransactWriteItems", 0, ""},
		{"DynamoDB", "UpdateTable", defaultRate, "DynamoDB"},
		{"S3", "PutObject", 0, ""},
		{"S3", "PutBucketPolicy", defaultRate, "S3"},
		{"Secrets Manager", "PutResourcePolicy", 50, "Secrets Manager *ResourcePolicy"},
		{"Something New", "Whatever", defaultRate, "Something New"},
	} {
		l, bucket := limitOf(test.service, test.operation)
		if l.rate != test.rate || (l.rate > 0 && bucket != test.bucket) {
			t.Errorf("%s %s: %g a second from %q, want %g from %q", test.service, test.operation, l.rate, bucket, test.rate, test.bucket)
		}
	}
}
