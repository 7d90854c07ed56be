package report

import (
	"fmt"
	"math"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// predicted sets what was reckoned before the run beside what happened, in a sentence; empty if nothing was reckoned or injected.
func predicted(r *engine.Result) string {
	if r.Prediction == nil {
		return ""
	}
	var fired int64
	applied := false
	for _, c := range r.Conditions {
		if c.Applied == nil {
			continue
		}
		if !c.Proof.Known {
			return ""
		}
		fired, applied = fired+c.Proof.Fired, true
	}
	if !applied {
		return ""
	}
	in := r.Prediction.Injections
	text := fmt.Sprintf("predicted %s injections, %d fired", Amount(in), fired)
	n := float64(fired)
	switch {
	case r.Stop != nil: // it did not take its course
	case n < 0.9*in.Least-1 && r.Verdict == verdict.Disproved: // a run that is certain of it may end early
	case n < 0.9*in.Least-1:
		text += ": fewer than the prediction has at least"
	case n > 1.1*in.Most+1:
		text += ": more than the prediction has at most"
	}
	return text
}

// Amount writes a range of counts: "1200", "0 to 1200", "at least 1200".
func Amount(r engine.Range) string {
	return ranged(r, func(x float64) string { return fmt.Sprintf("%.0f", x) })
}

// Dollars writes a range of costs.
func Dollars(r engine.Range) string {
	return ranged(r, func(x float64) string {
		if x > 0 && x < 0.01 {
			return "under $0.01"
		}
		return fmt.Sprintf("$%.2f", math.Ceil(x*100)/100)
	})
}

func ranged(r engine.Range, write func(float64) string) string {
	least, most := write(r.Least), ""
	if r.Known() {
		most = write(r.Most)
	}
	switch {
	case most == "" && r.Least == 0:
		return "an unknown number of"
	case most == "":
		return "at least " + least
	case least == most:
		return least
	}
	return least + " to " + most
}
