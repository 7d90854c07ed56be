package main

import (
	"fmt"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

// printPrediction tells what a run is reckoned to bring about.
func (a *app) printPrediction(p engine.Prediction) {
	w := a.stdout
	fmt.Fprintf(w, "predict  %.0f requests, %s injections, %s failed requests\n", p.Requests, report.Amount(p.Injections), report.Amount(p.Failed))
	for _, c := range p.Changes {
		if len(p.Changes) > 1 || c.From != "the loads" {
			fmt.Fprintf(w, "         %s: %s injections, from %s\n", c.Name, report.Amount(c.Injections), c.From)
		}
	}
	switch {
	case !p.Cost.Known() && p.Cost.Least == 0:
		fmt.Fprintln(w, "cost     unknown")
	case p.Cost.Most > 0:
		fmt.Fprintf(w, "cost     %s\n", report.Dollars(p.Cost))
	}
	for _, text := range p.Unknown {
		fmt.Fprintf(w, "unknown  %s\n", text)
	}
}
