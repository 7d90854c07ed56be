package experiment

import (
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/fault"
)

// A Kind is a fault of an AWS account: a change of some resource. Whoever can make such changes hands its kinds in by
// Options; the faults inside functions are always known.
type Kind struct {
	fault.KindInfo
	Target Resource // what it is put on
	// Irreversible kinds cannot be undone; a condition must say that it knows.
	Irreversible bool
	// Check judges the attributes together, under the names that they have in the file; nil: there is nothing to judge.
	Check func(with fault.Attributes) []fault.Problem
}

// A Resource is a sort of things in an AWS account.
type Resource struct {
	Key string // of a target: "table"
	Doc string // "A DynamoDB table, by name or ARN"
	// Tagged is its type where AWS lists resources by tag ("dynamodb:table"), CloudFormation its type in a stack
	// ("AWS::DynamoDB::Table"); empty where it cannot be found that way.
	Tagged, CloudFormation string
}

// ResourceFunction is the key of targets that are Lambda functions.
const ResourceFunction = "lambda"

// InFunction says that the fault happens inside functions, by way of a fault set.
func (k Kind) InFunction() bool { return k.Target.Key == "" }

// catalog is every kind that a file may name.
type catalog []Kind

// newCatalog lists the faults inside functions, then those of the account.
func newCatalog(account []Kind) catalog {
	var out catalog
	for _, k := range fault.Kinds() {
		out = append(out, Kind{KindInfo: k})
	}
	return append(out, account...)
}

func (c catalog) find(name string) (Kind, bool) {
	i := slices.IndexFunc(c, func(k Kind) bool { return string(k.Kind) == name })
	if i < 0 {
		return Kind{}, false
	}
	return c[i], true
}

func (c catalog) names() []string {
	var out []string
	for _, k := range c {
		out = append(out, string(k.Kind))
	}
	return out
}

// resources are the sorts of targets beside functions, each once.
func (c catalog) resources() []Resource {
	var out []Resource
	for _, k := range c {
		known := slices.ContainsFunc(out, func(r Resource) bool { return r.Key == k.Target.Key })
		if !k.InFunction() && k.Target.Key != ResourceFunction && !known {
			out = append(out, k.Target)
		}
	}
	return out
}

// normalize checks the attributes of a kind and gives them the names that the kind itself uses.
func (k Kind) normalize(given fault.Attributes) (fault.Attributes, []fault.Problem) {
	if k.InFunction() {
		return fault.Normalize(k.Kind, given)
	}
	normal, problems := k.KindInfo.Normalize(given)
	if len(problems) == 0 && k.Check != nil {
		problems = k.Check(normal)
	}
	return normal, problems
}

// attribute is an attribute under either of its names.
func (k Kind) attribute(name string) (fault.Attribute, bool) {
	i := slices.IndexFunc(k.Attributes, func(a fault.Attribute) bool { return a.Name == name || (a.Friendly != "" && a.Friendly == name) })
	if i < 0 {
		return fault.Attribute{}, false
	}
	return k.Attributes[i], true
}

// friendly are the attributes' names as users write them: the friendly name where there is one.
func (k Kind) friendly() []string {
	var out []string
	for _, a := range k.Attributes {
		if a.Friendly != "" {
			out = append(out, a.Friendly)
		} else {
			out = append(out, a.Name)
		}
	}
	return out
}

// checkKind finds what a condition says that its kind of fault has no use for.
func (d *decoder) checkKind(c Condition, k Kind, path string) bool {
	var foreign []string
	target := []string{"ssm", "s3", "appconfig", "file", "proof"}
	if k.InFunction() {
		target, foreign = nil, []string{"irreversible"}
	} else {
		foreign = []string{"percentage", "match", "sample_by"}
		if c.Target.Count == 0 && c.Target.Percent == 0 {
			foreign = append(foreign, "seed")
		}
	}
	for _, r := range append(d.catalog.resources(), Resource{Key: ResourceFunction}) {
		if r.Key != k.Target.Key && !(k.InFunction() && r.Key == ResourceFunction) {
			target = append(target, r.Key)
		}
	}
	for _, name := range target {
		foreign = append(foreign, "target."+name)
	}
	for _, name := range foreign {
		if at := join(path, name); d.has(at) {
			key, inTarget := strings.CutPrefix(name, "target.")
			tip := k.hint()
			if !inTarget && !k.InFunction() {
				tip = "it is a change of the account, there for everybody: keep it small by its target"
			}
			d.wrong(d.places[at], at, key+" does not go with the fault "+c.Fault, tip)
			return false
		}
	}
	switch at := join(path, "irreversible"); {
	case k.Irreversible && !c.Irreversible:
		d.problem(join(path, "fault"), c.Fault, "cannot be undone", "if that is what you want, say so: irreversible: true")
		return false
	case c.Irreversible && !k.Irreversible:
		d.problem(at, "", "the fault "+c.Fault+" is always undone", "leave irreversible out")
		return false
	}
	return true
}

// hint says what the kind is put on.
func (k Kind) hint() string {
	switch {
	case k.InFunction():
		return "it happens inside a function: {lambda: NAME}, {tag: KEY=VALUE} or the place of a fault set"
	case k.Target.CloudFormation == "":
		return "it is a change of the account: {" + k.Target.Key + ": NAME}"
	}
	return "it is a change of the account: {" + k.Target.Key + ": NAME}, {tag: KEY=VALUE} or {stack: NAME}"
}
