package experiment

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one mistake in a file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"` // 1-based; 0 if the mistake is nowhere in particular
	Column  int    `json:"column,omitempty"`
	Field   string `json:"field"` // dotted path, such as conditions[0].with.min
	Value   string `json:"value,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Warning bool   `json:"warning,omitempty"` // allowed, but worth saying
}

// String returns the problem as compilers write theirs, so that editors can jump to it; the hint has a line
// of its own.
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	if p.Value != "" {
		fmt.Fprintf(&b, ": %q", p.Value)
	}
	if p.Hint != "" {
		b.WriteString("\n  hint: " + p.Hint)
	}
	return b.String()
}

// clip keeps a message readable when the offending text is a whole document.
func clip(text string) string {
	const most = 100
	text = strings.ToValidUTF8(text, "\uFFFD")
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// maxProblems bounds what is told of one file: who has more has taken the wrong file.
const maxProblems = 100

// sorted puts problems in the order of the file, each once, and the first of them if there are very many.
func sorted(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Field, b.Field))
	})
	problems = slices.Compact(problems)
	if len(problems) <= maxProblems {
		return problems
	}
	rest := problems[maxProblems:]
	more := Problem{File: rest[0].File, Line: rest[0].Line, Column: rest[0].Column, Message: fmt.Sprintf("%d more problems from here on", len(rest)),
		Hint: "is this the file you meant?", Warning: !anyFatal(rest)}
	return append(problems[:maxProblems:maxProblems], more)
}

// anyFatal reports whether problems hold more than warnings.
func anyFatal(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}
