package verdict

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"time"
)

// relationOf tells thresholds that have a sign, "+10%" and "-20ms", from those that stand for themselves. Numbers with a sign, as
// readings have them, do stand for themselves.
func relationOf(statistic, value string) (Relation, string) {
	if statistic == "slower" {
		return PairsWith, value
	}
	_, isQuantile := quantileOf(statistic)
	if !isQuantile && statistic != "mean" && statistic != "error_rate" || !strings.HasPrefix(value, "+") && !strings.HasPrefix(value, "-") {
		return "", value
	}
	if _, isNumber := number(value); isNumber {
		return "", value
	}
	if statistic != "error_rate" && strings.HasSuffix(value, "%") {
		return RatioTo, value
	}
	return DifferenceFrom, value
}

// parseMore reads what relationOf has found.
func parseMore(statistic string, relation Relation, text string) (x float64, unit Unit, message, hint string) {
	bare := strings.ReplaceAll(text, " ", "")
	if share, ok := strings.CutSuffix(bare, "%"); ok {
		x, ok := number(share)
		if !ok {
			return 0, "", fmt.Sprintf("%q is not a share", text), "write a percentage with a sign, such as +10%"
		}
		if relation == PairsWith && (x < 0 || x > 100) {
			return 0, "", fmt.Sprintf("%q is not a share of pairs", text), "a half, 50%, is no difference"
		}
		return x / 100, Ratio, "", ""
	}
	if statistic == "error_rate" {
		return 0, "", fmt.Sprintf("%q is not a difference of shares", text), "write percentage points with a sign, such as +1%"
	}
	if relation == PairsWith {
		return 0, "", fmt.Sprintf("%q is not a share of pairs", text), "write how many of 100 requests may be slower than one of the other group: slower <= 55%"
	}
	d, err := time.ParseDuration(bare)
	if err != nil {
		return 0, "", fmt.Sprintf("%q is neither a percentage nor a duration", text), "write how much more it may be than the other group's: +10% or +20ms"
	}
	return d.Seconds(), Seconds, "", ""
}

// formatMore writes how much more something is: "+12 %", "-3.1 ms", "+0.4 points".
func (e Expectation) formatMore(x float64) string {
	sign := ""
	if x > 0 && e.Relative != PairsWith {
		sign = "+"
	}
	switch {
	case e.Relative == RatioTo, e.Relative == PairsWith:
		return sign + significant(x*100) + " %"
	case e.Unit == Ratio:
		return sign + significant(x*100) + " points"
	case e.Unit == Seconds:
		return sign + formatSeconds(x)
	}
	return sign + significant(x)
}

// EstimateAgainst is the point value of an expectation that compares two groups, and false if either has no data for it.
func EstimateAgainst(e Expectation, subject, control []Observation) (float64, bool) {
	if e.Relative == "" || comparisonOf(e) == nil || len(subject) == 0 || len(control) == 0 {
		return math.NaN(), false
	}
	p := newPair(e, subject, control, nil)
	x := p.estimate(p.x, p.y)
	return x, !math.IsNaN(x)
}

// samplesToCompare is SamplesNeeded of each of two groups: of shares of errors, if there are none in either.
func samplesToCompare(e Expectation) int {
	c := comparisonOf(e)
	n := needed(c, DefaultConfidence)
	held := func(n int) bool {
		clean := pair{comparison: c, x: side{n: n}, y: side{n: n}}
		return outcome(e, clean.interval(DefaultConfidence)) == Held
	}
	if _, ok := c.(rates); !ok || !held(maxProjected) {
		return n
	}
	return n + sort.Search(maxProjected-n, func(i int) bool { return held(n + i) })
}
