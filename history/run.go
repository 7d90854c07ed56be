package history

import (
	"math"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// The labels that history knows. Others are kept and shown.
const (
	LabelVersion     = "version"     // what was under test
	LabelEnvironment = "environment" // where
)

// A Run is what remains of one that has ended.
type Run struct {
	Run        string            `json:"run"`
	Experiment string            `json:"experiment"` // its file's path in the repository
	Title      string            `json:"title"`
	Source     string            `json:"source,omitempty"` // the digest of the file's text
	Labels     map[string]string `json:"labels,omitempty"`
	Started    time.Time         `json:"started"`
	Verdict    verdict.Outcome   `json:"verdict"`
	Reason     string            `json:"reason,omitempty"`
	Measures   []Measure         `json:"measures,omitempty"`
}

// A Measure is the finding on which a measure's outcome rests.
type Measure struct {
	Name    string          `json:"name"`
	Finding verdict.Finding `json:"finding"` // its reason is left out
}

// Version is what was under test; empty if nobody said.
func (r Run) Version() string { return r.Labels[LabelVersion] }

// Environment is where the run was; empty if nobody said.
func (r Run) Environment() string { return r.Labels[LabelEnvironment] }

// Settled says that the run was held or disproved.
func (r Run) Settled() bool { return r.Verdict == verdict.Held || r.Verdict == verdict.Disproved }

// Finding is that of a measure; false if the run has none.
func (r Run) Finding(measure string) (verdict.Finding, bool) {
	for _, m := range r.Measures {
		if m.Name == measure {
			return m.Finding, true
		}
	}
	return verdict.Finding{}, false
}

// Decisive is the measure that a run's verdict rests on: the first that was disproved, or else the one that is closest to its
// limit; empty if there is none.
func (r Run) Decisive() string {
	name, least := "", math.Inf(1)
	for _, m := range r.Measures {
		if m.Finding.Outcome == verdict.Disproved {
			return m.Name
		}
		if room := room(m.Finding); name == "" || room < least {
			name, least = m.Name, room
		}
	}
	return name
}

// room is how far an estimate is from its limit, as a share of the limit; infinite if nobody can tell.
func room(f verdict.Finding) float64 {
	e := f.Expectation
	x := math.Abs(e.Threshold-f.Estimate) / math.Abs(e.Threshold)
	if math.IsNaN(x) {
		return math.Inf(1)
	}
	return x
}
