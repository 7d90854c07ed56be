package fault

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// An AttributeType says which values an Attribute takes.
type AttributeType string

// The types of attributes. In a fault set a duration is a number of milliseconds, or text such as "100ms".
const (
	TypeDuration AttributeType = "duration"
	TypeInteger  AttributeType = "integer"
	TypeText     AttributeType = "text"
	TypeFlag     AttributeType = "flag"    // true or false
	TypeTexts    AttributeType = "texts"   // a list of texts
	TypeHeaders  AttributeType = "headers" // an object of texts
	TypeBody     AttributeType = "body"    // text as it is, anything else as its JSON
)

// An Attribute describes one setting of a kind.
type Attribute struct {
	Name     string // in a fault set
	Friendly string // in an experiment file, beside Name; "" if there is no other
	Type     AttributeType
	Min, Max float64  // bounds of durations (milliseconds) and integers; no upper bound where Max is 0
	Values   []string // the texts allowed; nil for any
	Required bool
	Doc      string // meaning and default
}

// values are attributes by Name, each of the Go type that belongs to its AttributeType: float64
// (milliseconds for durations), string, bool, []string, map[string]string.
type values map[string]any

func (v values) has(name string) bool { _, ok := v[name]; return ok }

func (v values) number(name string, otherwise float64) float64 {
	if n, ok := v[name].(float64); ok {
		return n
	}
	return otherwise
}

func (v values) text(name, otherwise string) string {
	if s, ok := v[name].(string); ok {
		return s
	}
	return otherwise
}

func (v values) flag(name string) bool { on, _ := v[name].(bool); return on }

func (v values) texts(name string) []string { list, _ := v[name].([]string); return slices.Clone(list) }

func (v values) headers(name string) map[string]string { h, _ := v[name].(map[string]string); return h }

// CheckAttributes says what is wrong with the attributes of a kind, under either of their names. Fields are
// as given. Nothing is a mere warning here: who writes an attribute means it.
func CheckAttributes(k Kind, a Attributes) []Problem {
	_, problems := Normalize(k, a)
	return problems
}

// Normalize translates the attributes of a kind from the friendly names of experiment files (min: 100ms) to
// the names of fault sets (min_latency: 100), and checks them. Either name may be used. A friendly duration
// needs its unit; under the fault set's name a number counts milliseconds.
func Normalize(k Kind, a Attributes) (Attributes, []Problem) {
	info, ok := kindByName(k)
	if !ok {
		return nil, []Problem{unknownKind(k)}
	}
	v, problems := info.read(a, true)
	if !anyFatal(problems) {
		_, more := info.build(v)
		problems = append(problems, more...)
	}
	return Attributes(v), problems
}

// Normalize checks attributes one by one, as the function of that name does for the kinds of this package; for kinds of
// others' that are described in the same way.
func (k KindInfo) Normalize(a Attributes) (Attributes, []Problem) {
	v, problems := kind{KindInfo: k}.read(a, true)
	return Attributes(v), problems
}

// Member builds the member of a fault set that arms a kind: percentage is in [0, 100].
func Member(k Kind, a Attributes, percentage float64, match []Condition) (json.RawMessage, error) {
	info, _ := kindByName(k)
	normal, problems := Normalize(k, a)
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %s", k, problems[0])
	}
	if !(percentage >= 0 && percentage <= 100) {
		return nil, fmt.Errorf("%s: percentage %v is not between 0 and 100", k, percentage)
	}
	if b, _ := info.build(values(normal)); len(match) > 0 {
		if problems := b.checkMatch(len(match)); len(problems) > 0 {
			return nil, fmt.Errorf("%s: %s", k, problems[0])
		}
	}
	member := map[string]any{"enabled": true, "percentage": percentage}
	if len(match) > 0 {
		if _, problems := compileMatch(match); len(problems) > 0 {
			return nil, fmt.Errorf("%s: match%s", k, problems[0])
		}
		member["match"] = match
	}
	maps.Copy(member, normal)
	return json.Marshal(member)
}

func unknownKind(k Kind) Problem {
	var names []string
	for _, info := range kinds() {
		names = append(names, string(info.Kind))
	}
	return Problem{Value: string(k), Message: "is not a kind of fault", Hint: "one of " + strings.Join(names, ", ")}
}

// read turns raw attributes into values. Friendly names are allowed, and unknown ones are fatal, only where
// the attributes come from an experiment file.
func (k kind) read(a Attributes, friendly bool) (values, []Problem) {
	v := values{}
	var problems []Problem
	for _, given := range slices.Sorted(maps.Keys(a)) {
		attribute, ok := k.attribute(given, friendly)
		if !ok {
			problems = append(problems, k.unknownAttribute(given, friendly))
			continue
		}
		if v.has(attribute.Name) {
			problems = append(problems, Problem{Field: given, Message: "is given twice, as " + attribute.Name + " and as " + attribute.Friendly})
			continue
		}
		value, problem := attribute.read(a[given], given != attribute.Name)
		if problem != nil {
			problem.Field, problem.Value = given, valueText(a[given])
			problems = append(problems, *problem)
			continue
		}
		v[attribute.Name] = value
	}
	for _, attribute := range k.Attributes {
		if attribute.Required && !v.has(attribute.Name) && !anyFatal(problems) {
			problems = append(problems, Problem{Field: attribute.Name, Message: "is missing"})
		}
	}
	return v, problems
}

func (k kind) attribute(name string, friendly bool) (Attribute, bool) {
	for _, a := range k.Attributes {
		if a.Name == name || (friendly && a.Friendly != "" && a.Friendly == name) {
			return a, true
		}
	}
	return Attribute{}, false
}

func (k kind) unknownAttribute(name string, friendly bool) Problem {
	var known []string
	for _, a := range k.Attributes {
		if friendly && a.Friendly != "" {
			known = append(known, a.Friendly)
		} else {
			known = append(known, a.Name)
		}
	}
	hint := "it has none"
	if len(known) > 0 {
		hint = "it has " + strings.Join(known, ", ")
	}
	return Problem{Field: name, Message: fmt.Sprintf("is not an attribute of %s", k.Kind), Hint: hint, Warning: !friendly}
}

// read turns one raw value into its Go type. unit demands a unit of durations.
func (a Attribute) read(raw any, unit bool) (any, *Problem) {
	switch a.Type {
	case TypeDuration:
		return a.readDuration(raw, unit)
	case TypeInteger:
		n, ok := number(raw)
		if !ok || n != math.Trunc(n) {
			return nil, &Problem{Message: "is not a whole number"}
		}
		return a.bounded(n, "")
	case TypeFlag:
		if on, ok := raw.(bool); ok {
			return on, nil
		}
		return nil, &Problem{Message: "is not true or false"}
	case TypeTexts:
		return readTexts(raw)
	case TypeHeaders:
		return readHeaders(raw)
	case TypeBody:
		if text, ok := raw.(string); ok {
			return text, nil
		}
		encoded, err := json.Marshal(raw)
		if err != nil || raw == nil {
			return nil, &Problem{Message: "is neither text nor JSON"}
		}
		return string(encoded), nil
	default:
		return a.readText(raw)
	}
}

func (a Attribute) readDuration(raw any, unit bool) (any, *Problem) {
	if n, ok := number(raw); ok {
		if unit && n != 0 {
			return nil, &Problem{Message: "has no unit", Hint: fmt.Sprintf("write %vms or %vs", n, n)}
		}
		return a.bounded(n, "ms")
	}
	text, ok := raw.(string)
	if !ok {
		return nil, &Problem{Message: "is not a duration", Hint: "write 100ms, 1.5s or 2m"}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, &Problem{Message: "is not a duration", Hint: "write 100ms, 1.5s or 2m"}
	}
	return a.bounded(float64(d)/float64(time.Millisecond), "ms")
}

func (a Attribute) bounded(n float64, unit string) (any, *Problem) {
	switch {
	case n < a.Min || math.IsNaN(n):
		return nil, &Problem{Message: fmt.Sprintf("is less than %v%s", a.Min, unit)}
	case a.Max != 0 && n > a.Max:
		return nil, &Problem{Message: fmt.Sprintf("is more than %v%s", a.Max, unit)}
	}
	return n, nil
}

func (a Attribute) readText(raw any) (any, *Problem) {
	text, ok := raw.(string)
	if !ok {
		return nil, &Problem{Message: "is not text"}
	}
	if a.Values != nil && !slices.Contains(a.Values, text) {
		return nil, &Problem{Message: "is not allowed", Hint: "one of " + strings.Join(a.Values, ", ")}
	}
	return text, nil
}

func readTexts(raw any) (any, *Problem) {
	switch raw := raw.(type) {
	case []string:
		return slices.Clone(raw), nil
	case []any:
		list := make([]string, len(raw))
		for i, element := range raw {
			text, ok := element.(string)
			if !ok {
				return nil, &Problem{Message: fmt.Sprintf("has the element %s, which is not text", valueText(element))}
			}
			list[i] = text
		}
		return list, nil
	}
	return nil, &Problem{Message: "is not a list of texts"}
}

func readHeaders(raw any) (any, *Problem) {
	switch raw := raw.(type) {
	case map[string]string:
		return maps.Clone(raw), nil
	case map[string]any:
		headers := make(map[string]string, len(raw))
		for name, value := range raw {
			text, ok := value.(string)
			if !ok {
				return nil, &Problem{Message: fmt.Sprintf("has the header %s, whose value is not text", name)}
			}
			headers[name] = text
		}
		return headers, nil
	}
	return nil, &Problem{Message: "is not an object of texts"}
}

// number reads the numbers that JSON and YAML decoders yield.
func number(raw any) (float64, bool) {
	switch n := raw.(type) {
	case float64:
		return n, !math.IsInf(n, 0) && !math.IsNaN(n)
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

// canonical is the usual spelling of a header's name: Content-Type.
func canonical(name string) string {
	parts := strings.Split(strings.ToLower(name), "-")
	for i, part := range parts {
		if part != "" {
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "-")
}
