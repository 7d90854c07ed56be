package load

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// A text is a body, URL or header value: fixed, or a template rendered for each request.
type text struct {
	fixed    string
	template *template.Template // nil for a fixed text
}

// parseText compiles a text once and renders it once, so that mistakes are found before any traffic.
func parseText(source string) (text, error) {
	if !strings.Contains(source, "{{") {
		return text{fixed: source}, nil
	}
	parsed, err := template.New("template").Parse(source)
	if err != nil {
		return text{}, fmt.Errorf("%w (a request has {{.Seq}}, {{.UUID}}, {{.Rand 1 100}}, {{.Pick \"a\" \"b\"}} and {{.Now}})", err)
	}
	for _, part := range parsed.Templates() {
		part.Root.Nodes = slices.Insert(part.Root.Nodes, 0, step())
		countSteps(part.Root)
	}
	t := text{template: parsed}
	if _, err := t.render(newDraw(1, 0, time.Time{})); err != nil {
		return text{}, err
	}
	return t, nil
}

func (t text) render(d *draw) (string, error) {
	if t.template == nil {
		return t.fixed, nil
	}
	var b bounded
	if err := t.template.Execute(&b, d); err != nil {
		return "", err
	}
	return b.String(), nil
}

// A mistyped range should be an error, not the end of the memory or of time.
const (
	maxText  = 10 << 20 // bytes that a template may render
	maxSteps = 1 << 20  // times that it may write, or begin a loop's body or a template's
)

// step is a text of no length: what it writes is counted.
func step() parse.Node { return &parse.TextNode{NodeType: parse.NodeText} }

// countSteps makes every turn of a loop write something, even if there is nothing to write.
func countSteps(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.RangeNode:
			countSteps(node.List)
			countSteps(node.ElseList)
			node.List.Nodes = slices.Insert(node.List.Nodes, 0, step())
		case *parse.IfNode:
			countSteps(node.List)
			countSteps(node.ElseList)
		case *parse.WithNode:
			countSteps(node.List)
			countSteps(node.ElseList)
		}
	}
}

type bounded struct {
	strings.Builder
	steps int
}

// Write implements io.Writer; what is too much ends the template.
func (b *bounded) Write(p []byte) (int, error) {
	if b.steps++; b.steps > maxSteps {
		return 0, fmt.Errorf("it takes more than %d steps", maxSteps)
	}
	if b.Len()+len(p) > maxText {
		return 0, fmt.Errorf("it renders more than %d bytes", maxText)
	}
	return b.Builder.Write(p)
}

// draw is what templates see of one request. Its random numbers depend on the load's seed and the request's number
// alone, so that neither the order in which workers run nor dropped requests change what the others send.
type draw struct {
	// Seq is the request's number: 0, 1, 2, ...
	Seq    uint64
	at     time.Time
	source *rand.PCG
}

func newDraw(seed, seq uint64, at time.Time) *draw {
	return &draw{Seq: seq, at: at, source: rand.NewPCG(seed, seq)}
}

// String is what {{.}} prints: without it, the address of the source, which no seed could make the same twice.
func (d *draw) String() string { return fmt.Sprintf("request %d", d.Seq) }

// UUID is a version 4 UUID, another at each call.
func (d *draw) UUID() string {
	high, low := d.source.Uint64(), d.source.Uint64()
	high = high&^0xf000 | 0x4000 // the version
	low = low&^(3<<62) | 1<<63   // the variant of RFC 9562
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", high>>32, high>>16&0xffff, high&0xffff, low>>48, low&0xffffffffffff)
}

// Rand is a whole number from low to high, both included.
func (d *draw) Rand(low, high int64) (int64, error) {
	if high < low {
		return 0, fmt.Errorf("no number is at least %d and at most %d", low, high)
	}
	span := uint64(high-low) + 1
	if span == 0 { // all of int64
		return int64(d.source.Uint64()), nil
	}
	return low + int64(rand.New(d.source).Uint64N(span)), nil
}

// Pick is one of its arguments, each as likely as the others.
func (d *draw) Pick(of ...any) (any, error) {
	if len(of) == 0 {
		return nil, fmt.Errorf("pick needs something to pick from")
	}
	return of[rand.New(d.source).IntN(len(of))], nil
}

// Now is the request's intended start, in UTC as RFC 3339. It is the one thing that differs between two runs with one seed.
func (d *draw) Now() string { return d.at.UTC().Format(time.RFC3339Nano) }
