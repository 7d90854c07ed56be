package sweep

import (
	"cmp"
	"math"
	"slices"
)

// A point is what all readings of one value say together.
type point struct {
	value, position float64
	held, broken    int
	undecided       int
	effort          float64 // the longest
	settled         float64 // the shortest that gave an answer
	need            float64 // of the longest
	margin          float64 // the median of what is known; NaN if nothing is
	margins         []Reading
}

func (p point) tries() int { return p.held + p.broken + p.undecided }

// lead is how many more readings held than failed, or the other way round.
func (p point) lead() int { return max(p.held-p.broken, p.broken-p.held) }

func (p point) answer() Answer {
	switch {
	case p.tries() >= mostAtOnce && p.lead() < confirmed:
		return Undecided
	case p.held > p.broken:
		return Held
	case p.broken > p.held:
		return Broken
	}
	return Undecided
}

// sure says that no other reading is needed, or that none would help.
func (p point) sure() bool { return p.lead() >= confirmed || p.tries() >= mostAtOnce }

// points puts readings together, from gentle to harsh.
func (s Search) points(past []Reading) []point {
	var out []point
	for _, r := range past {
		i := slices.IndexFunc(out, func(p point) bool { return p.value == r.Value })
		if i < 0 {
			out = append(out, point{value: r.Value, position: s.Scale.Position(r.Value), margin: math.NaN(), settled: math.Inf(1)})
			i = len(out) - 1
		}
		out[i].add(r)
	}
	for i := range out {
		out[i].margin = out[i].middle()
	}
	slices.SortFunc(out, func(a, b point) int { return cmp.Compare(a.position, b.position) })
	return out
}

func (p *point) add(r Reading) {
	switch r.Answer {
	case Held:
		p.held++
	case Broken:
		p.broken++
	default:
		p.undecided++
	}
	if r.Answer != Undecided {
		p.settled = math.Min(p.settled, r.Effort)
	}
	if r.Effort >= p.effort {
		p.effort, p.need = r.Effort, r.Need
	}
	if known(r.Margin) {
		p.margins = append(p.margins, r)
	}
}

// middle is the median of the margins, without those of readings that say the opposite of the others.
func (p point) middle() float64 {
	var fit []float64
	for _, r := range p.margins {
		if a := p.answer(); a == Undecided || r.Answer == Undecided || r.Answer == a {
			fit = append(fit, r.Margin)
		}
	}
	if len(fit) == 0 {
		return math.NaN()
	}
	slices.Sort(fit)
	return (fit[(len(fit)-1)/2] + fit[len(fit)/2]) / 2
}

func known(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// A bracket is where the breaking point lies as far as is known.
type bracket struct {
	held, broken *point  // the harshest that held, the gentlest that did not; nil if there is none
	grey         []point // between them: undecided, and no further effort is worth it
	// low and high are a pair in the wrong order: the gentler one failed, the harsher one held. nil if there is none.
	low, high *point
}

func bracketOf(all []point) bracket {
	var b bracket
	for i := range all {
		switch p := &all[i]; p.answer() {
		case Held:
			b.held = p
		case Broken:
			if b.broken == nil {
				b.broken = p
			}
		}
	}
	if b.held != nil && b.broken != nil && b.held.position > b.broken.position {
		b.low, b.high = b.broken, b.held
		return b
	}
	for _, p := range all {
		if p.answer() == Undecided && (b.held == nil || p.position > b.held.position) && (b.broken == nil || p.position < b.broken.position) {
			b.grey = append(b.grey, p)
		}
	}
	return b
}
