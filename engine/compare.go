package engine

import (
	"fmt"
	"slices"
	"strings"
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

// theirs are those of a load's observations that a measure is of: of a version's measure, its own.
func (r *runner) theirs(m experiment.Measure, obs []verdict.Observation) []verdict.Observation {
	if m.ByVersion == "" {
		return obs
	}
	return sidesOf(r.run, m, obs, nil).subject
}

// judge judges what is known to belong to either side so that the answer holds wherever the lost ones belong: of one side alone, whether they
// belong to it or not, or only the bad ones, or the good. alpha is that of a disproof where two sides are compared.
func (s sides) judge(m experiment.Measure, from, until time.Time, alpha float64) verdict.Finding {
	if m.Against.Compares() {
		return verdict.JudgeAgainst(m.Expect, s.subject, s.control, verdict.Versus{From: from, To: until, Lost: s.lost, Alpha: alpha})
	}
	without := verdict.Judge(m.Expect, s.subject, until.Sub(from))
	if len(s.lost) == 0 {
		return without
	}
	bad, good := s.sorted(m.Expect)
	for _, theirs := range [][]verdict.Observation{s.lost, bad, good} {
		with := verdict.Judge(m.Expect, slices.Concat(s.subject, theirs), until.Sub(from))
		if with.Outcome != without.Outcome {
			without.Outcome = verdict.Inconclusive
			without.Reason += fmt.Sprintf("; but of %d more nobody knows which side they belong to, and with them it might be %s", len(s.lost), m.Expect.Format(with.Estimate))
			break
		}
	}
	return without
}

// sorted tells the lost ones that speak against an expectation from those that speak for it: the answers of the ones must not hide the others.
func (s sides) sorted(e verdict.Expectation) (bad, good []verdict.Observation) {
	for _, o := range s.lost {
		fine := o.Failed == strings.HasPrefix(e.Op, ">") // an error, where errors are expected
		if e.Unit == verdict.Seconds {
			fine = e.Satisfied(o.Value) && o.Class != verdict.TimedOut
		}
		if fine {
			good = append(good, o)
		} else {
			bad = append(bad, o)
		}
	}
	return bad, good
}

// worse says whether a comparison is disproved in a part of the recovery phase, where no fault hits or spares anybody.
func (r *runner) worse(from, until time.Time) bool {
	return slices.ContainsFunc(r.comparing(), func(m experiment.Measure) bool {
		own, other := r.source(m.Name).started(from, until), r.control(m).started(from, until)
		return !m.Against.Spared && sidesOf(r.run, m, own, other).judge(m, from, until, 0).Outcome == verdict.Disproved
	})
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
