package engine

import (
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Comparison sets the requests of a load that were hit by a fault of the run beside those that were spared: users of the
// same seconds, who differ in nothing but the fault. Which they were, their answers say (see fault.Mark).
type Comparison struct {
	Hit       int                `json:"hit"`
	Spared    int                `json:"spared"`
	Unmarked  int                `json:"unmarked"`        // requests whose answers do not say, or that got none
	Kinds     map[fault.Kind]int `json:"kinds,omitempty"` // of the hit ones: by which faults
	Contrasts []verdict.Contrast `json:"contrasts,omitempty"`
}

// sides are the requests that a measure is of, and those that it compares them with.
type sides struct {
	subject, control []verdict.Observation
	// lost are those of which nobody knows where they belong: without an answer there is nobody who says.
	lost []verdict.Observation
}

// sidesOf divides what the sources of a measure have seen: its own, and the load that it is compared with.
func sidesOf(run string, m experiment.Measure, own, other []verdict.Observation) sides {
	s := sides{subject: own, control: other}
	switch {
	case m.Against.Spared:
		s.subject, s.control, s.lost = hitAndSpared(run, own)
	case m.ByVersion != "":
		s.subject = nil
		for _, o := range own {
			switch o.Version {
			case m.ByVersion:
				s.subject = append(s.subject, o)
			case "":
				s.lost = append(s.lost, o)
			case m.Against.Version: // if it is compared with one
				s.control = append(s.control, o)
			}
		}
	}
	return s
}

// judge judges what is known to belong to either side twice: with all that is lost on the one side, and on the other. Only
// what comes out both times is known.
func (s sides) judge(m experiment.Measure, run string, from, until time.Time) verdict.Finding {
	window := until.Sub(from)
	once := func(subject, control []verdict.Observation) verdict.Finding {
		if m.Against.Compares() {
			return verdict.JudgeAgainst(m.Expect, subject, control, verdict.Versus{Seed: seedOf(run, m.Name), From: from, To: until})
		}
		return verdict.Judge(m.Expect, subject, window)
	}
	if len(s.lost) == 0 {
		return once(s.subject, s.control)
	}
	worst := once(slices.Concat(s.subject, s.lost), s.control)
	best := once(s.subject, slices.Concat(s.control, s.lost))
	if worst.Outcome == best.Outcome {
		return best
	}
	best.Outcome = verdict.Inconclusive
	best.Reason += fmt.Sprintf("; but of %d more nobody knows which side they belong to, and with them it might be %s", len(s.lost), m.Expect.Format(worst.Estimate))
	return best
}

// seedOf makes what a run draws at random the same each time its report is made.
func seedOf(run, measure string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(run + "\x00" + measure)) // a hash takes everything
	return h.Sum64()
}

// hitAndSpared are the requests whose answers say that a fault of the run has hit them, those that say that none has, and the rest.
func hitAndSpared(run string, obs []verdict.Observation) (hit, spared, unmarked []verdict.Observation) {
	for _, o := range obs {
		switch mark, ok := fault.ParseMark(o.Mark); {
		case !ok || mark.Run != run:
			unmarked = append(unmarked, o)
		case len(mark.Kinds) == 0:
			spared = append(spared, o)
		default:
			hit = append(hit, o)
		}
	}
	return hit, spared, unmarked
}

// compare is nil where no answer carries a mark of the run.
func compare(run string, obs []verdict.Observation) *Comparison {
	hit, spared, unmarked := hitAndSpared(run, obs)
	if len(hit)+len(spared) == 0 {
		return nil
	}
	c := &Comparison{Hit: len(hit), Spared: len(spared), Unmarked: len(unmarked), Kinds: map[fault.Kind]int{}}
	for _, o := range hit {
		mark, _ := fault.ParseMark(o.Mark)
		for _, kind := range mark.Kinds {
			c.Kinds[kind]++
		}
	}
	for _, statistic := range []string{"p50", "p95", "error_rate"} {
		if contrast, ok := verdict.Compare(statistic, hit, spared); ok {
			c.Contrasts = append(c.Contrasts, contrast)
		}
	}
	return c
}
