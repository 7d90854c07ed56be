package experiment

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/firedrill-dev/firedrill/fault"
)

// clause reads one condition of match.
func clause() value[fault.Condition] {
	shape := object(fault.Condition{}, []field[fault.Condition]{
		key("path", "Dotted path in the event, such as requestContext.http.path or Records.0.body.", dotted(), func(c *fault.Condition) *string { return &c.Path }).must(),
		key("operator", "eq (default), exists, startsWith or regex.", operator(), func(c *fault.Condition) *string { return &c.Operator }),
		key("value", "What the text at path is compared with.", text(), func(c *fault.Condition) *string { return &c.Value }),
	})
	return value[fault.Condition]{schema: shape.schema, read: func(d *decoder, n *node, path string) (fault.Condition, bool) {
		c, ok := shape.read(d, n, path)
		if !ok {
			return c, false
		}
		at := join(path, "value")
		switch {
		case c.Operator != "exists" && !d.has(at):
			d.problem(at, "", "is missing: "+operatorName(c.Operator)+" compares with it", "")
			return c, false
		case c.Operator == "exists" && d.has(at):
			d.problem(at, c.Value, "does not go with exists, which compares with nothing", "")
			return c, false
		case c.Operator == "regex":
			if _, err := regexp.Compile(c.Value); err != nil {
				d.problem(at, c.Value, fmt.Sprintf("is not a regular expression (RE2): %v", err), "")
				return c, false
			}
		}
		return c, true
	}}
}

func operatorName(o string) string {
	if o == "" {
		return "eq"
	}
	return o
}

func operator() value[string] {
	operators := []string{"eq", "exists", "startsWith", "regex"}
	return value[string]{schema: schema{"enum": operators}, read: func(d *decoder, n *node, path string) (string, bool) {
		if n.form != scalar || !slices.Contains(operators, n.text) {
			d.expected(n, path, "an operator", closest(n.text, operators))
			return "", false
		}
		return n.text, true
	}}
}
