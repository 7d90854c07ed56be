package flag

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds how deep rules are nested.
const maxDepth = 100

// logic evaluates JsonLogic, as far as it is the same for all who do: comparisons, logic, in, starts_with and ends_with, on
// the attributes of a user. What a user of a fraction gets, or a value that JavaScript would convert, is undecided.
type logic struct {
	user  Attributes
	depth int
}

func (l logic) apply(rule any) (any, error) {
	switch rule := rule.(type) {
	case json.Number:
		return rule.Float64()
	case []any:
		return l.all(rule)
	case map[string]any:
		return l.operation(rule)
	}
	return rule, nil
}

func (l logic) all(rules []any) ([]any, error) {
	out := make([]any, len(rules))
	for i := range rules {
		var err error
		if out[i], err = l.apply(rules[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (l logic) operation(rule map[string]any) (any, error) {
	if l.depth++; l.depth > maxDepth {
		return nil, fmt.Errorf("its rules are nested deeper than %d", maxDepth)
	}
	if len(rule) != 1 {
		return nil, fmt.Errorf("an operation of JsonLogic has one name, and this one has %d", len(rule))
	}
	for name, operand := range rule {
		args, ok := operand.([]any)
		if !ok {
			args = []any{operand}
		}
		switch name {
		case "var":
			return l.variable(args)
		case "if":
			return l.choose(args)
		case "and", "or":
			return l.junction(name == "and", args)
		}
		values, err := l.all(args)
		if err != nil {
			return nil, err
		}
		return compute(name, values)
	}
	return nil, nil
}

// variable is an attribute of the user, or the default that stands beside its name.
func (l logic) variable(args []any) (any, error) {
	name, ok := "", false
	if len(args) > 0 {
		name, ok = args[0].(string)
	}
	if !ok || !attributeName.MatchString(name) {
		return nil, fmt.Errorf("var %v: %w", args, ErrUndecided)
	}
	if v, ok := l.user[name]; ok {
		return v, nil
	}
	if len(args) > 1 {
		return l.apply(args[1])
	}
	return nil, nil
}

func (l logic) choose(args []any) (any, error) {
	for ; len(args) > 1; args = args[2:] {
		condition, err := l.apply(args[0])
		if err != nil {
			return nil, err
		}
		if truthy(condition) {
			return l.apply(args[1])
		}
	}
	if len(args) == 1 {
		return l.apply(args[0])
	}
	return nil, nil
}

// junction is the first operand that settles it, or the last.
func (l logic) junction(and bool, args []any) (last any, err error) {
	for _, arg := range args {
		if last, err = l.apply(arg); err != nil || truthy(last) != and {
			return last, err
		}
	}
	return last, nil
}

// truthy is what JsonLogic takes for true.
func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != ""
	case float64:
		return v != 0
	case []any:
		return len(v) > 0
	}
	return true
}

// compute does an operation that needs all of its operands.
func compute(name string, args []any) (any, error) {
	if name == "!" || name == "!!" {
		if len(args) != 1 {
			return nil, fmt.Errorf("%s takes one operand, and has %d", name, len(args))
		}
		return truthy(args[0]) == (name == "!!"), nil
	}
	if (name == "<" || name == "<=") && len(args) == 3 {
		return nil, fmt.Errorf("%s between two: %w", name, ErrUndecided)
	}
	operation, ok := binary(name)
	if !ok {
		return nil, fmt.Errorf("operation %q: %w", name, ErrUndecided)
	}
	if len(args) != 2 {
		return nil, fmt.Errorf("%s takes two operands, and has %d", name, len(args))
	}
	return operation(args[0], args[1])
}

// binary finds an operation with two operands.
func binary(name string) (operation func(a, b any) (bool, error), ok bool) {
	switch name {
	case "==":
		return equal, true
	case "!=":
		return func(a, b any) (bool, error) { same, err := equal(a, b); return !same, err }, true
	case "===":
		return func(a, b any) (bool, error) { return identical(a, b), nil }, true
	case "!==":
		return func(a, b any) (bool, error) { return !identical(a, b), nil }, true
	case "<":
		return ordered(func(a, b float64) bool { return a < b }), true
	case "<=":
		return ordered(func(a, b float64) bool { return a <= b }), true
	case ">":
		return ordered(func(a, b float64) bool { return a > b }), true
	case ">=":
		return ordered(func(a, b float64) bool { return a >= b }), true
	case "in":
		return contained, true
	case "starts_with":
		return texts(strings.HasPrefix), true
	case "ends_with":
		return texts(strings.HasSuffix), true
	}
	return nil, false
}

func identical(a, b any) bool {
	switch a.(type) {
	case []any, map[string]any:
		return false
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

// equal is JavaScript's ==, where that needs no conversion but of a number's text.
func equal(a, b any) (bool, error) {
	number, isNumber := a.(float64)
	text, isText := b.(string)
	if !isNumber || !isText {
		number, isNumber = b.(float64)
		text, isText = a.(string)
	}
	switch {
	case isNumber && isText:
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		return err == nil && n == number, nil
	case a == nil || b == nil:
		return a == nil && b == nil, nil
	}
	switch a.(type) {
	case string:
		if isString(b) {
			return a == b, nil
		}
	case float64:
		if _, ok := b.(float64); ok {
			return a == b, nil
		}
	case bool:
		if _, ok := b.(bool); ok {
			return a == b, nil
		}
	}
	return false, fmt.Errorf("%v == %v: %w", a, b, ErrUndecided)
}

func isString(v any) bool { _, ok := v.(string); return ok }

// ordered compares numbers; a user without the attribute is in no order.
func ordered(holds func(a, b float64) bool) func(a, b any) (bool, error) {
	return func(a, b any) (bool, error) {
		x, okX := a.(float64)
		y, okY := b.(float64)
		if !okX || !okY {
			return false, fmt.Errorf("%v and %v are in no order: %w", a, b, ErrUndecided)
		}
		return holds(x, y), nil
	}
}

// contained is about a part of a text, or an element of a list.
func contained(a, b any) (bool, error) {
	switch b := b.(type) {
	case nil:
		return false, nil
	case string:
		if text, ok := a.(string); ok {
			return strings.Contains(b, text), nil
		}
	case []any:
		return slices.ContainsFunc(b, func(v any) bool { return identical(a, v) }), nil
	}
	return false, fmt.Errorf("%v in %v: %w", a, b, ErrUndecided)
}

func texts(holds func(a, b string) bool) func(a, b any) (bool, error) {
	return func(a, b any) (bool, error) {
		x, okX := a.(string)
		y, okY := b.(string)
		return okX && okY && holds(x, y), nil
	}
}
