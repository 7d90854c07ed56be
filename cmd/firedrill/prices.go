package main

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/firedrill-dev/firedrill/engine"
)

// What AWS Lambda bills on demand, in US dollars, before any discount: the first tier of https://aws.amazon.com/lambda/pricing/, as of October 2025. Most
// regions have one price; those that are dearer are listed. A request costs 0.20 a million in most regions; the dearest is taken for the dearer ones.
var (
	gbSecond    = [2]float64{0.0000166667, 0.0000133334} // x86, arm
	gbSecondsIn = map[string][2]float64{
		"af-south-1":   {0.0000221, 0.0000176800},
		"ap-east-1":    {0.00002292, 0.0000183000},
		"eu-south-1":   {0.0000195172, 0.0000156138},
		"me-south-1":   {0.0000206667, 0.0000165334},
		"me-central-1": {0.0000206667, 0.0000165334},
	}
	request       = 0.20 / 1e6
	dearerRequest = 0.28 / 1e6
)

// priceOf is what a function costs in a region.
func priceOf(region string, arm bool) engine.Price {
	i := 0
	if arm {
		i = 1
	}
	if dearer, ok := gbSecondsIn[region]; ok {
		return engine.Price{GBSecond: dearer[i], Request: dearerRequest}
	}
	return engine.Price{GBSecond: gbSecond[i], Request: request}
}

// prices are those of --price, which count more than the table.
type prices struct{ text string }

func (p *prices) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.text, "price", "", "what Lambda bills you, for the prediction of costs: gb-second=0.0000166667,million-requests=0.20, or one of them")
}

// parse reads --price. What is not named is zero.
func (p *prices) parse() (engine.Price, error) {
	var out engine.Price
	if p.text == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(p.text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		amount, err := strconv.ParseFloat(value, 64)
		if err != nil || !(amount > 0 && amount < 1000) {
			return out, usage("such as --price gb-second=0.0000166667", "--price %q: %q is no price", p.text, value)
		}
		switch name {
		case "gb-second":
			out.GBSecond = amount
		case "million-requests":
			out.Request = amount / 1e6
		default:
			return out, usage("gb-second or million-requests", "--price %q: %q is nothing that has one", p.text, name)
		}
	}
	return out, nil
}

// or is a price, and for what it does not have that of the table.
func or(p, table engine.Price) engine.Price {
	return engine.Price{GBSecond: cmp.Or(p.GBSecond, table.GBSecond), Request: cmp.Or(p.Request, table.Request)}
}
