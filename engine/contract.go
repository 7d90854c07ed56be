// Package engine runs one experiment: it resolves, guards, takes the baseline, injects, observes, restores,
// waits for recovery and judges. It is a pure state machine (machine.go) inside a shell that does what the
// machine says (run.go), with a journal from which any process can undo what was done.
package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/firedrill-dev/firedrill/calendar"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// An Action is one reversible change to the world.
type Action interface {
	// Prepare reads what Revert will need and changes nothing. The engine journals it, synced to disk, before Apply.
	// It is called once while the guards are checked, to find out early what cannot be undone, and again right
	// before Apply; the last answer counts.
	Prepare(ctx context.Context) (undo json.RawMessage, err error)
	// Apply makes the change. It may be called again by nobody; an error may leave it half done, and Revert copes.
	Apply(ctx context.Context, undo json.RawMessage) error
	// Revert is idempotent; safe if Apply never ran or half ran; works in another process, on another machine.
	// It never overwrites what somebody else changed meanwhile: it returns a *Drift instead.
	Revert(ctx context.Context, undo json.RawMessage) error
}

// A Renewer is an Action whose change is a lease. Renew extends it by the action's own time to live and
// sets the share of its condition's percentage that is hit now, in (0, 100]. The engine calls it at a third
// of the lease and at each stage, from one goroutine.
type Renewer interface {
	Renew(ctx context.Context, undo json.RawMessage, share float64) error
}

// A Lessor is a Renewer whose leases are longer than the run's, because each write costs its target something: at least
// that long after Apply or Renew returned, the change is still there. Other actions are reckoned to have the run's.
type Lessor interface {
	Lease() time.Duration
}

// A Slow is an Action whose Apply and undo may take longer than those of others, because what it changes is slow itself: an
// instance must have stopped before it can be started again, a table is changed while everybody uses it. 0: they may not.
type Slow interface {
	UndoTime() time.Duration
}

// A Prover is an Action that can count what it injected since Apply.
type Prover interface {
	Proof(ctx context.Context) (Proof, error)
}

// A Describer is an Action that says, without changing anything, what it would do, for "plan".
type Describer interface {
	Describe(ctx context.Context) (Description, error)
}

// A Rehearser is an Action that can show, before anything is changed, that Revert has the permissions that it needs: it writes
// what is there already. It is called after Prepare. ErrNotRehearsed says that even this would have an effect.
type Rehearser interface {
	Rehearse(ctx context.Context) error
}

// ErrNotRehearsed is the answer of a Rehearser that cannot.
var ErrNotRehearsed = errors.New("it cannot be tried without effect")

// A Probe reads one measure once. An error is an observation too: the engine records it as failed.
type Probe interface {
	Read(ctx context.Context) (verdict.Observation, error)
}

// A Generator produces traffic until ctx is done, then waits for the requests under way (bounded by
// their timeout) and returns. It calls sink from many goroutines, once for each request that was due.
type Generator interface {
	Run(ctx context.Context, sink func(verdict.Observation)) error
}

// Proof counts injections: Planned by the fault set, Fired by the host that enacted them.
// Known is false where nothing could be counted; a run without proof is never held.
type Proof struct {
	Known   bool  `json:"known"`
	Planned int64 `json:"planned"`
	Fired   int64 `json:"fired"`
	// Late says that the count comes from a log that lags, so that the end of a run may be missing from it.
	Late bool `json:"-"`
}

// A Description is what "plan" prints of one action.
type Description struct {
	Target string `json:"target"` // frozen identity: an ARN, a path
	Change string `json:"change"` // "put latency 100-200ms on 100 % of invocations"
	Where  string `json:"where"`  // "fault set in file /tmp/..", "environment of function inventory"
	Undo   string `json:"undo"`   // "remove it; lease of 15s ends it anyway"
}

// A Registry builds what an experiment names. It is handed down from main; there is no other.
type Registry struct {
	// Actions builds the actions of a condition, one for each target that it names. It resolves them: a target that
	// is not known is an error, and so is a condition without any.
	Actions func(ctx context.Context, c experiment.Condition, p ActionParams) ([]Targeted, error)
	// Revert rebuilds an action of a kind from nothing but its undo record, for recover.
	Revert func(kind string) (Action, error)
	Probe  func(m experiment.Measure) (Probe, error)
	Load   func(l experiment.Load) (Generator, error)
	// Alarms reads the states of alarms, all at once. The states that could be read are complete beside an error, which says what became of the
	// others. Nil if there is no access to any.
	Alarms func(ctx context.Context, alarms []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error)
	// Calendar reads the calendar that guards name; nil where there is none.
	Calendar func(g experiment.Guards) (calendar.Freezes, error)
}

// A Targeted is an action on one target of its condition.
type Targeted struct {
	Action Action
	Key    string   // identifies the target for "one run per target at a time"
	Label  string   // tells it from the condition's other targets; empty if there are none
	Names  []string // by which a guard may protect it
	Fixed  bool     // its share cannot be changed, though it may be a Renewer: renewing only extends its date

	// What guards ask for beside; empty or nil where nobody knows, which a guard that asks takes for a no.
	Account string            // of AWS
	Region  string            // of AWS
	Tags    map[string]string // nil: not read; see Tagged
	Of      int               // how many there are in the group of which the target is one; 0: it was named itself
}

// A Tagged is an Action that can read its target's tags. It is asked only if a guard wants to know and Targeted.Tags is nil.
type Tagged interface {
	Tags(ctx context.Context) (map[string]string, error)
}

// ActionParams are what the engine tells an action when it is built.
type ActionParams struct {
	Run   string
	Lease time.Duration
	Share float64 // percent of the condition's own percentage
}
