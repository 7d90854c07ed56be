package engine

import (
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

// compare is nil where no answer carries a mark of the run.
func compare(run string, obs []verdict.Observation) *Comparison {
	var hit, spared []verdict.Observation
	c := &Comparison{Kinds: map[fault.Kind]int{}}
	for _, o := range obs {
		mark, ok := fault.ParseMark(o.Mark)
		switch {
		case !ok || mark.Run != run:
			c.Unmarked++
		case len(mark.Kinds) == 0:
			spared = append(spared, o)
		default:
			hit = append(hit, o)
			for _, kind := range mark.Kinds {
				c.Kinds[kind]++
			}
		}
	}
	if len(hit)+len(spared) == 0 {
		return nil
	}
	c.Hit, c.Spared = len(hit), len(spared)
	for _, statistic := range []string{"p50", "p95", "error_rate"} {
		if contrast, ok := verdict.Compare(statistic, hit, spared); ok {
			c.Contrasts = append(c.Contrasts, contrast)
		}
	}
	return c
}
