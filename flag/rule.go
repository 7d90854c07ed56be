package flag

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A rule of AppConfig is an expression such as (and (eq $state "Virginia") (gt $age 65)).

// evaluateRule says whether a rule is about a user. split, matches and dates are undecided.
func evaluateRule(text string, user Attributes) (bool, error) {
	p := &ruleParser{rest: text}
	e, err := p.expression(0)
	if err == nil && p.next() != "" {
		err = fmt.Errorf("something follows it")
	}
	if err != nil {
		return false, fmt.Errorf("rule %q: %w", text, err)
	}
	holds, err := e.holds(user)
	if err != nil {
		return false, fmt.Errorf("rule %q: %w", text, err)
	}
	return holds, nil
}

// An expression is an operator with its operands: texts, numbers, truth values, attributes, lists or expressions.
type expression struct {
	operator string
	operands []any
}

// attribute is an operand that means what the user has.
type attribute string

type ruleParser struct{ rest string }

// next looks at the next sign; "" at the end.
func (p *ruleParser) next() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return ""
	}
	return p.rest[:1]
}

// take is next, which must be a given sign.
func (p *ruleParser) take(sign string) error {
	if p.next() != sign {
		return fmt.Errorf("expected %s before %q", sign, p.rest)
	}
	p.rest = p.rest[1:]
	return nil
}

// word is all up to a space or a bracket.
func (p *ruleParser) word() string {
	p.next()
	end := strings.IndexAny(p.rest, " \t\r\n()[]\",")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word
}

func (p *ruleParser) expression(depth int) (expression, error) {
	var e expression
	if depth > maxDepth {
		return e, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	if err := p.take("("); err != nil {
		return e, err
	}
	e.operator = p.word()
	for p.next() != ")" {
		operand, err := p.operand(depth)
		if err != nil {
			return e, err
		}
		e.operands = append(e.operands, operand)
	}
	return e, p.take(")")
}

func (p *ruleParser) operand(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	switch p.next() {
	case "":
		return nil, fmt.Errorf("it ends too early")
	case "(":
		return p.expression(depth + 1)
	case "[":
		return p.list(depth)
	case `"`:
		return p.text()
	}
	word := p.word()
	if name, after, named := strings.Cut(word, "::"); named && name != "" { // key::"country": operands may have names
		p.rest = after + p.rest
		return p.operand(depth + 1)
	}
	if name, ok := strings.CutPrefix(word, "$"); ok {
		return attribute(name), nil
	}
	switch word {
	case "true", "false":
		return word == "true", nil
	case "":
		return nil, fmt.Errorf("expected an operand before %q", p.rest)
	}
	n, err := strconv.ParseFloat(word, 64)
	if err != nil {
		return nil, fmt.Errorf("operand %q: %w", word, ErrUndecided)
	}
	return n, nil
}

func (p *ruleParser) list(depth int) (any, error) {
	if err := p.take("["); err != nil {
		return nil, err
	}
	list := []any{}
	for p.next() != "]" {
		item, err := p.operand(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
		if p.next() == "," {
			p.rest = p.rest[1:]
		}
	}
	return list, p.take("]")
}

// text reads what is between quotes. How a quote is written inside is not documented.
func (p *ruleParser) text() (any, error) {
	end := strings.Index(p.rest[1:], `"`)
	if end < 0 {
		return nil, fmt.Errorf("a text does not end")
	}
	text := p.rest[1 : 1+end]
	p.rest = p.rest[end+2:]
	if strings.Contains(text, `\`) || !utf8.ValidString(text) {
		return nil, fmt.Errorf("text %q: %w", text, ErrUndecided)
	}
	return text, nil
}

func (e expression) holds(user Attributes) (bool, error) {
	switch e.operator {
	case "and", "or":
		return e.junction(user, e.operator == "and")
	case "not":
		if len(e.operands) != 1 {
			return false, fmt.Errorf("not takes one operand, and has %d", len(e.operands))
		}
		holds, err := truth(e.operands[0], user)
		return !holds, err
	case "exists":
		if name, ok := e.only(); ok {
			_, there := user[name]
			return there, nil
		}
		return false, fmt.Errorf("exists: %w", ErrUndecided)
	}
	if len(e.operands) != 2 {
		return false, fmt.Errorf("operator %q with %d operands: %w", e.operator, len(e.operands), ErrUndecided)
	}
	return compare(e.operator, value(e.operands[0], user), value(e.operands[1], user))
}

// only is the single operand, if that is the name of an attribute.
func (e expression) only() (name string, ok bool) {
	if len(e.operands) != 1 {
		return "", false
	}
	switch operand := e.operands[0].(type) {
	case string:
		return operand, true
	case attribute:
		return string(operand), true
	}
	return "", false
}

func (e expression) junction(user Attributes, and bool) (bool, error) {
	for _, operand := range e.operands {
		holds, err := truth(operand, user)
		if err != nil || holds != and {
			return holds, err
		}
	}
	return and, nil
}

func truth(operand any, user Attributes) (bool, error) {
	switch operand := value(operand, user).(type) {
	case expression:
		return operand.holds(user)
	case bool:
		return operand, nil
	}
	return false, fmt.Errorf("%v is neither true nor false: %w", operand, ErrUndecided)
}

// value is what an operand stands for; nil is an attribute that the user has not.
func value(operand any, user Attributes) any {
	if name, ok := operand.(attribute); ok {
		return user[string(name)]
	}
	return operand
}

// compare does an operator with two operands. What the user has not, no operator is true of.
func compare(operator string, a, b any) (bool, error) {
	if a == nil || b == nil {
		switch operator {
		case "eq", "in", "begins_with", "ends_with", "contains", "gt", "gte", "lt", "lte":
			return false, nil
		}
	}
	switch operator {
	case "eq":
		return equal(a, b)
	case "in":
		return contained(a, b)
	case "begins_with":
		return texts(strings.HasPrefix)(a, b)
	case "ends_with":
		return texts(strings.HasSuffix)(a, b)
	case "contains":
		return texts(strings.Contains)(a, b)
	case "gt", "gte", "lt", "lte":
		operation, _ := binary(map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}[operator])
		return operation(a, b)
	}
	return false, fmt.Errorf("operator %q: %w", operator, ErrUndecided)
}
