package sweep

import (
	"math"
	"slices"
)

// Next says what to try after past, in any order; false if nothing is left to try. It is a function of its arguments.
func (s Search) Next(past []Reading) (Trial, bool) {
	if len(past) >= s.maxRuns() {
		return Trial{}, false
	}
	all := s.points(past)
	if len(all) == 0 {
		return s.first(s.Scale.From, all, "the gentle end"), true
	}
	if t, ok := s.again(all); ok {
		return t, true
	}
	if t, ends, ok := s.ends(all); ok || ends {
		return t, ok
	}
	b := bracketOf(all)
	if b.low != nil {
		return contradiction(b)
	}
	if t, ok := s.narrow(b, all); ok {
		return t, true
	}
	return confirm(b)
}

// first tries a value for the first time, with the effort that the gentle end took; beside a value that stays undecided, with the
// effort that did not decide that one either.
func (s Search) first(v float64, all []point, why string) Trial {
	effort := 1.0
	if len(all) > 0 && all[0].position == 0 && known(all[0].settled) {
		effort = all[0].settled
	}
	for _, p := range all {
		if p.answer() == Undecided && math.Abs(p.value-v) <= beside*s.width(p.value) {
			effort = math.Max(effort, p.effort)
		}
	}
	return Trial{v, effort, why}
}

const beside = 1 // widths

// again makes an undecided reading once more, longer, where that is likely to decide it; and breaks ties.
func (s Search) again(all []point) (Trial, bool) {
	for _, p := range all {
		if p.answer() != Undecided || p.tries() >= mostAtOnce {
			continue
		}
		if p.held > 0 {
			return Trial{p.value, p.effort, "one run held, another did not"}, true
		}
		need := math.Max(2, 1.2*p.need)
		if p.effort < s.patience() && p.effort*need <= 2*s.patience() {
			return Trial{p.value, math.Min(p.effort*need, s.patience()), "undecided: longer"}, true
		}
	}
	return Trial{}, false
}

// ends tries the ends of the range and what was asked for. over says that the search is over because of what they say.
func (s Search) ends(all []point) (t Trial, over, ok bool) {
	gentle := all[0]
	switch {
	case gentle.answer() == Broken && !gentle.sure():
		return Trial{gentle.value, gentle.settled, "the gentle end, to be sure"}, false, true
	case gentle.answer() != Held:
		return t, true, false
	}
	if !tried(all, s.Scale.To) {
		return s.first(s.Scale.To, all, "the harsh end"), false, true
	}
	if s.asked() && !tried(all, s.Ask) {
		return s.first(s.Ask, all, "the value asked for"), false, true
	}
	if b := bracketOf(all); b.broken == nil && len(b.grey) == 0 { // a third look, for ranges in whose middle it is worst
		middle := s.Scale.snap(s.Scale.Value(0.5), s.width(s.Scale.Value(0.5)))
		if !tried(all, middle) {
			return s.first(middle, all, "the middle"), false, true
		}
		return t, true, false
	}
	return t, false, false
}

func (s Search) asked() bool { return s.Ask != 0 && !math.IsNaN(s.Ask) }

func tried(all []point, v float64) bool {
	return slices.ContainsFunc(all, func(p point) bool { return p.value == v })
}

// contradiction looks again at what fits worst: something gentle failed, although something harsher held.
func contradiction(b bracket) (Trial, bool) {
	for _, p := range []*point{b.low, b.high} { // a hiccup makes the good look bad rather than the other way round
		if !p.sure() {
			return Trial{p.value, p.settled, "it fits not with a harsher one"}, true
		}
	}
	return Trial{}, false
}

// narrow tries a value between the ends of the bracket, unless they are close enough.
func (s Search) narrow(b bracket, all []point) (Trial, bool) {
	low, high := b.held, b.broken
	if high != nil && s.close(low.value, high.value) {
		return Trial{}, false
	}
	if len(b.grey) > 0 { // half the precision for each side of what stays undecided
		if len(b.grey) >= mostGrey {
			return Trial{}, false
		}
		first, last := &b.grey[0], &b.grey[len(b.grey)-1]
		switch {
		case !s.within(0.5, low.value, first.value):
			high = first
		case high != nil && !s.within(0.5, last.value, high.value):
			low = last
		default:
			return Trial{}, false
		}
	}
	if high == nil {
		return Trial{}, false
	}
	v := s.between(*low, *high, all)
	if tried(all, v) {
		return Trial{}, false // the grain is too coarse for anything between
	}
	return s.first(v, all, "between "+s.Scale.Format(low.value)+" and "+s.Scale.Format(high.value)), true
}

// between is the value to try between two: beside the place where the margin is likely to be 0, so that the answer is a clear one, as
// long as that does better than halving; otherwise the middle. After each value but one, the bracket is at most as wide as
// halving would have made it. (The idea of bounding interpolation so is that of Oliveira and Takahashi's ITP method, ACM TOMS 47, 2020.)
func (s Search) between(low, high point, all []point) float64 {
	inner := 0
	for _, p := range all {
		if p.position > 0 && p.position < 1 {
			inner++
		}
	}
	middle := s.Scale.Value((low.position + high.position) / 2)
	middle = s.Scale.snap(middle, s.width(middle))
	if high.position-low.position > math.Pow(2, 1-float64(inner)) || !(low.margin > 0) || !(high.margin < 0) || !known(low.margin-high.margin) {
		return middle
	}
	cross := low.value + (high.value-low.value)*low.margin/(low.margin-high.margin)
	width := s.width(cross)
	if math.Abs(high.value-low.value) <= 2*width {
		return middle
	}
	aside := aim * width * direction(low.value, high.value)
	v := cross - aside
	if math.Abs(cross-low.value) <= width {
		v = cross + aside
	}
	v = s.Scale.snap(v, width)
	if p := s.Scale.Position(v); p <= low.position || p >= high.position {
		return middle
	}
	return v
}

// aim is how far beside the crossing a value is tried, in widths: two such values, one on each side, are close enough.
const aim = 0.45

func direction(from, to float64) float64 {
	if to < from {
		return -1
	}
	return 1
}

// confirm runs the ends of the answer once more.
func confirm(b bracket) (Trial, bool) {
	for _, p := range []*point{b.broken, b.held} {
		if p != nil && !p.sure() {
			return Trial{p.value, p.settled, "to be sure"}, true
		}
	}
	return Trial{}, false
}
