package kinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// product is what price tells of a product, in the body of its answer.
type product struct {
	Cents int `json:"cents"`
}

// price answers as functions behind API Gateway or a function URL do. Whoever invokes it directly gets that form too:
// the call succeeds, and the status stands inside of the answer.
func price(context.Context, json.RawMessage) (events.APIGatewayV2HTTPResponse, error) {
	return events.APIGatewayV2HTTPResponse{
		StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": "application/json"}, Body: `{"cents":1290}`,
	}, nil
}

// total is what basket answers.
type total struct {
	Cents int `json:"cents"`
}

// basket adds up what is in it: always one pack of coffee beans.
type basket struct {
	invoke    invoker
	lastKnown int
}

func newBasket(invoke invoker) *basket { return &basket{invoke, 1290} }

// careless reads the body of whatever comes back. An error page has no "cents", so the customer gets it for nothing.
func (b *basket) careless(ctx context.Context) (total, error) {
	var resp events.APIGatewayV2HTTPResponse
	if err := b.invoke(ctx, "price", nil, &resp); err != nil {
		return total{}, err
	}
	var p product
	_ = json.Unmarshal([]byte(resp.Body), &p) // "it is our own function, it always sends JSON"
	return total(p), nil
}

// careful believes an answer only if it is one. Otherwise the price that was last known is good enough for a basket.
func (b *basket) careful(ctx context.Context) (total, error) {
	p, err := ask(ctx, b.invoke, 1)
	if err != nil {
		slog.WarnContext(ctx, "the price last known is used", "error", err)
		return total{b.lastKnown}, nil
	}
	return total(p), nil
}

type priceRequest struct {
	Attempt int `json:"attempt"` // 1 for the first try, as AWS's SDKs tell it in amz-sdk-request
}

// busyError is an answer that says: later.
type busyError struct{ status int }

// Error implements error.
func (e busyError) Error() string { return fmt.Sprintf("price answered with status %d", e.status) }

// ask gets the price and checks status, form and value of the answer.
func ask(ctx context.Context, invoke invoker, attempt int) (product, error) {
	var resp events.APIGatewayV2HTTPResponse
	if err := invoke(ctx, "price", priceRequest{attempt}, &resp); err != nil {
		return product{}, err
	}
	if resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500 {
		return product{}, busyError{resp.StatusCode}
	}
	if resp.StatusCode != http.StatusOK {
		return product{}, fmt.Errorf("price answered with status %d", resp.StatusCode)
	}
	var p product
	if err := json.Unmarshal([]byte(resp.Body), &p); err != nil {
		return product{}, fmt.Errorf("read the price: %w", err)
	}
	if p.Cents <= 0 {
		return product{}, fmt.Errorf("a price of %d cents is none", p.Cents)
	}
	return p, nil
}

// importer copies the price into another system. It has nothing to fall back on.
type importer struct{ invoke invoker }

// careless asks once.
func (i importer) careless(ctx context.Context) (product, error) { return ask(ctx, i.invoke, 1) }

const (
	attempts   = 4
	firstPause = 50 * time.Millisecond
)

// careful asks again when it is told "later", after a pause that doubles and is random (so that not everybody who was
// refused comes back at the same instant), and gives up in the end.
func (i importer) careful(ctx context.Context) (p product, err error) {
	for attempt := range attempts {
		if attempt > 0 {
			longest := firstPause << (attempt - 1)
			if err := sleep(ctx, rand.N(longest)+time.Millisecond); err != nil {
				return product{}, err
			}
		}
		if p, err = ask(ctx, i.invoke, attempt+1); !errors.As(err, new(busyError)) {
			return p, err
		}
	}
	return product{}, fmt.Errorf("after %d attempts: %w", attempts, err)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
