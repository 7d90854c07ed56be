package kinds

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// chargeEvent asks charge to take the money for an order, or how often it has.
type chargeEvent struct {
	Operation string `json:"operation"` // "charge" or "count"
	Order     string `json:"order"`     // identifies the order, and so the charge: an idempotency key
}

type charged struct {
	Times int `json:"times"` // how often the order was charged
}

// ledger is the account book of charge. It stands in for a table, which is why charge has one environment only
// (concurrency: 1 in functions.yaml).
type ledger struct {
	idempotent bool

	mu      sync.Mutex
	charges map[string]int
}

func newLedger(idempotent bool) *ledger {
	return &ledger{idempotent: idempotent, charges: map[string]int{}}
}

func (l *ledger) handle(_ context.Context, e chargeEvent) (charged, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e.Operation {
	case "charge":
		l.charge(e.Order)
	case "count":
	default:
		return charged{}, fmt.Errorf("there is no operation %q", e.Operation)
	}
	return charged{l.charges[e.Order]}, nil
}

// charge takes the money. The careful one looks first whether it has: in a table that is a write with the condition
// attribute_not_exists(order), because two may look at the same time.
func (l *ledger) charge(order string) {
	if l.idempotent && l.charges[order] > 0 {
		return
	}
	l.charges[order]++
}

// checkout places an order: it charges, tries once more if that fails, as every client does, and then says how
// often the customer has paid.
type checkout struct{ invoke invoker }

type checkoutEvent struct {
	Charge string `json:"charge"` // the function to charge with
}

func (c checkout) order(ctx context.Context, e checkoutEvent) (sum charged, err error) {
	call, ok := lambdacontext.FromContext(ctx)
	if !ok {
		return charged{}, fmt.Errorf("the invocation has no request id to name the order by")
	}
	for range 2 {
		if err = c.invoke(ctx, e.Charge, chargeEvent{"charge", call.AwsRequestID}, new(charged)); err == nil {
			break
		}
	}
	return sum, c.invoke(ctx, e.Charge, chargeEvent{"count", call.AwsRequestID}, &sum)
}
