package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// set puts the settings of the options into the document, before its variables are replaced: what is set is read, checked and, if it is
// wrong, told like anything that stands in the file.
func (d *decoder) set(root *node) {
	for _, s := range d.options.Set {
		for _, way := range s.Path.ways {
			if name, ok := d.variable(root, way); ok {
				d.options.Vars = maps.Clone(d.options.Vars)
				if d.options.Vars == nil {
					d.options.Vars = map[string]string{}
				}
				d.options.Vars[name] = s.Value
				d.wanted = append(d.wanted, name)
				continue
			}
			d.setOne(root, way, s)
		}
	}
}

// variable is the name of the variable that a path means: vars.NAME, or NAME alone where the file has no such key.
func (d *decoder) variable(root *node, way []step) (string, bool) {
	switch {
	case len(way) == 2 && way[0].key == "vars" && way[1].index < 0:
		return way[1].key, true
	case len(way) == 1:
		return way[0].key, !slices.Contains(d.topKeys(), way[0].key)
	}
	return "", false
}

func (d *decoder) topKeys() []string {
	properties, _ := document(d.catalog).schema["properties"].(schema)
	return slices.Sorted(maps.Keys(properties))
}

// checkWanted tells of settings of variables that nothing uses.
func (d *decoder) checkWanted(used map[string]bool) {
	for _, name := range d.wanted {
		if !used[name] {
			hint := closest(name, append(slices.Sorted(maps.Keys(used)), d.topKeys()...))
			d.problem(name, "", "is set, but is neither a key of the file nor a variable that it uses", hint)
		}
	}
}

// setOne goes one way. Only the last key may be new: what can stand there is for whoever reads the mapping to say.
func (d *decoder) setOne(root *node, way []step, s Setting) {
	at, path := root, ""
	for i, step := range way {
		next, told := d.into(at, step, path, i == len(way)-1)
		if next == nil {
			d.problem(orElse(path, s.Path.text), step.String(), told.message, told.hint)
			return
		}
		path = next.path
		d.places[path] = next.node
		at = next.node
	}
	*at = node{form: scalar, text: s.Value, plain: true, line: at.line, column: at.column}
}

// reached is where a path has led.
type reached struct {
	node *node
	path string
}

type complaint struct{ message, hint string }

// into takes one step. A key that is missing is added if it is the last of a path.
func (d *decoder) into(n *node, s step, path string, last bool) (*reached, complaint) {
	switch {
	case n.form == sequence && s.index >= 0:
		if s.index >= len(n.items) {
			count := fmt.Sprintf("%d items", len(n.items))
			if len(n.items) == 1 {
				count = "one item"
			}
			return nil, complaint{fmt.Sprintf("has %s, counted from 0: there is no %s", count, s), itemsHint(n)}
		}
		return &reached{n.items[s.index], index(path, s.index)}, complaint{}
	case n.form == sequence && s.named:
		for i, item := range n.items {
			if name := item.get("name"); name != nil && name.text == s.key {
				return &reached{item, index(path, i)}, complaint{}
			}
		}
		return nil, complaint{fmt.Sprintf("has no item of the name %q", s.key), itemsHint(n)}
	case n.form == sequence:
		return nil, complaint{"is a list, which has no keys", itemsHint(n)}
	case n.form != mapping:
		return nil, complaint{"has no parts", "end the path before " + s.String()}
	case s.index >= 0:
		return nil, complaint{"is no list", closest("", keysOf(n))}
	}
	if value := n.get(s.key); value != nil {
		return &reached{value, join(path, s.key)}, complaint{}
	}
	if !last {
		return nil, complaint{fmt.Sprintf("has no key %q", s.key), closest(s.key, keysOf(n))}
	}
	at := &node{form: scalar, text: s.key, line: n.line, column: n.column}
	value := &node{line: n.line, column: n.column}
	n.entries = append(n.entries, entry{at, value})
	return &reached{value, join(path, s.key)}, complaint{}
}

func keysOf(n *node) []string {
	var out []string
	for _, e := range n.entries {
		out = append(out, e.key.text)
	}
	return out
}

// itemsHint says how the items of a list can be named.
func itemsHint(n *node) string {
	var out []string
	for i, item := range n.items {
		way := fmt.Sprintf("[%d]", i)
		if name := item.get("name"); name != nil && name.form == scalar {
			way = "[" + strconv.Quote(clip(name.text)) + "]"
		}
		out = append(out, way)
	}
	if len(out) == 0 {
		return ""
	}
	return "one of " + strings.Join(out, ", ")
}
