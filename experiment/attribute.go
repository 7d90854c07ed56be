package experiment

import (
	"slices"

	"github.com/firedrill-dev/firedrill/fault"
)

// raw passes a value through, to be read when more is known.
func raw() value[*node] {
	return value[*node]{schema: schema{"type": "object"}, read: func(d *decoder, n *node, path string) (*node, bool) {
		if n.form != mapping {
			d.expected(n, path, "key: value pairs", "")
			return nil, false
		}
		return n, true
	}}
}

// attributes reads what a kind of fault is to do, and has the kind judge it.
func (d *decoder) attributes(kind Kind, n *node, path string) (fault.Attributes, bool) {
	given := fault.Attributes{}
	if n == nil {
		n = &node{form: mapping}
		if d.has(path) {
			return nil, false // told already
		}
	}
	for _, e := range n.entries {
		at := join(path, e.key.text)
		d.places[at] = e.value
		if !whole(e.value) {
			return nil, false // told already
		}
		if e.value.form == null {
			d.expected(e.value, at, "a value", "")
			return nil, false
		}
		given[e.key.text] = attributeValue(e.value, kind.attributeType(e.key.text))
	}
	normal, problems := kind.normalize(given)
	good := true
	for _, p := range problems {
		at := join(path, p.Field)
		if p.Field == "" {
			at = path
		}
		if _, isKey := given[p.Field]; isKey && kind.attributeType(p.Field) == "" {
			d.places[at] = keyOf(n, p.Field)
			p.Value, p.Hint = p.Field, closest(p.Field, kind.friendly())
		}
		d.problem(at, p.Value, p.Message, p.Hint)
		good = false
	}
	return normal, good
}

// whole reports whether nothing in a value is broken.
func whole(n *node) bool {
	for _, e := range n.entries {
		if !whole(e.value) {
			return false
		}
	}
	return n.form != broken && !slices.ContainsFunc(n.items, func(item *node) bool { return !whole(item) })
}

func keyOf(n *node, name string) *node {
	for _, e := range n.entries {
		if e.key.text == name {
			return e.key
		}
	}
	return n
}

// attributeType is the type of a kind's attribute under either of its names, "" if there is none.
func (k Kind) attributeType(name string) fault.AttributeType {
	a, _ := k.attribute(name)
	return a.Type
}

// attributeValue is a node as fault wants it: text where text is wanted, although it may look like a number.
func attributeValue(n *node, t fault.AttributeType) any {
	switch {
	case n.form == scalar && (t == fault.TypeText || t == fault.TypeBody):
		return n.text
	case n.form == mapping && t == fault.TypeHeaders:
		out := map[string]any{}
		for _, e := range n.entries {
			out[e.key.text] = attributeValue(e.value, fault.TypeText)
		}
		return out
	case n.form == sequence && t == fault.TypeTexts:
		out := []any{}
		for _, item := range n.items {
			out = append(out, attributeValue(item, fault.TypeText))
		}
		return out
	}
	return n.any()
}

// attributeSchemas tell editors what may stand under with, for each kind of fault.
func (c catalog) attributeSchemas() []any {
	var all []any
	for _, k := range c {
		properties := schema{}
		for _, a := range k.Attributes {
			properties[a.Name] = attributeSchema(a, false)
			if a.Friendly != "" {
				properties[a.Friendly] = attributeSchema(a, true)
			}
		}
		with := schema{"properties": properties, "additionalProperties": false, "description": k.Doc + "."}
		all = append(all, schema{
			"if":   schema{"properties": schema{"fault": schema{"const": string(k.Kind)}}, "required": []string{"fault"}},
			"then": schema{"properties": schema{"with": with}},
		})
	}
	return all
}

func attributeSchema(a fault.Attribute, friendly bool) schema {
	out := schema{}
	number := schema{"type": "number", "minimum": a.Min}
	if a.Max != 0 {
		number["maximum"] = a.Max
	}
	variable := schema{"type": "string", "pattern": patternVariable}
	switch a.Type {
	case fault.TypeDuration:
		forms := []any{schema{"type": "string", "pattern": patternDuration}, variable}
		if friendly {
			forms = append(forms, schema{"const": 0})
		} else {
			forms = append(forms, number)
		}
		out["anyOf"] = forms
	case fault.TypeInteger:
		number["type"] = "integer"
		out["anyOf"] = []any{number, variable}
	case fault.TypeFlag:
		out["anyOf"] = []any{schema{"type": "boolean"}, variable}
	case fault.TypeTexts:
		out = schema{"type": "array", "items": textual()}
	case fault.TypeHeaders:
		out = schema{"type": "object", "additionalProperties": textual()}
	case fault.TypeText:
		out = textual()
		if a.Values != nil {
			out = schema{"anyOf": []any{schema{"enum": a.Values}, variable}}
		}
	}
	out["description"] = a.Doc
	return out
}
