package fault

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// maxPath bounds the text of a path, in bytes.
const maxPath = 1000

// dotted is a dotted path, split.
type dotted []string

func parsePath(text string) (dotted, error) {
	if len(text) > maxPath {
		return nil, fmt.Errorf("is a path of %d bytes, more than %d", len(text), maxPath)
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errors.New("is not a path: it has a control character")
	}
	segments := strings.Split(text, ".")
	for _, s := range segments {
		if s == "" {
			return nil, errors.New("is not a path: write names and numbers with dots between them, such as headers.host or Records.0.body")
		}
	}
	return segments, nil
}

// clause is a compiled Condition.
type clause struct {
	path  dotted
	holds func(event []byte) bool
}

// compileMatch checks conditions and makes them ready. Fields of problems begin with the condition's number.
func compileMatch(conditions []Condition) ([]clause, []Problem) {
	var clauses []clause
	var problems []Problem
	var expressions patterns
	for i, c := range conditions {
		compiled, problem := c.compile(&expressions)
		if problem != nil {
			problem.Field = fmt.Sprintf("[%d].%s", i, problem.Field)
			problems = append(problems, *problem)
			continue
		}
		clauses = append(clauses, compiled)
	}
	return clauses, problems
}

func (c Condition) compile(expressions *patterns) (clause, *Problem) {
	p, err := parsePath(c.Path)
	if err != nil {
		return clause{}, &Problem{Field: "path", Value: c.Path, Message: err.Error()}
	}
	var test func(text []byte) bool
	switch c.Operator {
	case "", "eq":
		test = func(text []byte) bool { return string(text) == c.Value }
	case "exists":
		return clause{p, func(event []byte) bool {
			v, ok := lookup(event, p)
			return ok && !v.null()
		}}, nil
	case "startsWith":
		prefix := []byte(c.Value)
		test = func(text []byte) bool { return bytes.HasPrefix(text, prefix) }
	case "regex":
		expression, err := expressions.compile(c.Value)
		if err != nil {
			return clause{}, &Problem{Field: "value", Value: valueText(c.Value), Message: fmt.Sprintf("is not a regular expression (RE2): %v", err)}
		}
		test = expression.Match
	default:
		return clause{}, &Problem{Field: "operator", Value: valueText(c.Operator), Message: "is not an operator", Hint: "one of eq, exists, startsWith, regex"}
	}
	return clause{p, func(event []byte) bool {
		v, ok := lookup(event, p)
		return ok && !v.null() && test(v.text())
	}}, nil
}
