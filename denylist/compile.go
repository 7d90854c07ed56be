package denylist

import (
	"encoding/binary"
	"fmt"
	"regexp/syntax"
	"slices"
)

// maxStates bounds an automaton: an expression such as a.{40}b has 2^40 states.
const maxStates = 4096

// maxWork bounds what compiling an expression may cost, in instructions visited: about 100 ms. A whole list may cost
// ten times that: an event waits for it.
const (
	maxWork = 10_000_000
	maxList = 10 * maxWork
	// finding a state costs as much as this, and finding a pair of states in union a tenth of it.
	finding = 100
)

// alphabet is how many bytes host names are made of: ASCII.
const alphabet = 128

// A TooLargeError says which expression needs more states than an automaton may have.
type TooLargeError struct{ Expression string }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the expression %.100q needs too large a table: more than %d states, or too long to make", e.Expression, maxStates)
}

// automaton is a deterministic automaton over ASCII in which upper case reads as lower case.
type automaton struct {
	class   [alphabet]uint8 // of each byte
	classes int
	next    []uint16 // by state, then class
	accept  []bool   // by state: the name may end here
	start   uint16
}

func (a *automaton) row(state int) []uint16 {
	return a.next[state*a.classes : (state+1)*a.classes]
}

// compile makes the minimal automaton that accepts the names in which expression is found, and takes what that costs
// from left.
func compile(expression string, left *int) (*automaton, error) {
	parsed, err := syntax.Parse(expression, syntax.Perl|syntax.FoldCase)
	if err != nil {
		return nil, fmt.Errorf("the expression %q: %w", expression, err)
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("the expression %q: %w", expression, err)
	}
	a := construct(prog, left)
	if a == nil {
		return nil, &TooLargeError{expression}
	}
	return a.minimal(left), nil
}

// subset is a state of the construction: the instructions that are due before the next byte, and the byte before it.
type subset struct {
	due      []uint32
	previous rune // -1 at the start of the name
	found    bool // whatever follows
}

// key tells subsets apart. Of the byte before, only what empty-width assertions see counts.
func (s subset) key() string {
	if s.found {
		return "found"
	}
	key := []byte{byte(syntax.EmptyOpContext(s.previous, 'a'))}
	for _, pc := range s.due {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	return string(key)
}

// construction turns a program into an automaton, state by state.
type construction struct {
	prog    *syntax.Prog
	seen    []uint32 // by instruction: the round that has visited it
	round   uint32
	work    int
	numbers map[string]uint16
	subsets []subset
}

// construct is the subset construction; nil if there are too many states.
func construct(prog *syntax.Prog, left *int) *automaton {
	c := &construction{prog: prog, seen: make([]uint32, len(prog.Inst)), numbers: map[string]uint16{}}
	defer func() { *left -= c.work }()
	a := &automaton{}
	representatives := a.classify(prog)
	c.number(subset{previous: -1})
	for n := 0; n < len(c.subsets); n++ {
		if len(c.subsets) > maxStates || c.work > maxWork {
			return nil
		}
		from := c.subsets[n]
		_, found := c.reach(from, -1)
		a.accept = append(a.accept, from.found || found)
		for _, b := range representatives {
			a.next = append(a.next, c.number(c.step(from, rune(b))))
		}
	}
	return a
}

// classify puts bytes that no instruction tells apart into one class, and returns a byte of each.
func (a *automaton) classify(prog *syntax.Prog) (representatives []byte) {
	known := map[string]uint8{}
	for b := range byte(alphabet) {
		letter := rune(lower(b))
		signature := []byte{byte(syntax.EmptyOpContext(letter, 'a'))}
		for i := range prog.Inst {
			if inst := &prog.Inst[i]; isRune(inst.Op) && inst.MatchRune(letter) {
				signature = binary.LittleEndian.AppendUint32(signature, uint32(i))
			}
		}
		class, ok := known[string(signature)]
		if !ok {
			class = uint8(len(representatives))
			known[string(signature)] = class
			representatives = append(representatives, byte(letter))
		}
		a.class[b] = class
	}
	a.classes = len(representatives)
	return representatives
}

func isRune(op syntax.InstOp) bool {
	switch op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}

func (c *construction) number(s subset) uint16 {
	c.work += finding
	key := s.key()
	n, ok := c.numbers[key]
	if !ok {
		n = uint16(len(c.subsets))
		c.numbers[key] = n
		c.subsets = append(c.subsets, s)
	}
	return n
}

// step is the subset behind one more byte.
func (c *construction) step(from subset, b rune) subset {
	if from.found {
		return from
	}
	ready, found := c.reach(from, b)
	if found {
		return subset{found: true}
	}
	to := subset{previous: b}
	for _, pc := range ready {
		if inst := &c.prog.Inst[pc]; inst.MatchRune(b) {
			to.due = append(to.due, inst.Out)
		}
	}
	slices.Sort(to.due)
	to.due = slices.Compact(to.due)
	return to
}

// reach follows the instructions that read nothing, before the byte b, or before the end where b is -1. It returns
// those that read a byte, and whether the expression is found. A search may begin anywhere.
func (c *construction) reach(from subset, b rune) (ready []uint32, found bool) {
	context := syntax.EmptyOpContext(from.previous, b)
	c.round++
	stack := append(slices.Clone(from.due), uint32(c.prog.Start))
	for len(stack) > 0 {
		c.work++
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if c.seen[pc] == c.round {
			continue
		}
		c.seen[pc] = c.round
		switch inst := &c.prog.Inst[pc]; inst.Op {
		case syntax.InstMatch:
			return nil, true
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^context == 0 {
				stack = append(stack, inst.Out)
			}
		case syntax.InstFail:
		default:
			ready = append(ready, pc)
		}
	}
	return ready, false
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
