package demo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

const (
	// inventoryTimeout leaves most of the second that a purchase may take to the payment. When it has passed, the
	// stock we last knew is a better answer than none.
	inventoryTimeout = 300 * time.Millisecond
	// paymentTimeout is the weakness that is left in. Two seconds look patient, but a purchase promises an answer
	// within one: when payment hangs, the fallback below comes a second too late. 500 ms would keep the promise.
	paymentTimeout = 2 * time.Second
)

// An order is what a customer sends.
type order struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"` // 1 if it is not given
}

// A receipt is what a customer gets.
type receipt struct {
	Order   string `json:"order"`
	SKU     string `json:"sku"`
	Cents   int    `json:"cents"`
	Stock   string `json:"stock"`   // "live", or "cached" if inventory could not be asked
	Payment string `json:"payment"` // "paid", or "pending" if the card will be charged later
}

// shop is the state of one environment of purchase: what it last knew of the stock.
type shop struct {
	invoke   invoker
	flags    flags
	patience time.Duration // with inventory
	strict   bool          // no sale without an answer of inventory; a mistake that one version makes

	mu    sync.Mutex
	stock map[string]int
}

// newShop starts with the stock of the catalogue, so that a fresh environment can fall back, too.
func newShop(invoke invoker, flags flags) *shop {
	s := &shop{invoke: invoke, flags: flags, patience: inventoryTimeout, stock: map[string]int{}}
	for _, p := range catalogue() {
		s.stock[p.sku] = p.stock
	}
	return s
}

// purchase handles POST /purchase.
func (s *shop) purchase(ctx context.Context, req events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	o, err := readOrder(req)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	product, ok := find(o.SKU)
	if !ok {
		return refuse(http.StatusNotFound, fmt.Sprintf("there is no %q in the catalogue", o.SKU))
	}
	cohort := req.Headers["x-cohort"]
	pricing := s.flags(newPricing, cohort)
	r := receipt{Order: req.RequestContext.RequestID, SKU: o.SKU}
	available, known := s.available(ctx, stockRequest{SKU: o.SKU, Cohort: cohort})
	if s.strict && known == "cached" {
		return events.APIGatewayV2HTTPResponse{}, errors.New("inventory did not answer")
	}
	if pricing == byLiveStock && known == "cached" {
		return refuse(http.StatusServiceUnavailable, "the price is not known")
	}
	r.Stock, r.Cents = known, price(pricing, product, o.Quantity, available)
	if available < o.Quantity {
		return refuse(http.StatusConflict, fmt.Sprintf("%q is sold out", o.SKU))
	}
	r.Payment = s.charge(ctx, r)
	if r.Payment == "pending" {
		return answer(http.StatusAccepted, r)
	}
	return answer(http.StatusOK, r)
}

// available asks inventory and falls back on the stock we last knew: selling one too many now and then costs
// less than selling nothing while inventory is down.
func (s *shop) available(ctx context.Context, ask stockRequest) (available int, known string) {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	sku := ask.SKU
	var level stockLevel
	err := s.invoke(ctx, Inventory, ask, &level)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil || level.SKU != sku {
		slog.WarnContext(ctx, "inventory did not answer, the stock last known is used", "sku", sku, "error", err)
		return s.stock[sku], "cached"
	}
	s.stock[sku] = level.Available
	return level.Available, "live"
}

// charge asks payment and falls back on taking the order now and the money later. The idea is sound; the time
// it waits first is not (see paymentTimeout).
func (s *shop) charge(ctx context.Context, r receipt) (status string) {
	ctx, cancel := context.WithTimeout(ctx, paymentTimeout)
	defer cancel()
	var paid authorization
	err := s.invoke(ctx, Payment, charge{Order: r.Order, Cents: r.Cents}, &paid)
	if err != nil || !paid.Approved {
		slog.WarnContext(ctx, "payment did not answer, the order is charged later", "order", r.Order, "error", err)
		return "pending"
	}
	return "paid"
}

func readOrder(req events.APIGatewayV2HTTPRequest) (order, error) {
	body := []byte(req.Body)
	if req.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(req.Body)
		if err != nil {
			return order{}, fmt.Errorf("the body is not base64: %w", err)
		}
		body = decoded
	}
	o := order{Quantity: 1}
	if err := json.Unmarshal(body, &o); err != nil {
		return order{}, fmt.Errorf("the body is not an order: %w", err)
	}
	if o.Quantity < 1 || o.Quantity > 100 {
		return order{}, fmt.Errorf("quantity is %d: order 1 to 100", o.Quantity)
	}
	return o, nil
}

func refuse(status int, why string) (events.APIGatewayV2HTTPResponse, error) {
	return answer(status, map[string]string{"message": why})
}

func answer(status int, body any) (events.APIGatewayV2HTTPResponse, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return events.APIGatewayV2HTTPResponse{}, err
	}
	return events.APIGatewayV2HTTPResponse{
		StatusCode: status,
		Headers:    map[string]string{"Content-Type": "application/json"},
		Body:       string(text),
	}, nil
}
