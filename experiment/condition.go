package experiment

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// conditionDraft is a condition whose attributes are not judged yet: that takes the kind of fault.
type conditionDraft struct {
	Condition
	with *node
}

func condition(all catalog) value[Condition] {
	shape := object(conditionDraft{Condition: Condition{Percentage: 100}}, []field[conditionDraft]{
		key("name", "What reports call it.", line(), func(c *conditionDraft) *string { return &c.Name }).must(),
		key("fault", "What goes wrong.", faultKind(all), func(c *conditionDraft) *string { return &c.Fault }).must(),
		key("target", "Where it goes wrong.", target(all), func(c *conditionDraft) *Target { return &c.Target }).must(),
		key("with", "The fault's own settings.", raw(), func(c *conditionDraft) **node { return &c.with }),
		key("percentage", "The share of invocations that is hit; default 100%.", percent(), func(c *conditionDraft) *float64 { return &c.Percentage }),
		key("match", "Only events for which all of these hold are hit.", list(clause(), "clauses"), func(c *conditionDraft) *[]fault.Condition { return &c.Match }),
		key("sample_by", "Dotted path in the event, such as headers.x-user-id: whatever is the same there is hit, or spared, every time.", dotted(), func(c *conditionDraft) *string { return &c.SampleBy }),
		key("seed", "Another seed hits other invocations; the same seed the same ones.", integer[uint64](0, math.MaxUint64), func(c *conditionDraft) *uint64 { return &c.Seed }),
		key("after", "Name of a condition; this one starts when that one is over.", line(), func(c *conditionDraft) *string { return &c.After }),
		key("delay", "How long to wait before it starts.", duration(0, longest), func(c *conditionDraft) *time.Duration { return &c.Delay }),
		key("for", "How long it lasts; default: until the fault phase ends.", duration(time.Second, longest), func(c *conditionDraft) *time.Duration { return &c.For }),
		key("irreversible", "true says that this fault is wanted although it cannot be undone.", trueFalse(), func(c *conditionDraft) *bool { return &c.Irreversible }),
	})
	shape.schema["allOf"] = all.attributeSchemas()
	return value[Condition]{schema: shape.schema, read: func(d *decoder, n *node, path string) (Condition, bool) {
		c, ok := shape.read(d, n, path)
		c.Line = n.line
		if c.Fault == "" {
			return c.Condition, false
		}
		kind, _ := d.catalog.find(c.Fault)
		with, good := d.attributes(kind, c.with, join(path, "with"))
		c.With = with
		if !good || !ok || !d.checkKind(c.Condition, kind, path) {
			return c.Condition, false
		}
		if !kind.InFunction() {
			c.Percentage = 0
			return c.Condition, true
		}
		if _, err := fault.Member(kind.Kind, c.With, c.Percentage, c.Match); err != nil {
			d.problem(path, "", "cannot become a fault set: "+err.Error(), "")
			return c.Condition, false
		}
		return c.Condition, true
	}}
}

func faultKind(all catalog) value[string] {
	l := line()
	return value[string]{schema: schema{"anyOf": []any{schema{"enum": all.names()}, schema{"type": "string", "pattern": patternVariable}}}, read: func(d *decoder, n *node, path string) (string, bool) {
		s, ok := l.read(d, n, path)
		if !ok || slices.Contains(all.names(), s) {
			return s, ok
		}
		d.wrong(n, path, "is not a kind of fault", closest(s, all.names()))
		return "", false
	}}
}

func dotted() value[string] {
	l := line()
	return value[string]{schema: l.schema, read: func(d *decoder, n *node, path string) (string, bool) {
		s, ok := l.read(d, n, path)
		if ok && slices.Contains(strings.Split(s, "."), "") {
			d.wrong(n, path, "is not a path", "names and numbers with dots between them, such as headers.host or Records.0.body")
			return "", false
		}
		return s, ok
	}}
}
