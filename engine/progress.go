package engine

import "time"

// EventKind says what an Event tells.
type EventKind string

// The kinds of live progress. The fields that each fills are named beside it.
const (
	EventBegan    EventKind = "began"    // the run exists: the first of its events
	EventPhase    EventKind = "phase"    // Phase, Stage, Share, Length: a phase begins
	EventStats    EventKind = "stats"    // Phase, Measures: once a second
	EventApplied  EventKind = "applied"  // Condition, Target, Of, Done, All
	EventReverted EventKind = "reverted" // Condition, Target, Of, Done, All; Message names drift
	EventLeft     EventKind = "left"     // Condition, Target, Message: cannot be put back, as the file says
	EventKept     EventKind = "kept"     // Condition, Target, Share: the change stays, because its rollout went well
	EventResidue  EventKind = "residue"  // Condition, Target, Message: could not be put back
	EventStop     EventKind = "stop"     // Message: why everything is being put back
	EventNote     EventKind = "note"     // Message
	EventVerdict  EventKind = "verdict"  // Message: the verdict and its reason
)

// An Event is live progress, for people who watch. Nothing depends on it.
type Event struct {
	At        time.Time     `json:"at"`
	Run       string        `json:"run"`
	Kind      EventKind     `json:"kind"`
	Phase     string        `json:"phase,omitempty"`
	Stage     int           `json:"stage,omitempty"`
	Share     float64       `json:"share,omitempty"`
	Length    time.Duration `json:"length,omitempty"` // how long the phase is meant to last; recovery: at most
	Condition string        `json:"condition,omitempty"`
	Target    string        `json:"target,omitempty"`
	Message   string        `json:"message,omitempty"`
	Of        string        `json:"of,omitempty"`   // the condition that has All targets
	Done      int           `json:"done,omitempty"` // of these
	All       int           `json:"all,omitempty"`
	Measures  []LiveMeasure `json:"measures,omitempty"`
	Budgets   []Spent       `json:"budgets,omitempty"` // with EventStats
	Elapsed   time.Duration `json:"elapsed"`           // since the run started
	Result    *Result       `json:"-"`                 // with EventVerdict
}

// A LiveMeasure is one measure over the last second, or its last readings where there are fewer than one a second.
type LiveMeasure struct {
	Name   string   `json:"name"`
	Count  int      `json:"count"`
	Errors int      `json:"errors"`
	Value  *float64 `json:"value,omitempty"` // the measure's statistic; nil without data
	Holds  bool     `json:"holds"`           // Value satisfies the expectation
}
