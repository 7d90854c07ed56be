// Package sweep finds the value of one parameter of an experiment from which on the experiment no longer holds: its breaking point.
//
// It decides what to try next from what was tried so far, and nothing else: no clock, no randomness, no I/O. Whoever runs the
// experiments asks [Search.Next], makes the run, adds a [Reading], and asks again. [Search.Conclude] says what is known.
//
// A reading may be wrong (a hiccup of the machine makes a good system look bad for once), so neither end of the answer counts before two
// more runs have held, or failed, there than the other way round. A reading that leaves it open is made again with a longer fault phase, which
// happens near the breaking point only. Parameters for which "harsher is worse" is not true are told as such, not given a number.
package sweep

import (
	"math"

	"github.com/firedrill-dev/firedrill/verdict"
)

// An Answer is what one run says of its value.
type Answer string

// The answers.
const (
	Held      Answer = "held"
	Broken    Answer = "broken" // disproved, or worse: a stop rule ended the run
	Undecided Answer = "undecided"
)

// A Reading is one run at one value.
type Reading struct {
	Value  float64 `json:"value"`
	Answer Answer  `json:"answer"`
	// Effort is how many times as long as usual the fault phase was; 1 is usual.
	Effort float64 `json:"effort"`
	// Need is how many times as many samples would have decided an undecided reading; 0 if nobody knows.
	Need float64 `json:"need,omitempty"`
	// Margin is how far the worst measure's estimate was from its limit, as a share of it: above 0 it satisfies its
	// expectation. It only guides the search. NaN or infinite where it says nothing.
	Margin float64 `json:"-"`
	// Of is what an undecided run is called; empty for the others.
	Of verdict.Outcome `json:"of,omitempty"`
}

// A Trial is what to try next.
type Trial struct {
	Value  float64
	Effort float64
	Why    string // in a few words, for those who watch
}

// A Search is the question. The zero value of the last three means the defaults.
type Search struct {
	Scale     Scale
	Precision Precision
	// Ask is tried after the ends whatever comes out, because somebody wants to know about it; NaN for none.
	Ask      float64
	MaxRuns  int     // default 24
	Patience float64 // the longest effort; default 4
}

// Defaults of a search.
const (
	DefaultMaxRuns  = 24
	DefaultPatience = 4
)

const (
	confirmed  = 2 // readings more on one side than on the other
	mostAtOnce = 5 // readings of one value: one on which they do not agree by then is undecided
	mostGrey   = 3 // values that stay undecided before the search ends without its precision
)

func (s Search) maxRuns() int {
	if s.MaxRuns > 0 {
		return s.MaxRuns
	}
	return DefaultMaxRuns
}

func (s Search) patience() float64 {
	if s.Patience >= 1 {
		return s.Patience
	}
	return DefaultPatience
}

func (s Search) width(v float64) float64 {
	p := s.Precision
	if p == (Precision{}) {
		p.Share = DefaultPrecision
	}
	return s.Scale.width(p, v)
}

// close says whether two values are within the precision of each other.
func (s Search) close(a, b float64) bool { return s.within(1, a, b) }

// within is close for a share of the precision.
func (s Search) within(share, a, b float64) bool {
	w := math.Max(share*s.width(math.Max(math.Abs(a), math.Abs(b))), s.Scale.Grain)
	return math.Abs(a-b) <= w*(1+1e-9)
}
