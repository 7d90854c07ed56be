package experiment_test

import (
	"fmt"

	"github.com/firedrill-dev/firedrill/experiment"
)

func ExampleParse() {
	text := `
version: 1
title: Purchases survive a slow inventory
objective: The purchase API answers within 400 ms while inventory is late
load:
  purchase: {http: POST ${api}/purchase, body: {sku: A1}, rate: 50/s}
measures:
  - {name: latency, of: load.purchase, expect: p95 < 400}
conditions:
  - {name: slow inventory, fault: latency, target: {lambda: inventory}, with: {min: 100ms, mx: 200ms}}
phases: {baseline: 10s, fault: 20s}
`
	_, problems := experiment.Parse([]byte(text), experiment.Options{
		File: "slow.yaml",
		Vars: map[string]string{"api": "http://127.0.0.1:8080"},
	})
	for _, p := range problems {
		fmt.Println(p)
	}
	// Output:
	// slow.yaml:8:48: measures[0].expect: compares a latency with a number that has no unit: "p95 < 400"
	//   hint: write p95 < 400ms
	// slow.yaml:10:92: conditions[0].with.mx: is not an attribute of latency: "mx"
	//   hint: did you mean "max"?
}
