package local

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// versions decodes the published versions of a function: by number, what differs from the function's own settings.
func (d *decoder) versions(n ast.Node, field string, base Function) []Version {
	var out []Version
	for _, e := range d.entries(n, field) {
		number, err := strconv.Atoi(e.key)
		if err != nil || !versionNumber.MatchString(e.key) {
			d.problem(e.node, field, e.key, "not a version", "a number from 1 on; $LATEST is the function itself")
		}
		out = append(out, Version{number, d.version(e, join(field, e.key), base)})
	}
	slices.SortFunc(out, func(a, b Version) int { return a.Number - b.Number })
	return out
}

// version is the whole of one version's settings. Its environment variables are added to the function's.
func (d *decoder) version(e entry, field string, base Function) Function {
	f := base.clone()
	if f.Environment == nil {
		f.Environment = map[string]string{}
	}
	f.Command, f.Go = nil, ""
	before := len(d.problems)
	d.object(e.value, field, map[string]func(ast.Node, string){
		"description": d.string(&f.Description),
		"command":     d.strings(&f.Command),
		"go":          d.string(&f.Go),
		"handler":     d.string(&f.Handler),
		"timeout":     d.timeout(&f.Timeout),
		"memory":      d.memory(&f.MemoryMB),
		"environment": func(n ast.Node, field string) { d.variables(n, field, f.Environment) },
	})
	switch {
	case len(d.problems) > before:
	case f.Command == nil && f.Go == "":
		f.Command, f.Go = base.Command, base.Go
	default:
		d.checkProgram(e, field, f)
	}
	return f
}

// aliases decodes name: version, or name: {version, weights}.
func (d *decoder) aliases(n ast.Node, field string, versions []Version) []Alias {
	var out []Alias
	for _, e := range d.entries(n, field) {
		at := join(field, e.key)
		if !isAliasName(e.key) {
			d.problem(e.node, field, e.key, "not a name of an alias", "up to 128 letters, digits, hyphens and underscores, and not a number")
		}
		a := Alias{Name: e.key}
		if _, plain := scalar(d.resolve(e.value)); plain {
			d.versionName(&a.Version, versions, true)(e.value, at)
		} else {
			d.object(e.value, at, map[string]func(ast.Node, string){
				"version": d.versionName(&a.Version, versions, true),
				"weights": func(n ast.Node, field string) { a.Weights = d.weights(n, field, versions) },
			})
			d.checkWeights(e, at, a)
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Alias) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (d *decoder) checkWeights(e entry, field string, a Alias) {
	_, toItself := a.Weights[a.Version]
	switch {
	case a.Version == "":
		d.problem(e.node, field, "", "says no version", "live: 1, or live: {version: 1, weights: {2: 0.05}}")
	case len(a.Weights) > 1:
		d.problem(e.node, join(field, "weights"), "", "AWS Lambda routes to two versions at most", "keep one weight")
	case len(a.Weights) > 0 && a.Version == latest:
		d.problem(e.node, field, latest, "AWS Lambda takes no other version beside it", "lead to a published version")
	case toItself:
		d.problem(e.node, join(field, "weights"), a.Version, "is where the alias leads already", "name another version")
	}
}

func (d *decoder) weights(n ast.Node, field string, versions []Version) map[string]float64 {
	out := map[string]float64{}
	for _, e := range d.entries(n, field) {
		var name string
		d.versionName(&name, versions, false)(e.node, field)
		v := text(d.resolve(e.value))
		weight, err := strconv.ParseFloat(v, 64)
		if err != nil || !(weight >= 0 && weight <= 1) {
			d.problem(e.value, join(field, e.key), v, "must be from 0 to 1", "0.05 is one invocation in twenty")
		}
		out[e.key] = weight
	}
	return out
}

// versionName reads the name of a version that the file has.
func (d *decoder) versionName(dst *string, versions []Version, orLatest bool) func(ast.Node, string) {
	return func(n ast.Node, field string) {
		d.string(dst)(n, field)
		if orLatest && *dst == latest {
			return
		}
		known := map[string]bool{}
		for _, v := range versions {
			known[strconv.Itoa(v.Number)] = true
		}
		hint := "known: " + strings.Join(slices.Sorted(maps.Keys(known)), ", ")
		if len(known) == 0 {
			hint = "publish it: versions: {1: {}}"
		}
		if !known[*dst] {
			d.problem(n, field, *dst, "no such version", hint)
		}
	}
}
