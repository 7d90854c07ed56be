package verdict

import (
	"fmt"
	"slices"
)

// Holm adjusts the p-values of a family of tests: whoever rejects those whose adjusted value is at most alpha is wrong about any one of them
// with the probability alpha at most, whatever they have to do with each other. S. Holm, "A simple sequentially rejective multiple test
// procedure", Scandinavian Journal of Statistics 6 (1979). A value that is not a number is none: it stays, and counts as 1.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	value := func(i int) float64 {
		if !(p[i] < 1) {
			return 1
		}
		return max(0, p[i])
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if value(a) < value(b) {
			return -1
		} else if value(a) > value(b) {
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, value(i)*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}

// Correct is what remains of the findings of one run that compare two groups, when there are many of them: a run that is disproved as soon
// as one measure is would find an innocent version guilty more often with each measure that is added. A disproof that does not
// survive Holm's adjustment at 1 - confidence becomes inconclusive. Findings that compare nothing are left as they are and do not count.
//
// Held needs no correction. A run holds only if every measure does, and whoever accepts only when all of several tests accept is
// wrong no more often than each of them: the intersection-union test, R. L. Berger, Technometrics 24 (1982).
func Correct(findings []Finding, confidence float64) []Finding {
	if !(confidence > 0 && confidence < 1) {
		confidence = DefaultConfidence
	}
	corrected := slices.Clone(findings)
	var family []int
	var p []float64
	for i, f := range findings {
		if f.Expectation.Relative == "" {
			continue
		}
		family = append(family, i)
		if f.Outcome == Disproved {
			p = append(p, f.P)
		} else {
			p = append(p, 1)
		}
	}
	for k, adjusted := range Holm(p) {
		f := &corrected[family[k]]
		if f.Outcome != Disproved || adjusted <= 1-confidence+1e-12 {
			continue
		}
		f.Outcome, f.Cause = Inconclusive, TooManyComparisons
		f.Reason += fmt.Sprintf("; but among %d comparisons one looks like this by chance too often (p = %s, %s after Holm's correction)", len(family), significant(f.P), significant(adjusted))
	}
	return corrected
}
