package cloudwatch

import (
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

var ruleToken = regexp.MustCompile(`^\s*(\(|\)|AND\b|OR\b|NOT\b|TRUE\b|FALSE\b|(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*"?([^")]+?)"?\s*\))`)

// A ruleReader reads the expression of a composite alarm: ALARM("a") AND NOT OK("b").
type ruleReader struct {
	*world
	rest string
}

// evaluateRule says whether an expression is true now.
func (w *world) evaluateRule(rule string) (bool, error) {
	r := &ruleReader{w, rule}
	is, err := r.either()
	if err == nil && strings.TrimSpace(r.rest) != "" {
		err = invalid("AlarmRule is not understood from %q on", r.rest)
	}
	return is, err
}

// next takes a word if it is the next one.
func (r *ruleReader) next(word string) bool {
	m := ruleToken.FindStringSubmatch(r.rest)
	if m == nil || m[1] != word {
		return false
	}
	r.rest = r.rest[len(m[0]):]
	return true
}

func (r *ruleReader) either() (bool, error) {
	is, err := r.both()
	for err == nil && r.next("OR") {
		var other bool
		other, err = r.both()
		is = is || other
	}
	return is, err
}

func (r *ruleReader) both() (bool, error) {
	is, err := r.one()
	for err == nil && r.next("AND") {
		var other bool
		other, err = r.one()
		is = is && other
	}
	return is, err
}

func (r *ruleReader) one() (bool, error) {
	switch {
	case r.next("NOT"):
		is, err := r.one()
		return !is, err
	case r.next("TRUE"):
		return true, nil
	case r.next("FALSE"):
		return false, nil
	case r.next("("):
		is, err := r.either()
		if err == nil && !r.next(")") {
			err = invalid("AlarmRule: a parenthesis is not closed")
		}
		return is, err
	}
	m := ruleToken.FindStringSubmatch(r.rest)
	if m == nil || m[2] == "" {
		return false, invalid("AlarmRule is not understood from %q on", r.rest)
	}
	r.rest = r.rest[len(m[0]):]
	a := r.alarms[m[3]]
	if a == nil {
		return false, invalid("AlarmRule names alarm %q, which there is not", m[3])
	}
	if a.metric != nil {
		r.evaluate(a, time.Now())
	}
	return a.state == types.StateValue(m[2]), nil
}
