package local

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// A decoder walks the YAML tree by hand rather than by reflection: it finds all mistakes instead of the
// first, and knows the line of each.
type decoder struct {
	file     string
	anchors  map[string]ast.Node
	problems Problems
}

func (d *decoder) problem(at ast.Node, field, value, message, hint string) {
	p := &Problem{File: d.file, Field: field, Value: value, Message: message, Hint: hint}
	if at != nil {
		if tk := at.GetToken(); tk != nil && tk.Position != nil {
			p.Line = tk.Position.Line
		}
	}
	d.problems = append(d.problems, p)
}

// resolve looks through anchors and aliases. checkAliases has made sure that this ends.
func (d *decoder) resolve(n ast.Node) ast.Node {
	for {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.AliasNode:
			target, ok := d.anchors[v.Value.GetToken().Value]
			if !ok {
				d.problem(v, "", v.Value.GetToken().Value, "unknown anchor", "")
				return nil
			}
			n = target
		default:
			return n
		}
	}
}

// checkAliases collects the anchors and refuses an alias inside an anchored value: such nesting is what YAML
// bombs are made of, and no functions file needs it.
func (d *decoder) checkAliases(root ast.Node) {
	d.anchors = map[string]ast.Node{}
	ast.Walk(visitor(func(n ast.Node) {
		anchor, ok := n.(*ast.AnchorNode)
		if !ok {
			return
		}
		d.anchors[anchor.Name.GetToken().Value] = anchor.Value
		ast.Walk(visitor(func(inner ast.Node) {
			if alias, ok := inner.(*ast.AliasNode); ok {
				d.problem(alias, "", alias.Value.GetToken().Value, "an alias inside an anchored value", "write the value out")
			}
		}), anchor.Value)
	}), root)
}

type visitor func(ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

// An entry is one key of a mapping.
type entry struct {
	key   string
	node  ast.Node // of the key
	value ast.Node
}

// entries returns the mapping's entries in order; anything but a mapping is a problem.
func (d *decoder) entries(n ast.Node, field string) []entry {
	var values []*ast.MappingValueNode
	switch v := d.resolve(n).(type) {
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		d.problem(n, field, text(v), "expected a mapping (key: value)", "")
		return nil
	}
	seen := map[string]bool{}
	out := make([]entry, 0, len(values))
	for _, v := range values {
		key, ok := scalar(d.resolve(v.Key))
		switch {
		case v.Key.IsMergeKey():
			d.problem(v.Key, field, "<<", "merge keys are not supported", "write the keys out")
		case !ok:
			d.problem(v.Key, field, text(v.Key), "a key must be plain text", "")
		case seen[key]:
			d.problem(v.Key, field, key, "this key is given twice", "")
		default:
			seen[key] = true
			out = append(out, entry{key, v.Key, v.Value})
		}
	}
	return out
}

// object decodes a mapping whose keys are known.
func (d *decoder) object(n ast.Node, field string, known map[string]func(ast.Node, string)) {
	for _, e := range d.entries(n, field) {
		set, ok := known[e.key]
		if !ok {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			d.problem(e.node, field, e.key, "unknown key", closest(e.key, names))
			continue
		}
		set(e.value, join(field, e.key))
	}
}

func join(field, key string) string {
	if field == "" {
		return key
	}
	return field + "." + key
}

// text is the source of a node, for messages.
func text(n ast.Node) string {
	if n == nil {
		return ""
	}
	if s, ok := scalar(n); ok {
		return s
	}
	return strings.Join(strings.Fields(clip(n.String())), " ")
}

// scalar returns a scalar as it is written, so that 010, 1.10 and yes stay what they look like.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	}
	return "", false
}

func (d *decoder) string(dst *string) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		s, ok := scalar(d.resolve(n))
		if !ok {
			d.problem(n, field, text(d.resolve(n)), "expected text", "")
			return
		}
		*dst = s
	}
}

func (d *decoder) strings(dst *[]string) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		seq, ok := d.resolve(n).(*ast.SequenceNode)
		if !ok {
			d.problem(n, field, text(d.resolve(n)), "expected a list", `like [./bin/purchase, "--verbose"]`)
			return
		}
		out := make([]string, len(seq.Values))
		for i, v := range seq.Values {
			d.string(&out[i])(v, fmt.Sprintf("%s[%d]", field, i))
		}
		*dst = out
	}
}

func (d *decoder) bool(dst *bool) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		b, ok := d.resolve(n).(*ast.BoolNode)
		if !ok {
			d.problem(n, field, text(d.resolve(n)), "expected true or false", "")
			return
		}
		*dst = b.Value
	}
}

func (d *decoder) int(dst *int, least, most int) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		v := text(d.resolve(n))
		i, err := strconv.Atoi(v)
		if _, isInt := d.resolve(n).(*ast.IntegerNode); !isInt || err != nil {
			d.problem(n, field, v, "expected a whole number", "")
			return
		}
		if i < least || i > most {
			d.problem(n, field, v, fmt.Sprintf("must be from %d to %d", least, most), "")
			return
		}
		*dst = i
	}
}

func (d *decoder) duration(dst *time.Duration, least, most time.Duration) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		v := text(d.resolve(n))
		t, err := time.ParseDuration(v)
		if err != nil {
			d.problem(n, field, v, "expected a duration with its unit", "like 500ms, 3s or 2m")
			return
		}
		if t < least || t > most {
			d.problem(n, field, v, fmt.Sprintf("must be from %s to %s", least, most), "")
			return
		}
		*dst = t
	}
}
