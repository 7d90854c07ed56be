package sweep

import (
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A Report is a finished search, or one that was ended: what is printed, and what sweep.json holds.
type Report struct {
	Version    int       `json:"version"` // 1
	Title      string    `json:"title"`
	Objective  string    `json:"objective"`
	File       string    `json:"file"`
	Over       string    `json:"over"` // the path, as it was written
	Scale      Scale     `json:"scale"`
	Precision  Precision `json:"precision"`
	Started    time.Time `json:"started"`
	Ended      time.Time `json:"ended"`
	Conclusion           // of all runs
	AtLeast    *Bound    `json:"at_least,omitempty"` // what was asked for, and
	Gate       Answer    `json:"gate,omitempty"`     // whether it holds up to there
	Advice     []string  `json:"advice,omitempty"`   // what the answer suggests, and on what that rests
	Early      string    `json:"early,omitempty"`    // why the search ended before it was finished
	Runs       []Run     `json:"runs"`
}

// A Run is one reading, with what it rests on.
type Run struct {
	Reading
	Text     string          `json:"text"` // the value, as the file would have it
	Run      string          `json:"run"`
	Verdict  verdict.Outcome `json:"verdict"`
	Reason   string          `json:"reason"`
	Measures []Measured      `json:"measures"`
}

// A Measured is a measure under the fault.
type Measured struct {
	Name    string          `json:"name"`
	Finding verdict.Finding `json:"finding"`
}
