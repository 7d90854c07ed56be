package fault

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

const (
	// maxPattern bounds the text of a regular expression, in bytes.
	maxPattern = 1000
	// maxProgram bounds what the regular expressions of one member become together, in steps of their programs: an
	// expression of a few bytes may be written so that it takes megabytes.
	maxProgram = 5000
)

// patterns compiles the regular expressions of one member.
type patterns struct {
	size int
	most int // 0: maxProgram
}

// compile compiles one, unless it is malformed or too large.
func (p *patterns) compile(text string) (*regexp.Regexp, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("it has %d bytes, more than %d", len(text), maxPattern)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, err
	}
	if p.size += programSize(tree); p.size > cmp.Or(p.most, maxProgram) {
		return nil, errors.New("with those before it, it is too large: its repeats multiply")
	}
	return regexp.Compile(text)
}

// programSize estimates the steps of a program before it is made. Repeats are written out in it, so that they multiply.
func programSize(tree *syntax.Regexp) int {
	size := 0
	for _, part := range tree.Sub {
		size += programSize(part)
	}
	switch tree.Op {
	case syntax.OpLiteral:
		size = len(tree.Rune)
	case syntax.OpRepeat:
		size *= max(tree.Min, tree.Max, 1)
	}
	return min(size+1, 1<<20) // so that nothing overflows; far beyond what is allowed
}
