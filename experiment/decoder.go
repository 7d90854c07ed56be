package experiment

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A decoder collects what is wrong with one file, and remembers where everything stands in it.
type decoder struct {
	file     string
	options  Options
	catalog  catalog
	places   map[string]*node // by dotted path
	unused   []string         // variables of vars: that nothing uses
	wanted   []string         // variables that settings name
	problems []Problem
}

// problem tells a mistake at a path. A path that is not in the file stands where its nearest ancestor does.
func (d *decoder) problem(path, value, message, hint string) {
	p := Problem{File: d.file, Field: path, Value: clip(value), Message: message, Hint: hint}
	at := d.place(path)
	p.Line, p.Column = at.line, at.column
	d.problems = append(d.problems, p)
}

// wrong tells a mistake in the value that stands at a path.
func (d *decoder) wrong(n *node, path, message, hint string) {
	d.places[path] = n
	d.problem(path, n.show(), message, hint)
}

func (d *decoder) warn(path, message, hint string) {
	d.problem(path, "", message, hint)
	d.problems[len(d.problems)-1].Warning = true
}

// has reports whether the file gives a value at a path.
func (d *decoder) has(path string) bool { return d.places[path] != nil }

func (d *decoder) place(path string) *node {
	for {
		if n := d.places[path]; n != nil {
			return n
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return d.places[""]
		}
		path = path[:cut]
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

// A schema is a part of a JSON Schema.
type schema = map[string]any

// A value is how one sort of value is read, and what editors are told of it: both from one place, so that the
// published schema cannot drift from the parser.
type value[V any] struct {
	schema schema
	// read returns false if it told a problem.
	read func(d *decoder, n *node, path string) (V, bool)
}

// A field is one key of an object.
type field[T any] struct {
	name     string
	schema   schema // with its description
	required bool
	read     func(d *decoder, n *node, path string, into *T) bool
}

// key makes a field whose value goes to the place that at names.
func key[T, V any](name, doc string, v value[V], at func(*T) *V) field[T] {
	described := schema{"description": doc}
	for k, part := range v.schema {
		described[k] = part
	}
	return field[T]{name: name, schema: described, read: func(d *decoder, n *node, path string, into *T) bool {
		got, ok := v.read(d, n, path)
		*at(into) = got // even if it is wrong: other parts may refer to what is right about it
		return ok
	}}
}

// must makes a field required.
func (f field[T]) must() field[T] { f.required = true; return f }

// object reads a mapping with known keys. What the file leaves out is as in defaults.
func object[T any](defaults T, fields []field[T]) value[T] {
	return value[T]{schema: objectSchema(fields), read: func(d *decoder, n *node, path string) (T, bool) {
		into := defaults
		if n.form != mapping {
			d.expected(n, path, "key: value pairs", "known keys: "+strings.Join(names(fields), ", "))
			return into, false
		}
		d.places[path] = n
		good := true
		for _, e := range n.entries {
			at := join(path, e.key.text)
			i := slices.IndexFunc(fields, func(f field[T]) bool { return f.name == e.key.text })
			if i < 0 {
				d.places[at] = e.key
				d.problem(at, e.key.text, "unknown key", closest(e.key.text, names(fields)))
				good = false
				continue
			}
			d.places[at] = e.value
			good = fields[i].read(d, e.value, at, &into) && good
		}
		for _, f := range fields {
			if f.required && n.get(f.name) == nil {
				d.problem(join(path, f.name), "", "is missing", "")
				good = false
			}
		}
		return into, good
	}}
}

func names[T any](fields []field[T]) []string {
	var out []string
	for _, f := range fields {
		out = append(out, f.name)
	}
	return out
}

// expected tells that a node is not of the form that is wanted here, unless that was told already.
func (d *decoder) expected(n *node, path, what, hint string) {
	switch n.form {
	case broken:
	case null:
		d.wrong(n, path, "is empty: expected "+what, hint)
	default:
		d.wrong(n, path, "expected "+what, hint)
	}
}

// list reads a sequence. Items that are wrong keep their places.
func list[V any](item value[V], what string) value[[]V] {
	return value[[]V]{schema: schema{"type": "array", "items": item.schema, "minItems": 1}, read: func(d *decoder, n *node, path string) ([]V, bool) {
		if n.form != sequence {
			d.expected(n, path, "a list of "+what, "a list is written [one, two], or a line with a dash for each")
			return nil, false
		}
		d.places[path] = n
		if len(n.items) == 0 {
			d.wrong(n, path, "the list is empty", "")
			return nil, false
		}
		out, good := make([]V, 0, len(n.items)), true
		for i, element := range n.items {
			at := index(path, i)
			d.places[at] = element
			v, ok := item.read(d, element, at)
			out, good = append(out, v), good && ok
		}
		return out, good
	}}
}

// maxItems is how many conditions, measures or stop rules an experiment may have.
const maxItems = 100

// atMost refuses a longer list, before its items are looked at.
func atMost[V any](most int, l value[[]V]) value[[]V] {
	told := maps.Clone(l.schema)
	told["maxItems"] = most
	return value[[]V]{schema: told, read: func(d *decoder, n *node, path string) ([]V, bool) {
		if len(n.items) > most {
			d.places[path] = n
			d.problem(path, "", fmt.Sprintf("the list has %d items, and at most %d are allowed", len(n.items), most), "write several experiments")
			return nil, false
		}
		return l.read(d, n, path)
	}}
}

// A named is one entry of a mapping whose keys are the user's.
type named[V any] struct {
	name  string
	value V
}

// dictionary reads a mapping whose keys are names of the user's own, in the file's order.
func dictionary[V any](item value[V], what, pattern string, check func(name string) bool) value[[]named[V]] {
	told := schema{"type": "object", "additionalProperties": item.schema}
	if pattern != "" {
		told["propertyNames"] = schema{"pattern": pattern}
	}
	return value[[]named[V]]{schema: told, read: func(d *decoder, n *node, path string) ([]named[V], bool) {
		if n.form != mapping {
			d.expected(n, path, "key: value pairs", "each key is "+what)
			return nil, false
		}
		d.places[path] = n
		var out []named[V]
		good := true
		for _, e := range n.entries {
			at := join(path, e.key.text)
			d.places[at] = e.value
			if check != nil && !check(e.key.text) {
				d.places[at] = e.key
				d.problem(at, e.key.text, "is not "+what, "letters, digits, hyphens and underscores")
				good = false
				continue
			}
			v, ok := item.read(d, e.value, at)
			out, good = append(out, named[V]{e.key.text, v}), good && ok
		}
		return out, good
	}}
}

func objectSchema[T any](fields []field[T]) schema {
	properties := schema{}
	var required []string
	for _, f := range fields {
		properties[f.name] = f.schema
		if f.required {
			required = append(required, f.name)
		}
	}
	out := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if required != nil {
		out["required"] = required
	}
	return out
}
