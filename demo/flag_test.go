package demo

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/firedrill-dev/firedrill/flag"
)

func noFlags(string, string) string { return "" }

// TestPricing: what the flag says decides about the price, and about what becomes of a purchase while inventory is slow.
func TestPricing(t *testing.T) {
	for _, test := range []struct {
		pricing string
		slow    time.Duration // inventory
		status  int
		cents   int
	}{
		{byCatalogue, 0, 200, 6400},
		{byScarcity, 0, 200, 7040},
		{byLiveStock, 0, 200, 7040},
		{byCatalogue, time.Second, 200, 6400},
		{byScarcity, time.Second, 200, 7040},
		{byLiveStock, time.Second, 503, 0}, // the mistake
	} {
		synctest.Test(t, func(t *testing.T) {
			slow := func(ctx context.Context) (any, error) {
				return stockLevel{SKU: "C3", Available: 700}, work(ctx, test.slow)
			}
			s := newShop(behind{Inventory: slow, Payment: gives(authorization{Approved: true})}.invoke, func(name, cohort string) string {
				if name != newPricing || cohort != "beta" {
					t.Errorf("asked for %s of %s", name, cohort)
				}
				return test.pricing
			})
			answer, err := s.purchase(t.Context(), events.APIGatewayV2HTTPRequest{Body: `{"sku":"C3"}`, Headers: map[string]string{"x-cohort": "beta"}})
			var r receipt
			if err == nil {
				err = json.Unmarshal([]byte(answer.Body), &r)
			}
			if err != nil || answer.StatusCode != test.status || r.Cents != test.cents {
				t.Errorf("%s, inventory %s: %d, %d cents (%v)", test.pricing, test.slow, answer.StatusCode, r.Cents, err)
			}
		})
	}
}

// TestFlagsFile: the demo's own file says off, whatever cannot be read is no flag.
func TestFlagsFile(t *testing.T) {
	ask := func(path string) string {
		return newFlags(func(string) string { return path })(newPricing, "beta")
	}
	if got := ask("flags/flags.json"); got != byCatalogue {
		t.Errorf("the demo's flags say %q", got)
	}
	broken := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "nowhere.json", broken} {
		if got := ask(path); got != "" {
			t.Errorf("%q says %q", path, got)
		}
	}
	text, err := os.ReadFile("flags/flags.json")
	if err != nil {
		t.Fatal(err)
	}
	if e, err := flag.Flagd().Evaluate(text, newPricing, nil); err != nil || e.Reason != flag.ReasonStatic {
		t.Errorf("%s, %v", e, err)
	}
}
