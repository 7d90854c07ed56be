package kinds

import (
	"context"
	"log/slog"
	"time"
)

// stockLevel is what stock answers.
type stockLevel struct {
	Available int `json:"available"`
}

// stock knows how many there are.
func stock(context.Context) (stockLevel, error) {
	time.Sleep(5 * time.Millisecond) // the pretended database
	return stockLevel{Available: 7}, nil
}

// A view is a product's page.
type view struct {
	Title   string `json:"title"`
	InStock *int   `json:"in_stock,omitempty"` // absent if it is not known
}

const coffee = "Coffee beans, 1 kg"

// page shows a product, and how many there are of it.
type page struct{ invoke invoker }

// careless waits as long as stock takes, and fails when stock does.
func (p page) careless(ctx context.Context) (view, error) {
	var level stockLevel
	if err := p.invoke(ctx, "stock", nil, &level); err != nil {
		return view{}, err
	}
	return view{Title: coffee, InStock: &level.Available}, nil
}

// patience is how long a page may wait for what it can do without.
const patience = 500 * time.Millisecond

// careful waits a moment, then shows the page without the number: nobody leaves because of that.
func (p page) careful(ctx context.Context) (view, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var level stockLevel
	if err := p.invoke(ctx, "stock", nil, &level); err != nil {
		slog.WarnContext(ctx, "the page is shown without the stock", "error", err)
		return view{Title: coffee}, nil
	}
	return view{Title: coffee, InStock: &level.Available}, nil
}
