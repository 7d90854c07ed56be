package experiment

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// maxGrowth bounds what variables in variables put into a file.
const maxGrowth = 1 << 20

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// scope is where ${NAME} is looked up: --var first, then the environment, then the file's own vars.
type scope struct {
	o    Options
	vars map[string]string // of the file, as far as they are set
	own  map[string]bool   // all names under vars:
	past map[string]bool   // those that were gone through: what is not set by now is wrong
	used map[string]bool
	room int // how many more bytes all values together may put in
}

func (s *scope) lookup(name string) (string, bool) {
	s.used[name] = true
	if v, ok := s.o.Vars[name]; ok {
		return v, true
	}
	if s.o.Env != nil {
		if v, ok := s.o.Env(name); ok {
			return v, true
		}
	}
	v, ok := s.vars[name]
	return v, ok
}

func (s *scope) known() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(s.o.Vars)), maps.Keys(s.vars))
	slices.Sort(names)
	return slices.Compact(names)
}

// expandAll replaces the variables of the whole document. Those of vars: come first and may use what stands
// above them, so they cannot go in circles.
func (d *decoder) expandAll(root *node) {
	s := &scope{o: d.options, vars: map[string]string{}, own: map[string]bool{}, past: map[string]bool{}, used: map[string]bool{}, room: maxGrowth}
	own := root.get("vars")
	if own != nil && own.form == mapping {
		for _, e := range own.entries {
			s.own[e.key.text] = true
		}
		for _, e := range own.entries {
			d.expand(e.value, s, "vars."+e.key.text)
			if e.value.form == scalar {
				s.vars[e.key.text] = e.value.text
			}
			s.past[e.key.text] = true
		}
	}
	for _, e := range root.entries {
		if e.key.text != "vars" {
			d.expand(e.value, s, e.key.text)
		}
	}
	d.checkWanted(s.used)
	for name := range s.vars {
		if !s.used[name] {
			d.unused = append(d.unused, name)
		}
	}
}

func (d *decoder) expand(n *node, s *scope, path string) {
	for _, e := range n.entries {
		d.expand(e.value, s, join(path, e.key.text))
	}
	for i, item := range n.items {
		d.expand(item, s, index(path, i))
	}
	if n.form != scalar || !strings.Contains(n.text, "$") {
		return
	}
	text, wrong := replaceVariables(n.text, s)
	if wrong != nil {
		n.form = broken
		if wrong.Message != "" {
			wrong.File, wrong.Line, wrong.Column, wrong.Field = d.file, n.line, n.column, path
			d.problems = append(d.problems, *wrong)
		}
		return
	}
	n.text = text
}

// replaceVariables puts values in place of ${NAME}, and $ in place of $$. What comes in is not looked at
// again: values are text.
func replaceVariables(text string, s *scope) (string, *Problem) {
	var b strings.Builder
	for text != "" {
		before, after, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, "$"):
			b.WriteByte('$')
			text = after[1:]
			continue
		case !strings.HasPrefix(after, "{"):
			b.WriteByte('$')
			text = after
			continue
		}
		name, rest, closed := strings.Cut(after[1:], "}")
		if !closed || !variableName.MatchString(name) {
			return "", &Problem{Value: clip("$" + after), Message: "is not a variable", Hint: "write ${NAME}, or $$ for a dollar sign"}
		}
		value, ok := s.lookup(name)
		if !ok {
			return "", s.missing(name)
		}
		if s.room -= len(value); s.room < 0 {
			return "", &Problem{Value: "${" + name + "}", Message: fmt.Sprintf("variables make the file grow by more than %d bytes", maxGrowth)}
		}
		b.WriteString(value)
		text = rest
	}
	return b.String(), nil
}

// missing is the problem of a variable that has no value. It says nothing where vars: gives it one that is wrong:
// that is told there.
func (s *scope) missing(name string) *Problem {
	switch {
	case !s.own[name]:
		return &Problem{Value: "${" + name + "}", Message: "variable " + name + " is not set", Hint: missingHint(name, s)}
	case s.past[name]:
		return &Problem{}
	}
	return &Problem{Value: "${" + name + "}", Message: "variable " + name + " is not set yet", Hint: "under vars: only those that stand above can be used"}
}

func missingHint(name string, s *scope) string {
	if hint := closest(name, s.known()); strings.HasPrefix(hint, "did") {
		return hint
	}
	if name == "api" || name == "lambda" {
		return fmt.Sprintf("--local FILE sets it to the address of the local host; otherwise give --var %s=http://...", name)
	}
	return fmt.Sprintf("give --var %s=VALUE, set it in the environment, or put it under vars:", name)
}
