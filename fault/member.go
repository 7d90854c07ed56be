package fault

import (
	"fmt"
	"maps"
)

// parseMember reads the member of one kind. enabled is false where it is off, at 0 percent, or invalid.
func parseMember(k kind, raw any) (f flag, enabled bool, problems []Problem) {
	object, ok := raw.(map[string]any)
	if !ok {
		return f, false, []Problem{{Value: valueText(raw), Message: "is not an object"}}
	}
	attributes := maps.Clone(object)
	f = flag{kind: k.Kind, percentage: 100}
	take := func(name string, read func(raw any) []Problem) {
		if raw, ok := attributes[name]; ok {
			delete(attributes, name)
			problems = append(problems, under(name, read(raw))...)
		}
	}
	if _, ok := object["enabled"]; !ok {
		problems = append(problems, Problem{Field: "enabled", Message: "is missing", Hint: "true or false"})
	}
	take("enabled", func(raw any) []Problem {
		on, ok := raw.(bool)
		if !ok {
			return []Problem{{Value: valueText(raw), Message: "is not true or false"}}
		}
		enabled = on
		return nil
	})
	take("percentage", func(raw any) []Problem {
		n, ok := number(raw)
		if !ok || n < 0 || n > 100 {
			return []Problem{{Value: valueText(raw), Message: "is not a number between 0 and 100"}}
		}
		f.percentage = n
		return nil
	})
	take("match", func(raw any) (wrong []Problem) {
		f.match, wrong = readMatch(raw)
		return wrong
	})
	v, wrong := k.read(attributes, false)
	problems = append(problems, wrong...)
	if anyFatal(problems) {
		return f, false, problems
	}
	f.behaviour, wrong = k.build(v)
	wrong = append(wrong, f.checkMatch(len(f.match))...)
	problems = append(problems, wrong...)
	return f, enabled && f.percentage > 0 && !anyFatal(wrong), problems
}

// maxConditions bounds what a member costs each invocation: every condition is a walk through the event.
const maxConditions = 100

// readMatch reads match as it stands in a document.
func readMatch(raw any) ([]clause, []Problem) {
	list, ok := raw.([]any)
	if !ok {
		return nil, []Problem{{Value: valueText(raw), Message: "is not a list of conditions"}}
	}
	if len(list) > maxConditions {
		return nil, []Problem{{Value: fmt.Sprintf("%d conditions", len(list)), Message: fmt.Sprintf("are more than %d", maxConditions)}}
	}
	var conditions []Condition
	var problems []Problem
	for i, element := range list {
		c, wrong := readCondition(element)
		conditions = append(conditions, c)
		problems = append(problems, under(fmt.Sprintf("[%d]", i), wrong)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return compileMatch(conditions)
}

func readCondition(raw any) (c Condition, problems []Problem) {
	object, ok := raw.(map[string]any)
	if !ok {
		return c, []Problem{{Value: valueText(raw), Message: "is not a condition", Hint: `{"path": ..., "operator": ..., "value": ...}`}}
	}
	for _, field := range []struct {
		name string
		to   *string
	}{{"path", &c.Path}, {"operator", &c.Operator}, {"value", &c.Value}} {
		raw, given := object[field.name]
		text, ok := raw.(string)
		if given && !ok {
			problems = append(problems, Problem{Field: field.name, Value: valueText(raw), Message: "is not text"})
		}
		*field.to = text
	}
	if _, given := object["value"]; !given && c.Operator != "exists" {
		problems = append(problems, Problem{Field: "value", Message: "is missing", Hint: "only the operator exists does without"})
	}
	return c, problems
}
