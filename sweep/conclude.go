package sweep

import (
	"fmt"
	"strings"
)

// An Outcome says what came of a search.
type Outcome string

// The outcomes.
const (
	Found            Outcome = "found"             // held up to one value, broken from another, as close as was wanted, each seen twice
	Rough            Outcome = "rough"             // the same, but further apart, or not seen twice
	HeldThroughout   Outcome = "held-throughout"   // at both ends and in the middle
	BrokenThroughout Outcome = "broken-throughout" // at the gentle end already
	NotMonotone      Outcome = "not-monotone"      // something gentle failed, something harsher held, and looking again did not change that
	Open             Outcome = "open"              // the runs at the gentle end do not say whether it holds
	Ended            Outcome = "ended"             // the search was ended before it knew anything
)

// A Bound is one end of an answer.
type Bound struct {
	Value float64 `json:"value"`
	Text  string  `json:"text"` // as the file would have it
	Runs  int     `json:"runs"` // how many there were at this value
	Agree int     `json:"agree"`
}

// A Conclusion is what is known of the breaking point.
type Conclusion struct {
	Outcome Outcome `json:"outcome"`
	Held    *Bound  `json:"held,omitempty"`   // the harshest value that held, with all gentler ones
	Broken  *Bound  `json:"broken,omitempty"` // the gentlest value that did not, with all harsher ones
	Grey    []Bound `json:"undecided,omitempty"`
	Guess   *Bound  `json:"guess,omitempty"` // where between the two the worst measure's estimates meet the limit, on a line through them
	Text    string  `json:"text"`            // in a sentence
	Hint    string  `json:"hint,omitempty"`  // what to do about it
}

// Conclude says what is known after past. It can be asked at any time.
func (s Search) Conclude(past []Reading) Conclusion {
	all := s.points(past)
	_, more := s.Next(past)
	c := Conclusion{}
	if len(all) == 0 {
		c.Outcome, c.Text = Ended, "nothing was tried to its end"
		return c
	}
	b := bracketOf(all)
	for _, p := range b.grey {
		c.Grey = append(c.Grey, *s.bound(&p))
	}
	if b.low == nil {
		c.Held, c.Broken = s.bound(b.held), s.bound(b.broken)
	}
	switch {
	case b.low != nil:
		c.Outcome = NotMonotone
		c.Text = fmt.Sprintf("it does not hold at %s, but holds at %s: there is no one breaking point", s.Scale.Format(b.low.value), s.Scale.Format(b.high.value))
		c.Hint = "sweep a smaller range, on one side of what is different there; something may take over when it gets bad, such as a fallback"
		if !b.low.sure() || !b.high.sure() {
			c.Hint = "allow more runs: neither answer is sure yet"
		}
	case b.held == nil:
		s.nothingHeld(&c, all, more)
	case b.broken == nil && len(b.grey) == 0 && tried(all, s.Scale.To):
		c.Outcome = HeldThroughout
		c.Text = "held at all values that were tried, up to " + s.Scale.Format(s.Scale.To)
		c.Hint = "the breaking point, if there is one, lies beyond: widen the range"
	default:
		s.bracketed(&c, b, all, more)
	}
	return c
}

func (s Search) nothingHeld(c *Conclusion, all []point, more bool) {
	gentle := s.Scale.Format(s.Scale.From)
	if all[0].position == 0 && all[0].answer() == Broken {
		c.Outcome, c.Text = BrokenThroughout, "does not hold even at "+gentle
		c.Hint = fmt.Sprintf("the range goes from gentle to harsh: write %s..%s if less is harsher; otherwise begin at a gentler value", s.Scale.Format(s.Scale.To), gentle)
		return
	}
	c.Outcome, c.Text = Open, "the runs at "+gentle+" do not say whether it holds"
	c.Hint = "see why in the report of such a run; more samples help: a longer phases.fault, or a higher rate"
	if more {
		c.Outcome, c.Hint = Ended, ""
	}
}

// bracketed is the answer that is looked for.
func (s Search) bracketed(c *Conclusion, b bracket, all []point, more bool) {
	c.Text = "held up to " + c.Held.Text
	c.Guess = s.guess(b, all)
	switch {
	case c.Broken == nil:
		c.Outcome, c.Text = Rough, c.Text+", not clearly broken anywhere"
		c.Hint = "widen the range"
	case s.close(c.Held.Value, c.Broken.Value) && b.held.lead() >= confirmed && b.broken.lead() >= confirmed:
		c.Outcome, c.Text = Found, c.Text+", disproved from "+c.Broken.Text
	default:
		c.Outcome, c.Text = Rough, c.Text+", disproved from "+c.Broken.Text
		c.Hint = "allow more runs (--max-runs), or a coarser --precision"
	}
	if len(c.Grey) > 0 {
		var texts []string
		for _, g := range c.Grey {
			texts = append(texts, g.Text)
		}
		c.Text += ", undecided at " + strings.Join(texts, ", ")
	}
	if len(c.Grey) > 0 && c.Outcome == Rough {
		c.Hint = "the runs in between are too close to the limit for so few samples: a longer phases.fault, a higher rate or a larger --patience"
	}
	if more && c.Outcome == Rough {
		c.Text += "; the search was not finished"
	}
}

// guess is where a line through the margins of the bracket and of what lies in it crosses 0, by least squares. It is nil where that is not
// between the two.
func (s Search) guess(b bracket, all []point) *Bound {
	if b.held == nil || b.broken == nil {
		return nil
	}
	var n, x, y, xx, xy float64
	for _, p := range all {
		if p.position < b.held.position || p.position > b.broken.position || !known(p.margin) {
			continue
		}
		w := p.effort * float64(p.tries())
		n, x, y, xx, xy = n+w, x+w*p.value, y+w*p.margin, xx+w*p.value*p.value, xy+w*p.value*p.margin
	}
	slope := (n*xy - x*y) / (n*xx - x*x)
	at := x/n - y/n/slope
	if p := s.Scale.Position(at); !known(at) || !(p > b.held.position && p < b.broken.position) {
		return nil
	}
	at = s.Scale.snap(at, s.width(at))
	return &Bound{Value: at, Text: s.Scale.Format(at)}
}

func (s Search) bound(p *point) *Bound {
	if p == nil {
		return nil
	}
	return &Bound{p.value, s.Scale.Format(p.value), p.tries(), max(p.held, p.broken)}
}

// Gate is the answer to "does it hold at least up to the value asked for?": Held, Broken, or Undecided. Where the parameter is not
// monotone there is none.
func (c Conclusion) Gate(s Scale, at float64) Answer {
	harsher := func(a, b float64) bool { return s.Position(a) >= s.Position(b)-1e-12 }
	switch {
	case c.Held != nil && harsher(c.Held.Value, at):
		return Held
	case c.Outcome == BrokenThroughout, c.Broken != nil && harsher(at, c.Broken.Value):
		return Broken
	}
	return Undecided
}
