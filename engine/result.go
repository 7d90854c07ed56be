package engine

import (
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Result is a finished run: what report renders, and what report.json holds.
type Result struct {
	Version    int                    `json:"version"` // 1
	Run        string                 `json:"run"`
	Experiment *experiment.Experiment `json:"experiment"`
	Labels     map[string]string      `json:"labels,omitempty"` // what was under test, and where
	Verdict    verdict.Outcome        `json:"verdict"`
	Reason     string                 `json:"reason"` // one sentence
	Started    time.Time              `json:"started"`
	Ended      time.Time              `json:"ended"`
	Phases     []PhaseSpan            `json:"phases"`
	Measures   []MeasureResult        `json:"measures"`
	Conditions []ConditionResult      `json:"conditions"`
	Loads      []LoadResult           `json:"loads,omitempty"`
	Recovery   Recovery               `json:"recovery"`
	// Residue lists what could not be put back; not empty means exit code 10.
	Residue []Residue `json:"residue,omitempty"`
	// Budgets say what of them was used up, if there are any.
	Budgets []Spent  `json:"budgets,omitempty"`
	Notes   []string `json:"notes,omitempty"` // drift, failed renewals, probe errors: things the reader should know
	Error   string   `json:"error,omitempty"` // for the verdict "error"
	Hint    string   `json:"hint,omitempty"`  // what to do about Error, where something can be done
	// Rollout says that this was a rollout: its phases are its steps, its conditions what it changed.
	Rollout bool `json:"rollout,omitempty"`
	// Runs are those of the experiments that were part of a rollout.
	Runs []string `json:"runs,omitempty"`
	// Stop says why the run ended before its time; nil if it ran its course.
	Stop *Stop `json:"stop,omitempty"`
	// Prediction is what the run was reckoned to bring about; nil if it got no further than its guards.
	Prediction *Prediction `json:"prediction,omitempty"`
	// Before is the run before of the same experiment and environment, if there is one.
	Before *history.Run `json:"before,omitempty"`
}

// StopKind says who or what ended a run early.
type StopKind string

// The reasons to end a run early.
const (
	StopInterrupted StopKind = "interrupted"    // the caller's context ended: Ctrl-C, SIGTERM
	StopRequested   StopKind = "requested"      // State.RequestStop, from another process
	StopRule        StopKind = "rule"           // a stop rule of the experiment came true
	StopKillSwitch  StopKind = "killswitch"     // the kill switch of the state folder was engaged
	StopBudget      StopKind = "budget"         // guards.budget is used up
	StopMoved       StopKind = "moved"          // of a rollout: somebody else changed its target
	StopDeadline    StopKind = "deadline"       // guards.max_duration
	StopError       StopKind = "internal-error" // the run itself failed; Result.Error says how
)

// A Stop is why a run ended early.
type Stop struct {
	Kind   StopKind  `json:"kind"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
	Line   int       `json:"line,omitempty"` // of the stop rule in the file, for StopRule

	err error // for StopError
}

// Names of phases, in order. A stage of the fault phase has its number in PhaseSpan.Stage.
const (
	PhaseBaseline = "baseline"
	PhaseFault    = "fault"
	PhaseRecovery = "recovery"
)

// A PhaseSpan is a part of the run.
type PhaseSpan struct {
	Name  string    `json:"name"`
	Stage int       `json:"stage,omitempty"` // 1, 2, ... in the fault phase
	Share float64   `json:"share,omitempty"` // percent, in the fault phase
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// A MeasureResult is one measure judged in each phase, with its course over time.
type MeasureResult struct {
	Name     string            `json:"name"`
	Of       string            `json:"of"`
	Baseline verdict.Finding   `json:"baseline"`
	Fault    verdict.Finding   `json:"fault"` // over the last stage that ran; zero Outcome if none ran
	Stages   []verdict.Finding `json:"stages,omitempty"`
	Recovery verdict.Finding   `json:"recovery"`
	Series   []Point           `json:"series"`
}

// A Point is one second of a measure or load. Values are in the unit of the observations (seconds for
// latencies); null-able ones are pointers because a second may have no data.
type Point struct {
	T      float64  `json:"t"` // seconds since Result.Started
	Count  int      `json:"count"`
	Errors int      `json:"errors"`
	Mean   *float64 `json:"mean,omitempty"`
	P50    *float64 `json:"p50,omitempty"`
	P95    *float64 `json:"p95,omitempty"`
	P99    *float64 `json:"p99,omitempty"`
	Max    *float64 `json:"max,omitempty"`
	Stat   *float64 `json:"stat,omitempty"` // the measure's own statistic over this second
}

// A LoadResult is a load's traffic, by phase.
type LoadResult struct {
	Name   string         `json:"name"`
	Phases []TrafficStats `json:"phases"` // same order and length as Result.Phases
	Series []Point        `json:"series"`
}

// TrafficStats summarise a load in one phase. Latencies in seconds, from the intended start.
type TrafficStats struct {
	Due       int            `json:"due"`     // requests that should have started
	Dropped   int            `json:"dropped"` // never sent: too many in flight
	Errors    int            `json:"errors"`
	Classes   map[string]int `json:"classes"`  // by status or error class
	LateP99   float64        `json:"late_p99"` // how late the generator started requests
	LateMax   float64        `json:"late_max"`
	Mean      float64        `json:"mean"`
	P50       float64        `json:"p50"`
	P90       float64        `json:"p90"`
	P95       float64        `json:"p95"`
	P99       float64        `json:"p99"`
	P999      float64        `json:"p999"`
	Max       float64        `json:"max"`
	Marked    *Comparison    `json:"marked,omitempty"`    // requests that were hit beside those that were spared
	Histogram string         `json:"histogram,omitempty"` // HDR histogram V2, compressed, base64; microseconds
}

// A ConditionResult is what happened to one condition.
type ConditionResult struct {
	Name string `json:"name"`
	// Condition is the name in the experiment, if the condition has several targets: Name is that of one of them.
	Condition string     `json:"condition,omitempty"`
	Kind      string     `json:"kind"`
	Target    string     `json:"target"`
	Applied   *time.Time `json:"applied,omitempty"`
	Reverted  *time.Time `json:"reverted,omitempty"`
	Proof     Proof      `json:"proof"`
	// NotUndone says that it was done and stays, because it cannot be undone: the file says irreversible.
	NotUndone bool `json:"not_undone,omitempty"`
	// Kept says that the change of a rollout stays, because all went well.
	Kept  bool   `json:"kept,omitempty"`
	Drift string `json:"drift,omitempty"`
	Error string `json:"error,omitempty"`
}

// NotUndone is said of changes that cannot be undone. They are no residue: whoever wrote the file knew.
const NotUndone = "not undone, as the file says (irreversible)"

// Kept is said of changes of a rollout that went well.
const Kept = "it stays, for all went well"

// Recovery says how long users waited for the steady state after everything was put back.
type Recovery struct {
	Recovered bool     `json:"recovered"`
	Seconds   *float64 `json:"seconds,omitempty"` // from the last revert to the start of the first whole second from which all measures hold
}

// Residue is a change that could not be undone.
type Residue struct {
	Condition string `json:"condition"`
	Target    string `json:"target"`
	Error     string `json:"error"`
}
