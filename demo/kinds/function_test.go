package kinds

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// answers is an invoker that gives these answers in turn, the last one again and again; an error is one that fails.
func answers(t *testing.T, calls *int, list ...any) invoker {
	return func(_ context.Context, _ string, _, answer any) error {
		next := list[min(*calls, len(list)-1)]
		*calls++
		if err, failed := next.(error); failed {
			return err
		}
		text, err := json.Marshal(next)
		if err != nil {
			t.Fatal(err)
		}
		return json.Unmarshal(text, answer)
	}
}

func status(code int, body string) events.APIGatewayV2HTTPResponse {
	return events.APIGatewayV2HTTPResponse{StatusCode: code, Body: body}
}

func TestImporterRetriesWhatIsWorthIt(t *testing.T) {
	good, busy := status(200, `{"cents":5}`), status(429, "")
	for _, test := range []struct {
		name    string
		answers []any
		calls   int
		fails   bool
	}{
		{"at once", []any{good}, 1, false},
		{"the third time", []any{busy, status(503, ""), good}, 3, false},
		{"never", []any{busy}, attempts, true},
		{"not found", []any{status(404, "")}, 1, true},
		{"a price that is none", []any{status(200, `{"cents":0}`)}, 1, true},
		{"junk", []any{status(200, `{"cen`)}, 1, true},
		{"a function error", []any{errors.New("failed")}, 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls, start := 0, time.Now()
				_, err := importer{answers(t, &calls, test.answers...)}.careful(t.Context())
				if (err != nil) != test.fails || calls != test.calls {
					t.Errorf("%d calls, error %v", calls, err)
				}
				if took := time.Since(start); (took > 0) != (test.calls > 1) || took > time.Second {
					t.Errorf("it paused for %s", took)
				}
			})
		})
	}
}

func TestBasketsAndJunk(t *testing.T) {
	for _, junk := range []events.APIGatewayV2HTTPResponse{status(503, `{"message":"down"}`), status(200, `{"cents":12`)} {
		calls := 0
		if sum, err := newBasket(answers(t, &calls, junk)).careless(t.Context()); sum.Cents != 0 || err != nil {
			t.Errorf("the careless basket is worth %d, %v: then it shows nothing", sum.Cents, err)
		}
		if sum, err := newBasket(answers(t, &calls, junk)).careful(t.Context()); sum.Cents != 1290 || err != nil {
			t.Errorf("the careful basket is worth %d, %v", sum.Cents, err)
		}
	}
}

// TestQueueDelivers: what a queue does with a consumer that fails in whole, in part, or not at all.
func TestQueueDelivers(t *testing.T) {
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r"})
	ok := sentReport{Sent: map[string]int{"r-0": 1, "r-1": 1, "r-2": 1, "r-3": 1}}
	part := sentReport{Sent: map[string]int{"r-0": 1, "r-2": 1, "r-3": 1}}
	part.BatchItemFailures = []events.SQSBatchItemFailure{{ItemIdentifier: "r-1"}}
	for _, test := range []struct {
		name    string
		answers []any
		calls   int
		want    drained
	}{
		{"all is well", []any{ok}, 1, drained{Delivered: 4, MostCopies: 1}},
		{"one comes again", []any{part, sentReport{Sent: map[string]int{"r-1": 1}}}, 2, drained{Delivered: 4, MostCopies: 1}},
		{"one never succeeds", []any{part}, deliveries, drained{Delivered: 3, MostCopies: 1, Dead: 1}},
		{"the batch fails", []any{errors.New("failed")}, deliveries, drained{Dead: 4}},
		{"the batch fails once", []any{errors.New("failed"), ok}, 2, drained{Delivered: 4, MostCopies: 1}},
	} {
		calls := 0
		got, err := queue{answers(t, &calls, test.answers...)}.drain(ctx, queueEvent{"mail"})
		if err != nil || got != test.want || calls != test.calls {
			t.Errorf("%s: %+v after %d calls, %v", test.name, got, calls, err)
		}
	}
}
