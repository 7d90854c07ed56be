package local

import (
	"fmt"
	"slices"
	"strings"
)

// A Problem is one mistake in a functions file.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`  // 1-based; 0 if the mistake is nowhere in particular
	Field   string `json:"field,omitempty"` // dotted: functions.purchase.timeout
	Value   string `json:"value,omitempty"` // the offending text
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Error is one line: FILE:LINE: FIELD: MESSAGE: "VALUE" (HINT).
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	if p.Value != "" {
		fmt.Fprintf(&b, ": %q", clip(p.Value))
	}
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems are all the mistakes of one file, in the file's order. Never empty when returned as an error.
type Problems []*Problem

// Error is one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find a *Problem.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// maxProblems bounds what is told of one file: who has more has taken the wrong file.
const maxProblems = 100

// sorted puts the problems in the file's order, and the first hundred must do.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b *Problem) int { return a.Line - b.Line })
	if len(ps) <= maxProblems {
		return ps
	}
	more := &Problem{File: ps[0].File, Message: fmt.Sprintf("%d more problems", len(ps)-maxProblems)}
	return append(ps[:maxProblems:maxProblems], more)
}

// clip keeps a message readable when the offending text is a whole document.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// closest returns a hint that names the known word nearest to an unknown one, or lists them all.
func closest(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if d := editDistance(strings.ToLower(word), k, distance); d < distance {
			best, distance = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known: " + strings.Join(known, ", ")
}

// editDistance is Levenshtein's, by the usual two rows; words too far apart in length are not compared.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitution := diagonal
			if a[i] != b[j] {
				substitution++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitution, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
