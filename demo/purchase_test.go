package demo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// promise is the objective of the experiments: how soon a purchase answers.
const promise = time.Second

// behind answers for the functions behind the shop, as a test wants them.
type behind map[string]func(ctx context.Context) (any, error)

func (b behind) invoke(ctx context.Context, function string, _, answer any) error {
	got, err := b[function](ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(got)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, answer)
}

func gives(answer any) func(context.Context) (any, error) {
	return func(context.Context) (any, error) { return answer, nil }
}

func hangs(ctx context.Context) (any, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func fails(context.Context) (any, error) { return nil, errors.New("boom") }

func late(d time.Duration, answer any) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) { return answer, work(ctx, d) }
}

func TestPurchase(t *testing.T) {
	stock := stockLevel{SKU: "A1", Available: 5}
	paid := authorization{Approved: true, Code: "c"}
	for _, test := range []struct {
		name               string
		inventory, payment func(context.Context) (any, error)
		status             int
		stock, paid        string
		took               time.Duration
	}{
		{"all is well", gives(stock), gives(paid), 200, "live", "paid", 0},
		{"a slow inventory is waited for", late(250*time.Millisecond, stock), gives(paid), 200, "live", "paid", 250 * time.Millisecond},
		{"a slower one is not", late(600*time.Millisecond, stock), gives(paid), 200, "cached", "paid", inventoryTimeout},
		{"a hanging one is not", hangs, gives(paid), 200, "cached", "paid", inventoryTimeout},
		{"a failing inventory", fails, gives(paid), 200, "cached", "paid", 0},
		{"an inventory that answers nonsense", gives(map[string]int{"wat": 1}), gives(paid), 200, "cached", "paid", 0},
		{"sold out", gives(stockLevel{SKU: "A1"}), gives(paid), 409, "", "", 0},
		{"a failing payment", gives(stock), fails, 202, "live", "pending", 0},
		{"a payment that is not approved", gives(stock), gives(authorization{}), 202, "live", "pending", 0},
		{"a hanging payment", gives(stock), hangs, 202, "live", "pending", paymentTimeout},
		{"both hang", hangs, hangs, 202, "cached", "pending", inventoryTimeout + paymentTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShop(behind{Inventory: test.inventory, Payment: test.payment}.invoke, noFlags)
				began := time.Now()
				resp, err := s.purchase(t.Context(), events.APIGatewayV2HTTPRequest{Body: `{"sku":"A1"}`})
				if err != nil {
					t.Fatal(err)
				}
				var r receipt
				if err := json.Unmarshal([]byte(resp.Body), &r); err != nil {
					t.Fatal(err)
				}
				if resp.StatusCode != test.status || r.Stock != test.stock || r.Payment != test.paid {
					t.Errorf("got %d %+v", resp.StatusCode, r)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
			})
		})
	}
}

// TestTheWeaknessIsThere keeps the story true: whatever inventory does, the promise can be kept; if payment hangs, it
// is broken, and a shorter timeout would keep it.
func TestTheWeaknessIsThere(t *testing.T) {
	if inventoryTimeout >= promise/2 {
		t.Errorf("a slow inventory may take %s of the %s that a purchase has", inventoryTimeout, promise)
	}
	if paymentTimeout <= promise {
		t.Errorf("the timeout of payment is %s: the third experiment has nothing to find", paymentTimeout)
	}
	if inventoryTimeout+500*time.Millisecond >= promise {
		t.Error("the lesson recommends a timeout that would not keep the promise")
	}
}

func TestTheStockLastKnownIsRemembered(t *testing.T) {
	b := behind{Inventory: gives(stockLevel{SKU: "A1", Available: 0}), Payment: gives(authorization{Approved: true})}
	s := newShop(b.invoke, noFlags)
	if n, known := s.available(t.Context(), stockRequest{SKU: "A1"}); n != 0 || known != "live" {
		t.Fatalf("got %d, %s", n, known)
	}
	b[Inventory] = fails
	if n, known := s.available(t.Context(), stockRequest{SKU: "A1"}); n != 0 || known != "cached" {
		t.Errorf("got %d, %s: what inventory said last is forgotten", n, known)
	}
}

func TestOrdersAreChecked(t *testing.T) {
	s := newShop(behind{Inventory: gives(stockLevel{SKU: "B2", Available: 9}), Payment: gives(authorization{Approved: true})}.invoke, noFlags)
	for body, want := range map[string]int{
		"": http.StatusBadRequest, "[]": http.StatusBadRequest, `{"sku":"A1","quantity":-1}`: http.StatusBadRequest,
		`{"sku":"A1","quantity":101}`: http.StatusBadRequest, `{"sku":"Z9"}`: http.StatusNotFound,
		`{"sku":"B2","quantity":9}`: http.StatusOK, `{"sku":"B2","quantity":10}`: http.StatusConflict,
	} {
		for _, encoded := range []bool{false, true} {
			req := events.APIGatewayV2HTTPRequest{Body: body, IsBase64Encoded: encoded}
			if encoded {
				req.Body = base64.StdEncoding.EncodeToString([]byte(body))
			}
			resp, err := s.purchase(t.Context(), req)
			if err != nil || resp.StatusCode != want {
				t.Errorf("%q: got %d, %v, want %d", body, resp.StatusCode, err, want)
			}
		}
	}
	resp, err := s.purchase(t.Context(), events.APIGatewayV2HTTPRequest{Body: "%", IsBase64Encoded: true})
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("got %d, %v", resp.StatusCode, err)
	}
}

func TestTheFunctionsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		level, err := inventory(t.Context(), stockRequest{SKU: "C3"})
		if err != nil || level.SKU != "C3" || level.Available == 0 {
			t.Errorf("got %+v, %v", level, err)
		}
		if _, err := inventory(t.Context(), stockRequest{SKU: "Z9"}); err == nil {
			t.Error("inventory knows a product that does not exist")
		}
		paid, err := payment(t.Context(), charge{Order: "o", Cents: 100})
		if err != nil || !paid.Approved {
			t.Errorf("got %+v, %v", paid, err)
		}
		if _, err := payment(t.Context(), charge{}); err == nil {
			t.Error("payment charges nothing")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := payment(ctx, charge{Cents: 1}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		greeting, err := hello(t.Context(), events.APIGatewayV2HTTPRequest{QueryStringParameters: map[string]string{"name": "Ada"}})
		if err != nil || greeting.Body != `{"message":"hello, Ada"}` {
			t.Errorf("got %+v, %v", greeting, err)
		}
	})
}
