package fault

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

func poisonKind() kind {
	return kind{
		KindInfo: KindInfo{
			Kind: Poison, Doc: "chosen fields of the event are missing, null or replaced when the handler gets it",
			Attributes: []Attribute{
				{Name: "remove", Type: TypeTexts, Doc: "paths of fields to remove"},
				{Name: "nullify", Type: TypeTexts, Doc: "paths of fields to set to null"},
				{Name: "replace", Type: TypeHeaders, Doc: "texts by the paths of the fields that they replace"},
			},
		},
		build: func(v values) (behaviour, []Problem) {
			p := &poison{}
			var problems []Problem
			add := func(attribute, path string, to any, remove bool) {
				parsed, err := parsePath(path)
				if err != nil {
					problems = append(problems, Problem{Field: attribute, Value: path, Message: err.Error()})
				}
				p.changes = append(p.changes, change{parsed, to, remove})
			}
			for _, path := range v.texts("remove") {
				add("remove", path, nil, true)
			}
			for _, path := range v.texts("nullify") {
				add("nullify", path, nil, false)
			}
			for _, path := range slices.Sorted(maps.Keys(v.headers("replace"))) {
				add("replace", path, v.headers("replace")[path], false)
			}
			switch n := len(p.changes); {
			case n == 0:
				problems = append(problems, Problem{Field: "remove", Message: "is missing: no field is named", Hint: "name paths in remove, nullify or replace"})
			case n > maxConditions:
				problems = append(problems, Problem{Field: "remove", Value: strconv.Itoa(n) + " fields", Message: "are more than " + strconv.Itoa(maxConditions)})
			}
			return behaviour{reads: true, effect: func(moment) Injection { return Injection{poison: p} }}, problems
		},
	}
}

// poison is what happens to an event.
type poison struct{ changes []change }

// change is what happens to the fields at a path.
type change struct {
	path   dotted
	to     any
	remove bool
}

// PoisonEvent changes an event for a Poison. changed is false where the event has none of the fields, or is no
// JSON. The event is not modified; what is not changed keeps its values, but not the spelling of its JSON.
func (i Injection) PoisonEvent(event []byte) (out []byte, changed bool) {
	if i.poison == nil {
		return event, false
	}
	decoder := json.NewDecoder(bytes.NewReader(event))
	decoder.UseNumber() // numbers keep their digits
	var root any
	if !json.Valid(event) || decoder.Decode(&root) != nil {
		return event, false
	}
	for _, c := range i.poison.changes {
		var hit bool
		root, hit = c.apply(root, c.path)
		changed = changed || hit
	}
	if !changed {
		return event, false
	}
	return encode(root), true
}

// apply changes what the rest of the path leads to. A * is every element of an array and every member of an
// object; a field that is not there is not made.
func (c change) apply(node any, rest dotted) (_ any, hit bool) {
	if len(rest) == 0 {
		return c.to, true
	}
	switch node := node.(type) {
	case map[string]any:
		for name, member := range node {
			if rest[0] != name && rest[0] != "*" {
				continue
			}
			if len(rest) == 1 && c.remove {
				delete(node, name)
				hit = true
				continue
			}
			changed, ok := c.apply(member, rest[1:])
			node[name] = changed
			hit = hit || ok
		}
	case []any:
		return c.elements(node, rest)
	}
	return node, hit
}

func (c change) elements(list []any, rest dotted) (_ any, hit bool) {
	wanted := index(rest[0])
	kept := list[:0]
	for n, element := range list {
		if n == wanted || rest[0] == "*" {
			if len(rest) == 1 && c.remove {
				hit = true
				continue
			}
			changed, ok := c.apply(element, rest[1:])
			element, hit = changed, hit || ok
		}
		kept = append(kept, element)
	}
	return kept, hit
}
