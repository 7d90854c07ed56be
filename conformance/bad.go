package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// A BadInput is a document that a host must refuse: with one line in its log, which names the field, and without a
// trace in its answers. What is not wrong in it would be seen.
type BadInput struct {
	Name     string
	Document string
	Field    string   // as the log names it
	Env      []string // variables beside FIREDRILL_CONFIG: names and values in turn
}

// BadInputs makes all of them. The clock is the host's.
func BadInputs(now time.Time) []BadInput {
	inputs := slices.Concat(documents(), drills(now), signatures(now))
	for _, k := range fault.Kinds() {
		inputs = slices.Concat(inputs, members(k), attributes(k), strangers(k))
	}
	return inputs
}

// exception is a kind that nobody overlooks.
func exception() fault.KindInfo {
	kinds := fault.Kinds()
	return kinds[slices.IndexFunc(kinds, func(k fault.KindInfo) bool { return k.Kind == fault.Exception })]
}

// documents are wrong as a whole.
func documents() (inputs []BadInput) {
	armed := Document(exception(), Member(exception(), nil), nil)
	for name, doc := range map[string]string{
		"null": "null", "a list": "[" + armed + "]", "a text": `"x"`, "no JSON": "exception: true", "cut off": armed[:len(armed)-1],
		"two documents": armed + armed, "a NUL byte before it": "\x00" + armed, "NUL bytes in it": strings.Replace(armed, ":", ":\x00", 1),
		"a byte order mark": "\ufeff" + armed, "nested 20000 times": `{"exception":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}",
		"1 MB of junk": strings.Repeat("\x00\xff{[\"", 1<<18), "more than 1 MB": `{"x":"` + strings.Repeat("x", 1<<20) + `",` + armed[1:],
	} {
		inputs = append(inputs, BadInput{Name: "document: " + name, Document: doc})
	}
	return inputs
}

// drills are wrong in the member "firedrill", which disarms the whole.
func drills(now time.Time) (inputs []BadInput) {
	add := func(field string, value any) {
		drill := map[string]any{field: value}
		inputs = append(inputs, BadInput{Name: fmt.Sprintf("firedrill.%s: %s", field, shown(value)), Field: "firedrill." + field,
			Document: Document(exception(), Member(exception(), nil), map[string]any{"firedrill": drill})})
	}
	for _, value := range []any{nil, 1, true, []any{}, map[string]any{}} {
		add("run", value)
	}
	for _, value := range []any{nil, 1, "", "tomorrow", "2026-11-21", "0001-01-01T00:00:00Z", "2026-13-41T25:61:61Z"} {
		add("expires_at", value)
	}
	for _, value := range []any{nil, "1", -1, 1.5, json.Number("18446744073709551616"), json.Number("1e400")} {
		add("seed", value)
	}
	for _, value := range append(paths(), nil, 1, []any{"a"}) {
		add("sample_by", value)
	}
	for _, value := range []any{nil, 1, "true"} {
		add("dry_run", value)
	}
	for _, value := range []any{nil, "latency", []any{1}} {
		add("armed", value)
	}
	for _, value := range []any{nil, "shop", []any{}, []any{1}, []any{""}, []any{"a*b"}, []any{"*a"}, []any{"another"}} {
		add("audience", value)
	}
	// A lease that has passed, also by the clock of a host that is an hour ahead. One that is an hour behind sees a
	// lease that is an hour longer: nobody can tell.
	for _, ago := range []time.Duration{0, time.Second, time.Hour, 20 * 365 * 24 * time.Hour} {
		add("expires_at", now.Add(-ago).UTC().Format(time.RFC3339))
	}
	for _, value := range []any{nil, 1, "x", []any{}} {
		inputs = append(inputs, BadInput{Name: "firedrill: " + shown(value), Field: "firedrill",
			Document: Document(exception(), Member(exception(), nil), map[string]any{"firedrill": value})})
	}
	return inputs
}

// members are wrong in what all kinds have in common.
func members(k fault.KindInfo) (inputs []BadInput) {
	add := func(field string, value any, at string) {
		inputs = append(inputs, BadInput{Name: fmt.Sprintf("%s.%s: %s", k.Kind, field, shown(value)), Field: string(k.Kind) + "." + field + at,
			Document: Document(k, Member(k, map[string]any{field: value}), nil)})
	}
	for _, value := range []any{missing, nil, 0, 1, "true", []any{}, map[string]any{}} {
		add("enabled", value, "")
	}
	for _, value := range []any{nil, "50", true, -1, -1e-9, 100.001, 101, json.Number("1e400"), []any{50}} {
		add("percentage", value, "")
	}
	for _, value := range []any{nil, "x", 1, map[string]any{"path": "a", "value": "b"}, slices.Repeat([]any{map[string]any{"path": "a", "value": "b"}}, 101)} {
		add("match", value, "")
	}
	for _, value := range []any{nil, "x", []any{}} {
		add("match", []any{value}, "[0]")
	}
	condition := func(at string, c map[string]any) { add("match", []any{c}, "[0]."+at) }
	for _, path := range paths() {
		condition("path", map[string]any{"path": path, "value": "b"})
	}
	for _, wrong := range []any{1, nil, []any{"a"}} {
		condition("path", map[string]any{"path": wrong, "value": "b"})
		condition("value", map[string]any{"path": "a", "value": wrong})
		condition("operator", map[string]any{"path": "a", "operator": wrong, "value": "b"})
	}
	condition("value", map[string]any{"path": "a"})
	condition("operator", map[string]any{"path": "a", "operator": "like", "value": "b"})
	for _, expression := range expressions() {
		condition("value", map[string]any{"path": "a", "operator": "regex", "value": expression})
	}
	for _, value := range []any{nil, true, 1, "x", []any{}} {
		inputs = append(inputs, BadInput{Name: fmt.Sprintf("%s: %s", k.Kind, shown(value)), Field: string(k.Kind), Document: Document(k, value, nil)})
	}
	return inputs
}

// attributes are of wrong types and out of range.
func attributes(k fault.KindInfo) (inputs []BadInput) {
	for _, a := range k.Attributes {
		wrong := []any{nil}
		switch a.Type {
		case fault.TypeDuration, fault.TypeInteger:
			wrong = append(wrong, true, "soon", "", []any{1}, map[string]any{}, a.Min-1, json.Number("1e400"), json.Number("-1e400"))
			if a.Max != 0 {
				wrong = append(wrong, a.Max+1)
			}
			if a.Type == fault.TypeInteger {
				wrong = append(wrong, a.Min+0.5)
			}
		case fault.TypeFlag:
			wrong = append(wrong, 1, "true", []any{})
		case fault.TypeText:
			wrong = append(wrong, 1, true, []any{"a"}, map[string]any{})
			if a.Values != nil {
				wrong = append(wrong, "no such thing", "")
			}
		case fault.TypeTexts:
			wrong = append(wrong, 1, "a", []any{1}, []any{nil}, map[string]any{})
			if k.Kind == fault.Denylist && a.Name == "deny_list" {
				for _, expression := range expressions() {
					wrong = append(wrong, []any{expression})
				}
			}
		case fault.TypeHeaders:
			wrong = append(wrong, 1, "a", []any{}, map[string]any{"a": 1}, map[string]any{"a": nil})
		}
		for _, value := range wrong {
			inputs = append(inputs, BadInput{Name: fmt.Sprintf("%s.%s: %s", k.Kind, a.Name, shown(value)), Field: string(k.Kind) + "." + a.Name,
				Document: Document(k, Member(k, map[string]any{a.Name: value}), nil)})
		}
	}
	return inputs
}

// strangers are attributes of other kinds: they are told of and ignored, so the kind is at 0 percent.
func strangers(k fault.KindInfo) (inputs []BadInput) {
	foreign := map[string]any{}
	for _, other := range fault.Kinds() {
		for _, a := range other.Attributes {
			foreign[a.Name] = smallest(a)
		}
	}
	for _, a := range k.Attributes {
		delete(foreign, a.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(foreign)) {
		inputs = append(inputs, BadInput{Name: fmt.Sprintf("%s.%s: of another kind", k.Kind, name), Field: string(k.Kind) + "." + name,
			Document: Document(k, Member(k, map[string]any{name: foreign[name], "percentage": 0}), nil)})
	}
	return inputs
}

// paths are no paths.
func paths() []any {
	return []any{"", ".", "..", "a..b", ".a", "a.", "../../etc/passwd", "a\x00b", "\x00", "a.\n", strings.Repeat("a.", 10000) + "a", strings.Repeat("a", 1<<16)}
}

// expressions are no regular expressions, or none that a function should compile.
func expressions() []any {
	return []any{"(", "[", "*", `\`, "(?=a)", `(a)\1`, "a{2000}", "(a{1000}){1000}", "((a{100}){100}){100}", strings.Repeat(".{1000}", 100),
		strings.Repeat("(", 2000) + strings.Repeat(")", 2000), strings.Repeat("a", 1<<16)}
}

// shown is a value in a test's name.
func shown(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	if value == missing {
		return "missing"
	}
	if len(text) > 80 {
		return fmt.Sprintf("%s... (%d bytes)", text[:80], len(text))
	}
	return string(text)
}
