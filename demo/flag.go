package demo

import (
	"encoding/json"
	"log/slog"
	"os"

	"github.com/firedrill-dev/firedrill/flag"
)

// newPricing is the flag that decides how purchases are priced.
const newPricing = "new-pricing"

// What the flag says.
const (
	byCatalogue = "catalogue"     // as ever
	byScarcity  = "scarcity"      // a tenth more when little is left, as far as we know
	byLiveStock = "live-scarcity" // the same, of the stock at this very moment. Nobody asked what happens when it is not known
)

// variableFlags names the file of the flags.
const variableFlags = "FLAGS"

// flags asks what a flag is for a customer of a cohort.
type flags func(name, cohort string) (value string)

// newFlags reads flags from the file that the environment names: at each purchase, as it would ask an agent beside it.
// What cannot be read is as it was before there were flags.
func newFlags(getenv func(string) string) flags {
	path := getenv(variableFlags)
	if path == "" {
		return func(string, string) string { return "" }
	}
	return func(name, cohort string) string {
		text, err := os.ReadFile(path)
		var e flag.Evaluation
		if err == nil {
			e, err = flag.Flagd().Evaluate(text, name, flag.Attributes{"cohort": cohort})
		}
		var value string
		if err == nil {
			err = json.Unmarshal(e.Value, &value)
		}
		if err != nil {
			slog.Warn("the flag cannot be read, and counts as off", "flag", name, "error", err)
		}
		return value
	}
}

// scarce is how few are left when the price goes up.
const scarce = 1000

// price is what an order costs.
func price(pricing string, p product, quantity, left int) int {
	cents := p.cents * quantity
	if pricing != byCatalogue && pricing != "" && left < scarce {
		cents += cents / 10
	}
	return cents
}
