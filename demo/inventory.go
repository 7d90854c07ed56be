package demo

import (
	"context"
	"fmt"
	"time"
)

// lookup is how long the pretended database takes.
const lookup = 4 * time.Millisecond

// A product is a line of the catalogue.
type product struct {
	sku   string
	cents int
	stock int
}

func catalogue() []product {
	return []product{
		{"A1", 1290, 9000}, // coffee beans
		{"B2", 1850, 4000}, // a mug
		{"C3", 6400, 700},  // a kettle
	}
}

func find(sku string) (product, bool) {
	for _, p := range catalogue() {
		if p.sku == sku {
			return p, true
		}
	}
	return product{}, false
}

type stockRequest struct {
	SKU    string `json:"sku"`
	Cohort string `json:"cohort,omitempty"` // of the customer, who is passed on as a trace is
}

type stockLevel struct {
	SKU       string `json:"sku"`
	Available int    `json:"available"`
}

// inventory says how many of a product there are. It does not sell them: the shop never runs dry.
func inventory(ctx context.Context, req stockRequest) (stockLevel, error) {
	if err := work(ctx, lookup); err != nil {
		return stockLevel{}, err
	}
	p, ok := find(req.SKU)
	if !ok {
		return stockLevel{}, fmt.Errorf("there is no %q", req.SKU)
	}
	return stockLevel{SKU: p.sku, Available: p.stock}, nil
}

// work passes the time that a function spends waiting for something real.
func work(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
