package demo

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Variables in which the versions of purchase differ; see versions.yaml. Without them it is the shop that works.
const (
	slowerVariable   = "PURCHASE_SLOWER"   // percent that each purchase takes longer
	fallbackVariable = "PURCHASE_FALLBACK" // "off": it waits for inventory, and fails without it
)

// A handler serves requests of the HTTP API.
type handler func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// release is purchase as one version of it is: good, slower, or without what it needs when inventory is in trouble.
func release(invoke invoker, getenv func(string) string) handler {
	s := newShop(invoke, newFlags(getenv))
	if getenv(fallbackVariable) == "off" {
		s.patience, s.strict = paymentTimeout, true
	}
	percent, err := strconv.Atoi(getenv(slowerVariable))
	if err != nil {
		return s.purchase
	}
	return slower(percent, s.purchase)
}

// slower takes the same share longer for each request.
func slower(percent int, next handler) handler {
	return func(ctx context.Context, req events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		started := time.Now()
		resp, err := next(ctx, req)
		if tired := work(ctx, time.Since(started)*time.Duration(percent)/100); err == nil {
			err = tired
		}
		return resp, err
	}
}
