package experiment

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A Target is where it goes wrong. Exactly one of Lambda, Functions, Resources, Tag, Stack, SSM, S3, AppConfig and File
// is set.
type Target struct {
	// Lambda is a function, by name or ARN, with ":ALIAS" or ":VERSION" if it is one of those; its own
	// FIREDRILL_CONFIG says where its fault set lives.
	Lambda    string   `json:"lambda,omitempty"`
	Functions []string `json:"functions,omitempty"` // several, each as Lambda
	// Resources are what the kinds of faults of an AWS account are put on, by name or ARN; their sort is the kind's.
	Resources []string `json:"resources,omitempty"`
	Tag       string   `json:"tag,omitempty"`       // "KEY=VALUE": the functions, or resources of the kind's sort, that have it
	Stack     string   `json:"stack,omitempty"`     // a CloudFormation stack: its resources of the kind's sort
	Max       int      `json:"max,omitempty"`       // with Tag or Stack: more than this are refused
	Count     int      `json:"count,omitempty"`     // so many of the group, picked by the run's name; 0: all
	Percent   float64  `json:"percent,omitempty"`   // this share of the group, at least one; 0: all
	Account   string   `json:"account,omitempty"`   // name in accounts:; empty: the runner's own
	Region    string   `json:"region,omitempty"`    // empty: the account's, or the runner's own
	Assume    *Account `json:"assume,omitempty"`    // the account of that name
	SSM       string   `json:"ssm,omitempty"`       // a parameter's name
	S3        string   `json:"s3,omitempty"`        // "BUCKET/KEY"
	AppConfig string   `json:"appconfig,omitempty"` // "APPLICATION/ENVIRONMENT/PROFILE"
	File      string   `json:"file,omitempty"`      // a fault-set file, for a function that reads FIREDRILL_CONFIG=file:PATH
	Proof     string   `json:"proof,omitempty"`     // with a place, not a function: the file that FIREDRILL_PROOF names, where injections are counted
}

// MaxTagged is how many functions a tag may name, unless the target says otherwise.
const MaxTagged = 25

// String is the target in words.
func (t Target) String() string {
	switch {
	case len(t.Functions) > 0:
		return strings.Join(t.Functions, ", ")
	case len(t.Resources) > 0:
		return strings.Join(t.Resources, ", ")
	case t.Tag != "":
		return "those with tag " + t.Tag
	case t.Stack != "":
		return "those of stack " + t.Stack
	case t.SSM != "":
		return "ssm:" + t.SSM
	case t.S3 != "":
		return "s3://" + t.S3
	case t.AppConfig != "":
		return "appconfig:" + t.AppConfig
	}
	return t.Lambda + t.File
}

// Patterns of places.
const (
	patternTag       = `^[^=]+=.*$`
	patternParameter = `^/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`
	patternObject    = `^s3://[^/]+/.+$`
	patternProfile   = `^[^/]+/[^/]+/[^/]+$`
)

// target reads where a condition goes wrong: one of several ways to say it.
func target(all catalog) value[Target] {
	fields := []field[Target]{
		key("lambda", "A function, by name or ARN, or a list of functions. Its own FIREDRILL_CONFIG says where its fault set is.", several("functions"), func(t *Target) *[]string { return &t.Functions }),
		key("tag", "KEY=VALUE: the functions, or resources of the fault's sort, that have this tag.", shaped(patternTag, "is not a tag", "team=shop"), func(t *Target) *string { return &t.Tag }),
		key("stack", "A CloudFormation stack: its resources of the fault's sort.", line(), func(t *Target) *string { return &t.Stack }),
		key("max", "With tag or stack: more than this are refused; default 25.", integer(1, 1000), func(t *Target) *int { return &t.Max }),
		key("count", "So many of several targets, picked by the run.", integer(1, 1000), func(t *Target) *int { return &t.Count }),
		key("percent", "This share of several targets, at least one, picked by the run.", percent(), func(t *Target) *float64 { return &t.Percent }),
		key("account", "Name in accounts:; default: the runner's own.", line(), func(t *Target) *string { return &t.Account }),
		key("region", "Region of AWS; default: the account's, or the runner's own.", shaped(patternRegion, "is not a region", "eu-west-1"), func(t *Target) *string { return &t.Region }),
		key("ssm", "A parameter of SSM Parameter Store, for functions that the run cannot look up.", shaped(patternParameter, "is not a parameter's name", "/shop/faults"), func(t *Target) *string { return &t.SSM }),
		key("s3", "An object, likewise.", shaped(patternObject, "is not an object's address", "s3://bucket/shop/faults.json"), func(t *Target) *string { return &t.S3 }),
		key("appconfig", "APPLICATION/ENVIRONMENT/PROFILE of AppConfig, likewise.", shaped(patternProfile, "is not an AppConfig profile", "shop/live/faults"), func(t *Target) *string { return &t.AppConfig }),
		key("file", "A fault-set file, for a function with FIREDRILL_CONFIG=file:PATH.", line(), func(t *Target) *string { return &t.File }),
		key("proof", "With a place instead of a function: the file that the function's FIREDRILL_PROOF names, where injections are counted.", line(), func(t *Target) *string { return &t.Proof }),
	}
	for _, r := range all.resources() {
		fields = append(fields, key(r.Key, r.Doc+", or a list of them.", several("names"), func(t *Target) *[]string { return &t.Resources }))
	}
	shape := object(Target{}, fields)
	shape.schema["oneOf"] = targetSchemas(all)
	return value[Target]{schema: shape.schema, read: func(d *decoder, n *node, path string) (Target, bool) {
		t, ok := shape.read(d, n, path)
		if len(t.Functions) == 1 {
			t.Lambda, t.Functions = t.Functions[0], nil
		}
		t.S3 = strings.TrimPrefix(t.S3, "s3://")
		return t, ok && d.checkTarget(path)
	}}
}

// ways are the keys that say where; a target has one of them.
func (c catalog) ways() []string {
	out := []string{ResourceFunction, "tag", "stack", "ssm", "s3", "appconfig", "file"}
	for _, r := range c.resources() {
		out = append(out, r.Key)
	}
	return out
}

// extras are the keys that go with some ways only.
func extras() map[string][]string {
	return map[string][]string{
		"max":   {"tag", "stack"},
		"proof": {"ssm", "s3", "appconfig", "file"},
	}
}

// targetSchemas say the same to editors as checkTarget says of files.
func targetSchemas(all catalog) []any {
	var out []any
	for _, way := range all.ways() {
		not := schema{}
		for name, ways := range extras() {
			if !slices.Contains(ways, way) {
				not[name] = false
			}
		}
		out = append(out, schema{"required": []string{way}, "properties": not})
	}
	return out
}

func (d *decoder) checkTarget(path string) bool {
	given := slices.DeleteFunc(d.catalog.ways(), func(way string) bool { return !d.has(join(path, way)) })
	switch {
	case len(given) > 1:
		at := join(path, given[1])
		d.wrong(d.places[at], at, "says both "+given[0]+" and "+given[1], "one condition has one target: write two conditions")
		return false
	case len(given) == 0:
		d.problem(path, "", "the target is empty", "{lambda: NAME}, {tag: KEY=VALUE}, {ssm: NAME}, {s3: s3://BUCKET/KEY}, {appconfig: APPLICATION/ENVIRONMENT/PROFILE} or {file: PATH}")
		return false
	case d.has(join(path, "count")) && d.has(join(path, "percent")):
		at := join(path, "percent")
		d.wrong(d.places[at], at, "says both count and percent", "keep one of the two")
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(extras())) {
		if at := join(path, name); d.has(at) && !slices.Contains(extras()[name], given[0]) {
			d.wrong(d.places[at], at, name+" does not go with "+given[0], "it goes with "+strings.Join(extras()[name], ", "))
			return false
		}
	}
	return true
}

// several reads one name or a list of them.
func several(what string) value[[]string] {
	one := line()
	several := list(one, what)
	return value[[]string]{schema: schema{"anyOf": []any{one.schema, several.schema}}, read: func(d *decoder, n *node, path string) ([]string, bool) {
		if n.form != sequence {
			name, ok := one.read(d, n, path)
			return []string{name}, ok
		}
		names, ok := several.read(d, n, path)
		for i, name := range names {
			if ok && slices.Contains(names[:i], name) {
				d.wrong(n.items[i], index(path, i), "is in the list twice", "")
				return names, false
			}
		}
		return names, ok
	}}
}

// shaped reads a line that matches a pattern.
func shaped(pattern, wrong, example string) value[string] {
	l, re := line(), regexp.MustCompile(pattern)
	return value[string]{schema: matching(pattern, example), read: func(d *decoder, n *node, path string) (string, bool) {
		s, ok := l.read(d, n, path)
		if ok && !re.MatchString(s) {
			d.wrong(n, path, wrong, "such as "+example)
			return "", false
		}
		return s, ok
	}}
}
