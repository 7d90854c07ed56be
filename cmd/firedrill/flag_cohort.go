package main

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// escapes says why a condition does not keep to a cohort and its control; "" if it does: one of its clauses must hold for their
// values, and for nobody else's.
func escapes(c experiment.Condition, cohort, control string) string {
	if account.Has(c.Fault) {
		return fmt.Sprintf("hits everybody: %s changes the account", c.Fault)
	}
	for _, clause := range c.Match {
		if !clauseHolds(clause, cohort) || clauseHolds(clause, cohort+" (nobody)") || clauseHolds(clause, "nobody, and not "+cohort) || clauseHolds(clause, "") {
			continue
		}
		if control != "" && !clauseHolds(clause, control) {
			return fmt.Sprintf("hits the cohort %q, and not its control %q: the two could not be compared", cohort, control)
		}
		return ""
	}
	return fmt.Sprintf("hits others, too: no clause of its match is about %q alone", cohort)
}

// clauseHolds says whether a clause holds for a text at its path.
func clauseHolds(c fault.Condition, text string) bool {
	switch c.Operator {
	case "", "eq":
		return text == c.Value
	case "startsWith":
		return strings.HasPrefix(text, c.Value)
	case "regex":
		e, err := regexp.Compile(c.Value)
		return err == nil && e.MatchString(text)
	}
	return true
}
