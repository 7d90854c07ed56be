package denylist

// union accepts what a or b accepts; nil if that needs too many states, or more work than is left.
func union(a, b *automaton, left *int) *automaton {
	u := &automaton{}
	columns := u.pairClasses(a, b)
	type pair struct{ a, b uint16 }
	numbers := map[pair]uint16{}
	var pairs []pair
	number := func(p pair) uint16 {
		n, ok := numbers[p]
		if !ok {
			n = uint16(len(pairs))
			numbers[p] = n
			pairs = append(pairs, p)
		}
		return n
	}
	number(pair{a.start, b.start})
	for n := 0; n < len(pairs); n++ {
		*left -= finding / 10 * len(columns)
		if len(pairs) > maxStates || *left < 0 {
			return nil
		}
		p := pairs[n]
		u.accept = append(u.accept, a.accept[p.a] || b.accept[p.b])
		rowA, rowB := a.row(int(p.a)), b.row(int(p.b))
		for _, c := range columns {
			u.next = append(u.next, number(pair{rowA[c[0]], rowB[c[1]]}))
		}
	}
	return u.minimal(left)
}

// pairClasses gives u the classes that both tell apart, and returns what each is in a and b.
func (u *automaton) pairClasses(a, b *automaton) (columns [][2]uint8) {
	known := map[[2]uint8]uint8{}
	for i := range u.class {
		pair := [2]uint8{a.class[i], b.class[i]}
		class, ok := known[pair]
		if !ok {
			class = uint8(len(columns))
			known[pair] = class
			columns = append(columns, pair)
		}
		u.class[i] = class
	}
	u.classes = len(columns)
	return columns
}

// minimal returns the smallest automaton that accepts the same, by Moore's refinement: states are in one group until
// something tells them apart. What they lead to is compared by a hash, and the result is checked without it. Without
// any work left it returns a.
func (a *automaton) minimal(left *int) *automaton {
	group := make([]uint16, len(a.accept))
	groups := 1
	for state, accepts := range a.accept {
		if accepts {
			group[state] = 1
			groups = 2
		}
	}
	for range a.accept { // each round but the last one makes more groups
		if *left -= len(a.next) / 4; *left < 0 {
			return a
		}
		refined, n := a.refine(group)
		if n <= groups {
			break
		}
		group, groups = refined, n
	}
	m := &automaton{class: a.class, classes: a.classes, start: group[a.start],
		next: make([]uint16, groups*a.classes), accept: make([]bool, groups)}
	filled := make([]bool, groups)
	for state, g := range group {
		for c, to := range a.row(state) {
			slot := &m.next[int(g)*a.classes+c]
			if filled[g] && *slot != group[to] {
				return a // two states have the same hash by chance
			}
			*slot = group[to]
		}
		if filled[g] && m.accept[g] != a.accept[state] {
			return a
		}
		filled[g], m.accept[g] = true, a.accept[state]
	}
	return m
}

// refine splits groups by the groups that their states lead to. Groups are numbered by their first state.
func (a *automaton) refine(group []uint16) (refined []uint16, groups int) {
	refined = make([]uint16, len(group))
	known := make(map[uint64]uint16, len(group))
	for state, g := range group {
		h := (uint64(g) + 1) * 0xBF58476D1CE4E5B9
		for _, to := range a.row(state) {
			h = (h ^ uint64(group[to])) * 0x9E3779B97F4A7C15
			h ^= h >> 29
		}
		n, ok := known[h]
		if !ok {
			n = uint16(len(known))
			known[h] = n
		}
		refined[state] = n
	}
	return refined, len(known)
}
