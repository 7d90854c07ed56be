package verdict

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A SyntaxError says what is wrong with the text of an expectation and how to write it.
type SyntaxError struct {
	Text    string // the whole expectation, as written
	Message string // what is wrong
	Hint    string // how to write it instead; may be empty
}

// Error implements error. It includes the hint.
func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("expectation %q: %s", e.Text, e.Message)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

const grammarHint = "write STATISTIC OP VALUE, such as p95 < 400ms, mean <= 1s, error_rate < 1%, rate >= 10/s, count >= 30 or value == 0"

// maxText bounds an expectation: the longest sensible one is far shorter, and an error quotes it.
const maxText = 200

// ParseExpectation reads "STATISTIC OP VALUE", and of alarms "ok" and "fires within DURATION". Statistics are p1 to p99.999…, mean, rate, count, error_rate and
// value; operators are <, <=, > and >=, and for count and value also == and !=. Durations carry a unit, shares a
// percent sign, rates /s, /m or /h. A plain number for a quantile, the mean or value means that the observations
// are numbers rather than latencies, and a percentage "of history" that they are compared with those of earlier weeks. A percentage or
// duration with a sign is how much more it may be than that of another group of requests: p95 <= +10%, error_rate <= +1%. An error is a
// *SyntaxError.
func ParseExpectation(text string) (Expectation, error) {
	text = strings.TrimSpace(text)
	fail := func(hint, format string, args ...any) (Expectation, error) {
		shown := text
		if len(shown) > maxText {
			shown = shown[:maxText] + "..."
		}
		return Expectation{}, &SyntaxError{Text: shown, Message: fmt.Sprintf(format, args...), Hint: hint}
	}
	if text == "" || len(text) > maxText {
		return fail(grammarHint, "it has %d characters; expected 1 to %d", len(text), maxText)
	}
	if e, ok, message, hint := parseAlarm(text); message != "" {
		return fail(hint, "%s", message)
	} else if ok {
		return e, nil
	}
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return fail(grammarHint, "it has no operator")
	}
	op := text[at : at+1]
	if at+1 < len(text) && text[at+1] == '=' {
		op = text[at : at+2]
	}
	e := Expectation{
		Text:      text,
		Statistic: strings.TrimSpace(text[:at]),
		Op:        op,
	}
	value := strings.TrimSpace(text[at+len(op):])
	if e.Statistic == "" {
		return fail(grammarHint, "it has no statistic before %q", op)
	}
	if value == "" {
		return fail(grammarHint, "it has no value after %q", op)
	}
	if message, hint := checkStatistic(e.Statistic); message != "" {
		return fail(hint, "%s", message)
	}
	if message, hint := checkOp(e.Statistic, op); message != "" {
		return fail(hint, "%s", message)
	}
	var message, hint string
	if e.Relative, value = relationOf(e.Statistic, value); e.Relative != "" {
		e.Threshold, e.Unit, message, hint = parseMore(e.Statistic, e.Relative, value)
	} else {
		e.Threshold, e.Unit, message, hint = parseValue(e.Statistic, value)
	}
	if message != "" {
		return fail(hint, "%s", message)
	}
	if e.Unit == Ratio {
		if message, hint := checkShare(e); message != "" {
			return fail(hint, "%s", message)
		}
	}
	return e, nil
}

// otherName finds our name for what other tools call it.
func otherName(name string) string {
	switch strings.ToLower(name) {
	case "median", "p0.5", "p.5":
		return "p50"
	case "avg", "average":
		return "mean"
	case "errors", "error", "error-rate", "errorrate", "failures", "failure_rate", "success_rate", "availability":
		return "error_rate, the share of failed observations"
	case "rps", "qps", "throughput":
		return "rate, the successful observations per second"
	case "max", "maximum", "p100":
		return "p99.9: the largest of a sample says little about the largest there is"
	case "min", "minimum", "p0":
		return "p0.1: the smallest of a sample says little about the smallest there is"
	}
	return ""
}

func checkStatistic(name string) (message, hint string) {
	switch name {
	case "mean", "rate", "count", "error_rate", "value", "slower":
		return "", ""
	}
	if _, ok := quantileOf(name); ok {
		return "", ""
	}
	message = fmt.Sprintf("unknown statistic %q", name)
	if other := otherName(name); other != "" {
		return message, "use " + other
	}
	return message, "the statistics are p50, p95, p99.9 and the like, mean, rate, count, error_rate and value, and slower of two groups"
}

// quantileOf reads pNN or pNN.N as a probability between 0 and 1, both excluded, and what is so close to them that no sample tells them apart.
func quantileOf(name string) (float64, bool) {
	digits, ok := strings.CutPrefix(name, "p")
	if !ok || digits == "" || digits[0] == '.' || digits[len(digits)-1] == '.' || strings.Trim(digits, "0123456789.") != "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(digits, 64)
	q := x / 100
	const closest = 1e-12
	return q, err == nil && q > closest && 1-q > closest
}

func checkOp(statistic, op string) (message, hint string) {
	switch op {
	case "<", "<=", ">", ">=":
		return "", ""
	case "==", "!=":
		if statistic == "count" || statistic == "value" {
			return "", ""
		}
		return fmt.Sprintf("operator %s cannot be used with %s", op, statistic),
			"a sample can bound " + statistic + ", never pin it down: use <, <=, > or >="
	case "=":
		return `unknown operator "="`, "the operators are <, <=, > and >=; for count and value also == and !="
	}
	return fmt.Sprintf("unknown operator %q", op), "the operators are <, <=, >, >=, == and !="
}

// parseValue reads the number after the operator, in the unit that belongs to the statistic.
func parseValue(statistic, text string) (x float64, unit Unit, message, hint string) {
	switch statistic {
	case "error_rate":
		x, ok := number(strings.TrimSuffix(text, "%"))
		if !ok || !strings.HasSuffix(text, "%") {
			return 0, "", fmt.Sprintf("%q is not a share", text), "write a percentage, such as 1% or 0.5%"
		}
		return x / 100, Ratio, "", ""
	case "rate":
		return parseRate(text)
	case "count":
		x, ok := number(text)
		if !ok || x < 0 || x != math.Trunc(x) || x > 1<<53 {
			return 0, "", fmt.Sprintf("%q is not a count", text), "write a whole number, such as 30"
		}
		return x, Number, "", ""
	}
	if x, ok := number(text); ok {
		return x, Number, "", ""
	}
	if share, ok := strings.CutSuffix(text, "of history"); ok {
		return parseHistory(share)
	}
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	switch {
	case err != nil:
		return 0, "", fmt.Sprintf("%q is neither a duration nor a number", text), "write a duration with a unit (us, ms, s, m, h), such as 400ms, or a plain number for readings that are not latencies"
	case d < 0:
		return 0, "", fmt.Sprintf("%q is negative", text), "durations are at least 0s"
	}
	return d.Seconds(), Seconds, "", ""
}

// parseHistory reads "120%" of what is compared with earlier weeks.
func parseHistory(text string) (x float64, unit Unit, message, hint string) {
	text = strings.TrimSpace(text)
	x, ok := number(strings.TrimSuffix(text, "%"))
	if !ok || !strings.HasSuffix(text, "%") || x <= 0 {
		return 0, "", fmt.Sprintf("%q is not a share of history", text), "write a percentage, such as 80% of history"
	}
	return x / 100, OfHistory, "", ""
}

func parseRate(text string) (x float64, unit Unit, message, hint string) {
	const howTo = "write it per second, minute or hour: 10/s, 600/m, 36000/h"
	count, per, ok := strings.Cut(text, "/")
	x, isNumber := number(strings.TrimSpace(count))
	if !ok || !isNumber {
		return 0, "", fmt.Sprintf("%q is not a rate", text), howTo
	}
	if x < 0 {
		return 0, "", fmt.Sprintf("%q is negative", text), "rates are at least 0/s"
	}
	switch strings.TrimSpace(per) {
	case "s":
		return x, PerSecond, "", ""
	case "m", "min":
		return x / 60, PerSecond, "", ""
	case "h":
		return x / 3600, PerSecond, "", ""
	}
	return 0, "", fmt.Sprintf("%q is not a rate", text), howTo
}

// number reads a finite decimal number. Forms that only programmers know (hexadecimal, underscores, inf) are not
// numbers here.
func number(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "0123456789.+-eE") != "" {
		return 0, false
	}
	x, err := strconv.ParseFloat(text, 64)
	return x, err == nil
}

// checkShare refuses shares that every sample, or none, would satisfy.
func checkShare(e Expectation) (message, hint string) {
	low, high, hint := 0.0, 1.0, "a share is between 0% and 100%"
	switch e.Relative {
	case RatioTo:
		low, high, hint = -1, math.Inf(1), "nothing is less than nothing: it is more than -100%"
	case DifferenceFrom:
		low, hint = -1, "shares differ by -100% to +100%"
	}
	switch x := e.Threshold; {
	case x < low || x > high:
		return hint, ""
	case e.Op == "<" && x == low, e.Op == ">" && x == high:
		return "nothing can satisfy it", hint
	case e.Op == ">=" && x == low, e.Op == "<=" && x == high:
		return "everything satisfies it", hint
	}
	return "", ""
}
