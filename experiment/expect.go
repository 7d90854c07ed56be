package experiment

import (
	"errors"

	"github.com/firedrill-dev/firedrill/verdict"
)

// patternExpectation is a rough sketch of verdict's grammar, for editors.
const patternExpectation = `^\s*(ok|OK|fires\s+within\s+[0-9]|\s*(p[0-9.]+|mean|rate|count|error_rate|value|slower)\s*(<=?|>=?|==|!=)\s*[-+]?[0-9.])`

// expectation reads STATISTIC OP VALUE. The grammar is verdict's.
func expectation() value[verdict.Expectation] {
	return value[verdict.Expectation]{schema: matching(patternExpectation, "p95 < 400ms"), read: func(d *decoder, n *node, path string) (verdict.Expectation, bool) {
		if n.form != scalar {
			d.expected(n, path, "an expectation", "write STATISTIC OP VALUE, such as p95 < 400ms or error_rate < 1%")
			return verdict.Expectation{}, false
		}
		e, err := verdict.ParseExpectation(n.text)
		var syntax *verdict.SyntaxError
		if errors.As(err, &syntax) {
			d.wrong(n, path, syntax.Message, syntax.Hint)
			return e, false
		}
		return e, err == nil
	}}
}

// checkUnit sees to it that an expectation speaks of what its measure's observations are.
// of is the measure's kind, or empty.
func (d *decoder) checkUnit(path string, e verdict.Expectation, of string, latency bool) {
	switch {
	case e.Statistic == "":
		return
	case of == AlarmOf && !e.OfAlarm():
		d.problem(path, e.Text, "is not what an alarm can be", "write ok, or fires within 60s")
		return
	case of != AlarmOf && e.OfAlarm():
		d.problem(path, e.Text, "is of alarms only", "such as {name: nobody is paged, of: alarm, alarm: NAME, expect: ok}")
		return
	case of == AlarmOf:
		return
	case e.Relative != "":
		return // see checkAgainst
	case of != CloudWatch && e.Unit == verdict.OfHistory:
		d.problem(path, e.Text, "is of cloudwatch only: nothing else keeps what earlier weeks were", "")
		return
	}
	switch e.Statistic {
	case "error_rate", "count", "rate":
		return
	}
	switch {
	case latency && e.Unit != verdict.Seconds:
		hint := "write " + e.Statistic + " " + e.Op + " 400ms"
		if of == HTTP || of == Invoke {
			hint += "; for a number in the answer, set json_path"
		}
		d.problem(path, e.Text, "compares a latency with a number that has no unit", hint)
	case !latency && e.Unit == verdict.Seconds:
		d.problem(path, e.Text, "compares a number with a duration", "write the number without a unit")
	}
}
