package denylist

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// maxName is the length of the longest name that DNS has. Longer ones are nobody's, and are not denied.
const maxName = 253

// Tables are compiled expressions: the names in which any of them is found are denied.
type Tables struct {
	automata []*automaton
	encoded  []byte // as the library reads it, from the classes on
}

// Compile compiles expressions (RE2). They are searched in names, and the case of letters does not count.
func Compile(expressions []string) (*Tables, error) {
	var all []*automaton
	left := maxList
	for _, expression := range expressions {
		a, err := compile(expression, &left)
		if err != nil {
			return nil, err
		}
		if left < 0 {
			return nil, fmt.Errorf("the tables of %d expressions together take too long to make: %d are made, up to %.100q", len(expressions), len(all), expression)
		}
		all = append(all, a)
	}
	t := &Tables{automata: merge(all, &left)}
	t.encoded = t.encode()
	if size := headSize + len(t.encoded); size > bufferSize {
		return nil, fmt.Errorf("%d expressions need %d bytes of tables together, more than %d", len(expressions), size, bufferSize)
	}
	return t, nil
}

// merge unites automata as far as that stays small. What cannot be united stays beside it.
func merge(list []*automaton, left *int) []*automaton {
	if len(list) < 2 {
		return list
	}
	half := len(list) / 2
	first, second := merge(list[:half:half], left), merge(list[half:], left)
	if both := union(first[0], second[0], left); both != nil {
		return append(append([]*automaton{both}, first[1:]...), second[1:]...)
	}
	return append(first, second...)
}

// Match reports whether a name is denied. It is what the library does, in Go.
func (t *Tables) Match(name string) bool {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return false
	}
	for i := range len(name) {
		if name[i] >= alphabet {
			return false
		}
	}
	for _, a := range t.automata {
		state := a.start
		for i := range len(name) {
			state = a.next[int(state)*a.classes+int(a.class[name[i]])]
		}
		if a.accept[state] {
			return true
		}
	}
	return false
}

// encode writes the classes and the tables. All tables share the classes, so that a name is classified once. Class 0
// is of the bytes that no name has; it leads to state 0, from which nothing leads away. The accepting states are last.
func (t *Tables) encode() []byte {
	shared := &automaton{classes: 1}
	columns := make([][]uint8, len(t.automata)) // by automaton: its class for each shared class
	for i, a := range t.automata {
		pairs := shared.pairClasses(shared, a)
		for j := range i {
			columns[j] = pick(columns[j], pairs)
		}
		for _, p := range pairs {
			columns[i] = append(columns[i], p[1])
		}
	}
	out := make([]byte, 256)
	for b, class := range shared.class {
		out[b] = class + 1
	}
	for i, a := range t.automata {
		out = a.append(out, columns[i])
	}
	return out
}

// pick carries columns over to finer classes.
func pick(columns []uint8, pairs [][2]uint8) []uint8 {
	picked := make([]uint8, len(pairs))
	for i, p := range pairs {
		picked[i] = columns[p[0]]
	}
	return picked
}

func (a *automaton) append(out []byte, columns []uint8) []byte {
	numbers := make([]uint16, len(a.accept))
	var order []int
	for _, accepting := range []bool{false, true} {
		for state, accepts := range a.accept {
			if accepts == accepting {
				order = append(order, state)
				numbers[state] = uint16(len(order)) // 0 is the dead state
			}
		}
	}
	accepting := 1
	for _, accepts := range a.accept {
		if !accepts {
			accepting++
		}
	}
	width := len(columns) + 1
	for _, n := range []int{len(order) + 1, accepting, int(numbers[a.start]), width} {
		out = binary.NativeEndian.AppendUint32(out, uint32(n))
	}
	out = append(out, make([]byte, 2*width)...) // the dead state
	for _, state := range order {
		out = append(out, 0, 0)
		row := a.row(state)
		for _, c := range columns {
			out = binary.NativeEndian.AppendUint16(out, numbers[row[c]])
		}
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	return out
}
