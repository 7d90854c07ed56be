package experiment

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a file, kept before the YAML parser sees it: it recurses into nesting, and takes quadratic time
// for long flow sequences.
const (
	maxBytes   = 128 << 10
	maxNesting = 32
)

// A form is what a node is.
type form int

const (
	broken form = iota // told as a problem already; readers pass over it silently
	null
	scalar
	mapping
	sequence
)

// A node is one value of the file. It is what YAML means, without YAML's variety.
type node struct {
	form         form
	text         string // of a scalar
	plain        bool   // a scalar written without quotes: it may be a number, true or false
	line, column int
	entries      []entry
	items        []*node
}

// An entry is one key of a mapping, with its value.
type entry struct{ key, value *node }

// get returns the value of a key, or nil.
func (n *node) get(key string) *node {
	for _, e := range n.entries {
		if e.key.text == key {
			return e.value
		}
	}
	return nil
}

// show is a node as a problem quotes it.
func (n *node) show() string {
	switch n.form {
	case scalar:
		return clip(n.text)
	case mapping:
		return "{...}"
	case sequence:
		return "[...]"
	}
	return ""
}

// Braces of variables stand for themselves only outside of flow mappings, where "{url: ${api}/x}" would end
// early. So they are hidden from the YAML parser behind characters of Unicode's private use area, one for
// one: columns stay what they are.
const (
	hiddenOpen  = "\uE000"
	hiddenClose = "\uE001"
)

var variableInText = regexp.MustCompile(`\$\{([^{}\s:,"'\[\]#]*)\}`)

var unhide = strings.NewReplacer(hiddenOpen, "{", hiddenClose, "}")

// parseYAML turns a file into its one document. The result is nil if that cannot be.
func (d *decoder) parseYAML(data []byte) *node {
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	if p := unreadable(data); p != nil {
		p.File = d.file
		d.problems = append(d.problems, *p)
		return nil
	}
	hidden := variableInText.ReplaceAll(data, []byte("$$"+hiddenOpen+"${1}"+hiddenClose))
	docs, p := parseDocuments(hidden)
	if p != nil {
		p.File = d.file
		d.problems = append(d.problems, *p)
		return nil
	}
	if len(docs) != 1 {
		p := Problem{File: d.file, Line: 1, Column: 1, Message: "the file says nothing", Hint: "firedrill init writes an example to start from"}
		if len(docs) > 1 {
			at := position(docs[1])
			p.Line, p.Column, p.Message, p.Hint = at.line, at.column, "a second YAML document begins here", "one file is one experiment: remove the line ---"
		}
		d.problems = append(d.problems, p)
		return nil
	}
	return d.convert(docs[0])
}

// unreadable finds what must not reach the YAML parser.
func unreadable(data []byte) *Problem {
	switch {
	case len(data) > maxBytes:
		return &Problem{Message: fmt.Sprintf("the file has %d bytes, more than %d", len(data), maxBytes), Hint: "is this the file you meant?"}
	case len(bytes.TrimSpace(data)) == 0:
		return &Problem{Line: 1, Column: 1, Message: "the file is empty", Hint: "firedrill init writes an example to start from"}
	}
	if line, column := firstJunk(data); line > 0 {
		return &Problem{Line: line, Column: column, Message: "the file is not text: no UTF-8 text has such a character", Hint: "is this the file you meant?"}
	}
	if line := tooNested(data); line > 0 {
		return &Problem{Line: line, Column: 1, Message: fmt.Sprintf("more than %d levels of nesting", maxNesting), Hint: "no experiment needs that; is a bracket left open?"}
	}
	return nil
}

// firstJunk is the place of the first character that no experiment has; line 0 if there is none.
func firstJunk(data []byte) (line, column int) {
	line, column = 1, 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		control := (r < ' ' || r == 0x7F) && r != '\n' && r != '\r' && r != '\t'
		switch {
		case control, r == utf8.RuneError && size == 1, string(r) == hiddenOpen, string(r) == hiddenClose:
			return line, column
		case r == '\n':
			line, column = line+1, 1
		default:
			column++
		}
		data = data[size:]
	}
	return 0, 0
}

// tooNested returns the first line that opens more brackets, or is indented further, than any experiment
// needs; 0 if there is none. Brackets in text count too, within a file that is no loss.
func tooNested(data []byte) int {
	open, line := 0, 0
	for text := range strings.Lines(string(data)) {
		line++
		for _, r := range text {
			switch r {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
			if open > maxNesting {
				return line
			}
		}
		trimmed := strings.TrimLeft(text, " \t")
		marks := len(trimmed) - len(strings.TrimLeft(trimmed, "- ?:&!*")) // "- - - -" nests too
		if marks > 2*maxNesting || len(text)-len(trimmed) > 8*maxNesting {
			return line
		}
	}
	return 0
}

// parseDocuments parses YAML. A panic of the parser is a mistake in the file as far as users are concerned.
func parseDocuments(data []byte) (docs []ast.Node, problem *Problem) {
	defer func() {
		if p := recover(); p != nil {
			docs, problem = nil, &Problem{Line: 1, Column: 1, Message: "is not valid YAML", Hint: "write it more plainly"}
		}
	}()
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey()) // convert finds duplicates, all of them
	if err != nil {
		return nil, syntaxProblem(err)
	}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			docs = append(docs, doc.Body)
		}
	}
	return docs, nil
}

func syntaxProblem(err error) *Problem {
	p := &Problem{Line: 1, Column: 1, Message: "is not valid YAML", Hint: "quote texts that contain { } [ ] , : or #, and indent with spaces"}
	var located yaml.Error
	if !errors.As(err, &located) {
		p.Message += ": " + clip(err.Error())
		return p
	}
	p.Message += ": " + clip(unhide.Replace(located.GetMessage()))
	if tk := located.GetToken(); tk != nil && tk.Position != nil {
		p.Line, p.Column = tk.Position.Line, tk.Position.Column
		p.Value = clip(unhide.Replace(strings.TrimSpace(tk.Value)))
	}
	return p
}

// position is an empty node where n begins.
func position(n ast.Node) *node {
	if block, ok := n.(*ast.MappingNode); ok && !block.IsFlowStyle && len(block.Values) > 0 {
		return position(block.Values[0].Key) // its own token is the first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		return position(v.Key)
	}
	out := &node{line: 1, column: 1}
	if tk := n.GetToken(); tk != nil && tk.Position != nil {
		out.line, out.column = tk.Position.Line, tk.Position.Column
	}
	return out
}

// convert turns YAML's tree into ours and refuses what an experiment has no use for.
func (d *decoder) convert(n ast.Node) *node {
	out := position(n)
	switch v := n.(type) {
	case *ast.MappingNode:
		out.form = mapping
		lines := map[string]int{}
		for _, value := range v.Values {
			d.addEntry(out, value, lines)
		}
	case *ast.MappingValueNode:
		out.form = mapping
		d.addEntry(out, v, map[string]int{})
	case *ast.SequenceNode:
		out.form = sequence
		for _, value := range v.Values {
			out.items = append(out.items, d.convert(value))
		}
	case *ast.NullNode:
		out.form = null
	case *ast.StringNode:
		quoted := v.Token.Type == token.SingleQuoteType || v.Token.Type == token.DoubleQuoteType
		out.form, out.text, out.plain = scalar, unhide.Replace(v.Value), !quoted
	case *ast.LiteralNode:
		out.form, out.text = scalar, unhide.Replace(v.Value.Value)
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		out.form, out.text, out.plain = scalar, n.GetToken().Value, true
	case *ast.AnchorNode, *ast.AliasNode:
		d.refuse(out, "anchors and aliases are not supported", "put the text under vars: and write ${NAME}")
	case *ast.TagNode:
		d.refuse(out, "tags are not supported", "write the value without the tag")
	default:
		d.refuse(out, "this YAML is not supported", "write it as key: value or as a list")
	}
	return out
}

// refuse tells a problem with a node, and breaks the node so that nobody tells another.
func (d *decoder) refuse(n *node, message, hint string) {
	n.form = broken
	d.problems = append(d.problems, Problem{File: d.file, Line: n.line, Column: n.column, Message: message, Hint: hint})
}

// addEntry adds a key with its value to a mapping. lines are those of its keys so far.
func (d *decoder) addEntry(m *node, v *ast.MappingValueNode, lines map[string]int) {
	at := position(v.Key)
	text, ok := keyText(v.Key)
	switch {
	case v.Key.IsMergeKey():
		d.refuse(at, "merge keys are not supported", "write the keys out")
		m.form = broken // nobody knows what it has
		return
	case !ok:
		d.refuse(at, "a key must be plain text", "")
		return
	}
	at.form, at.text = scalar, unhide.Replace(text)
	if first, ok := lines[at.text]; ok {
		d.problems = append(d.problems, Problem{File: d.file, Line: at.line, Column: at.column, Value: clip(at.text),
			Message: fmt.Sprintf("this key is given twice, first on line %d", first), Hint: "keep one of the two"})
		return
	}
	lines[at.text] = at.line
	m.entries = append(m.entries, entry{at, d.convert(v.Value)})
}

// keyText is the text of a key, false if it is not a scalar.
func keyText(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
