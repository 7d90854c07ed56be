package delivery

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// An Outcome is what a canary, or one step of it, came to.
type Outcome string

// The outcomes. All but Promoted lead the traffic back.
const (
	Promoted     Outcome = "promoted"     // every step held; of one step: it held
	Disproved    Outcome = "disproved"    // what was wanted did not hold, with a fault or without one
	Inconclusive Outcome = "inconclusive" // nobody knows: too few requests, measures without data
	Stopped      Outcome = "stopped"      // somebody said stop, or a stop rule did
	Moved        Outcome = "moved"        // somebody else led the traffic elsewhere, where it stays
	Failed       Outcome = "failed"       // the canary itself could not go on
	Refused      Outcome = "refused"      // it never began; nothing was changed
)

// String is how people are told.
func (o Outcome) String() string {
	switch o {
	case Promoted:
		return "promoted"
	case Moved:
		return "moved by somebody else, left as it is"
	case Refused:
		return "refused, nothing was changed"
	}
	return string(o) + ", rolled back"
}

// A Judgment is an outcome and why.
type Judgment struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason"` // in a sentence
	Hint    string  `json:"hint,omitempty"`
}

// at says where it was.
func (j Judgment) at(share float64) Judgment {
	if j.Outcome != Refused {
		j.Reason = fmt.Sprintf("at %g %%, %s", share, j.Reason)
	}
	return j
}

// A Try is one verification of a step.
type Try struct {
	Share float64       `json:"share"`
	At    time.Time     `json:"at"`
	Took  time.Duration `json:"took"`
	Judgment
	Runs []*engine.Result `json:"-"`
}

// Judge says what a step came to, from the runs of its experiments: it holds only if every one of them held, and there was
// one. Of several that did not, the worst counts.
func Judge(runs []*engine.Result) Judgment {
	if len(runs) == 0 {
		return Judgment{Outcome: Inconclusive, Reason: "no experiment was run"}
	}
	worst := Judgment{Outcome: Promoted, Reason: "it held"}
	for _, r := range runs {
		if j := judge(r); severity(j.Outcome) > severity(worst.Outcome) {
			worst = Judgment{Outcome: j.Outcome, Reason: fmt.Sprintf("%q: %s", r.Experiment.Title, j.Reason)}
		}
	}
	return worst
}

func severity(o Outcome) int {
	for i, known := range []Outcome{Promoted, Inconclusive, Disproved, Stopped} {
		if o == known {
			return i
		}
	}
	return 4 // Failed, and what nobody knows
}

// judge says what one run means for the canary.
func judge(r *engine.Result) Judgment {
	if len(r.Residue) > 0 {
		return Judgment{Outcome: Failed, Reason: "its fault could not be put back: " + r.Residue[0].Error}
	}
	switch r.Verdict {
	case verdict.Held:
		return Judgment{Outcome: Promoted, Reason: r.Reason}
	case verdict.Disproved:
		return Judgment{Outcome: Disproved, Reason: r.Reason}
	case verdict.NotSteady: // without any fault
		for _, m := range r.Measures {
			if m.Baseline.Outcome == verdict.Disproved {
				return Judgment{Outcome: Disproved, Reason: "without any fault: " + r.Reason}
			}
		}
		return Judgment{Outcome: Inconclusive, Reason: "without any fault: " + r.Reason}
	case verdict.Inconclusive:
		return Judgment{Outcome: Inconclusive, Reason: r.Reason}
	case verdict.Stopped:
		return Judgment{Outcome: Stopped, Reason: r.Reason}
	}
	return Judgment{Outcome: Failed, Reason: r.Reason}
}
