package engine

import (
	"cmp"
	"fmt"
	"time"
)

// The machine decides what a run does next. It has no clock, does no I/O and starts nothing: events come in
// with their time, commands go out, and the shell (shell.go) carries them out. At most one command that
// changes or resolves something is under way at a time, so that nothing is left in a queue when a stop comes. A
// command is about a condition, however many targets it has: the shell works on them side by side (group.go).

// state is where a run stands.
type state int

const (
	resolving  state = iota // targets are looked up and frozen
	guarding                // everything that must be true before a fault is checked
	baselining              // the steady state is measured
	injecting               // the conditions that start at once are prepared, then applied
	observing               // a stage of the fault phase
	scaling                 // conditions are taken to the next stage's share
	restoring               // everything is put back, last change first
	recovering              // the steady state is awaited
	finished
)

// String is the name of the state, as progress tells it.
func (s state) String() string {
	return [...]string{"resolve", "guard", "baseline", "inject", "fault", "scale", "restore", "recovery", "judge"}[s]
}

// eventKind says what happened.
type eventKind int

const (
	evStart  eventKind = iota
	evTick             // time passed
	evDone             // the one command under way has ended, with err
	evJudged           // the answer to opJudge
	evSteady           // the answer to opCheck: the steady state is back
	evHarm             // what the fault shows is certain before the stage is over
	evStop             // somebody or something wants the run to end
	evNews             // a part of the command under way is done: for the shell's books alone
)

// An event is one thing that happened, and when.
type event struct {
	kind     eventKind
	at       time.Time
	err      error
	judgment judgment
	stop     *Stop
	// conditions are what the targets turned out to be; with the end of opResolve.
	conditions []plannedCondition
	leases     leases       // with the end of opApply and opRenew
	book       func(*event) // the shell's own: keeps what was found out; the machine does not look at it
}

// leases is how those of a condition's targets stand, once a command has changed or tried to renew them. The
// worst one counts, since each fault ends by itself.
type leases struct {
	oldest  string    // whose was extended longest ago
	renewed time.Time // and when (wall time)
	failing time.Time // since when one could not be extended (wall time); zero: none
}

// judgment is what the shell found when it was asked to judge the current window.
type judgment int

const (
	refuted   judgment = iota // a measure does not hold, or could not be read
	plausible                 // every estimate satisfies its expectation, but not every interval does yet
	settled                   // every measure is held
	pending                   // a measure of this stage is not known yet to the stage's end
)

// op is what a command asks for.
type op int

const (
	opResolve op = iota
	opGuard
	opPrepare
	opApply
	opRenew
	opRevert
	opCancel // cut short whatever is under way, undo excepted
	opEnter  // a phase begins
	opLeave  // a phase ends
	opJudge  // judge the window of the current phase
	opCheck  // see whether the steady state is back
	opFinish // end traffic, count, judge, report
)

// asynchronous tells the commands that end with an evDone from those that are over at once.
func (o op) asynchronous() bool { return o <= opRevert }

// A command is one thing for the shell to do.
type command struct {
	op    op
	cond  int     // opPrepare, opApply, opRenew, opRevert
	phase string  // opEnter, opLeave
	stage int     // opEnter of the fault phase, from 1
	share float64 // opEnter of the fault phase, opRenew; percent
}

// A plannedCondition is what the machine knows of one condition.
type plannedCondition struct {
	after           []int // indices of the conditions to wait for
	delay, duration time.Duration
	renewable       bool // its actions can renew their leases; known once targets are resolved
	name            string
	lease           time.Duration // its actions' own, where that is longer than the run's
}

// progress is how far one condition has come.
type progress struct {
	prepared, applied, over bool      // tried, on all or some of its targets; over: reverted, or given up after a failed revert
	order                   int       // of preparation, from 1: undo goes backwards
	share                   float64   // what the targets were last told
	startedAt, overAt       time.Time // Apply and Revert returned
	triedAt                 time.Time // last attempt to renew
	leases
}

// A spec is the part of an experiment that the machine acts on.
type spec struct {
	baseline, baselineMax, fault, recovery, lease, maxDuration time.Duration
	late                                                       time.Duration // until what was measured of a stage is known
	stages                                                     []float64
	conditions                                                 []plannedCondition
}

// steps between two looks at a window that has not settled, and at the recovery.
const (
	extension = time.Second
	checkStep = 250 * time.Millisecond
)

// A machine is one run's state. The zero value with a spec is ready for evStart.
type machine struct {
	spec  spec // its conditions come with the end of opResolve
	state state
	stage int // index into spec.stages
	conds []progress

	busy      bool    // an asynchronous command is under way
	doing     command // that command
	asked     bool    // opJudge is unanswered
	refuted   bool    // the baseline did not hold
	stop      *Stop   // why the run ends early
	prepared  int     // how many conditions were prepared
	began     time.Time
	faultAt   time.Time // the fault phase began
	phaseFrom time.Time
	phaseEnd  time.Time
	phaseDue  time.Time // when the phase was meant to end
	nextCheck time.Time
}

func newMachine(s spec) *machine {
	return &machine{spec: s}
}

// Step takes one event and says what to do about it. Events that do not fit the state are ignored.
func (m *machine) Step(e event) []command {
	var out []command
	if m.state == finished {
		return nil
	}
	switch e.kind {
	case evStart:
		m.began = e.at
		return m.begin(command{op: opResolve})
	case evDone:
		out = append(out, m.done(e)...)
	case evJudged:
		if m.asked {
			m.asked = false
			out = append(out, m.judged(e)...)
		}
	case evSteady:
		if m.state == recovering {
			out = append(out, m.leave(e.at)...)
			m.state = finished
			return append(out, command{op: opFinish})
		}
	case evHarm:
		if m.state == observing {
			out = append(out, m.leave(e.at)...)
			m.state = restoring
			out = append(out, command{op: opCancel})
		}
	case evStop:
		out = append(out, m.halt(e.at, e.stop)...)
	}
	return append(out, m.advance(e.at)...)
}

// Wake is when the machine next wants an evTick, at the latest; zero if it only waits for other events.
func (m *machine) Wake() time.Time {
	var wake time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (wake.IsZero() || t.Before(wake)) {
			wake = t
		}
	}
	if m.state < restoring && m.spec.maxDuration > 0 && !m.began.IsZero() {
		sooner(m.began.Add(m.spec.maxDuration))
	}
	switch m.state {
	case baselining:
		sooner(m.phaseEnd)
	case recovering:
		sooner(m.phaseEnd)
		sooner(m.nextCheck)
	case observing:
		sooner(m.phaseEnd)
		for i := range m.conds {
			if !m.busy { // else the end of the command under way is what matters
				sooner(m.conditionWake(i))
			}
		}
	}
	return wake
}

// conditionWake is the next instant at which condition i wants something, in the fault phase.
func (m *machine) conditionWake(i int) time.Time {
	c, p := m.spec.conditions[i], m.conds[i]
	switch {
	case p.over:
		return time.Time{}
	case !p.applied:
		due, _ := m.due(i)
		return due
	case c.duration > 0 && (!c.renewable || p.startedAt.Add(c.duration).Before(m.renewDue(i))):
		return p.startedAt.Add(c.duration)
	case c.renewable:
		return m.renewDue(i)
	}
	return time.Time{}
}

// due is when condition i starts; false while that depends on a condition that is not over.
func (m *machine) due(i int) (time.Time, bool) {
	c := m.spec.conditions[i]
	from := m.faultAt
	for i, before := range c.after {
		p := m.conds[before]
		if !p.over {
			return time.Time{}, false
		}
		if i == 0 || p.overAt.After(from) {
			from = p.overAt
		}
	}
	if from.IsZero() {
		return time.Time{}, false
	}
	return from.Add(c.delay), true
}

// initial says whether condition i starts with the fault phase.
func (m *machine) initial(i int) bool {
	c := m.spec.conditions[i]
	return len(c.after) == 0 && c.delay == 0
}

func (m *machine) renewDue(i int) time.Time { return m.conds[i].triedAt.Add(m.spec.lease / 3) }

func (m *machine) share() float64 { return m.spec.stages[m.stage] }

// begin marks an asynchronous command as under way.
func (m *machine) begin(c command) []command {
	m.busy, m.doing = true, c
	return []command{c}
}

// halt ends the run early; the first reason counts. Once everything is being put back there is nothing left
// to stop, but a stop during the recovery ends the wait.
func (m *machine) halt(at time.Time, why *Stop) []command {
	var out []command
	if m.stop == nil {
		if why.At.IsZero() {
			why.At = at
		}
		m.stop = why
	}
	switch m.state {
	case recovering:
		out = append(m.leave(at), command{op: opFinish})
		m.state = finished
	case restoring:
	default:
		out = append(out, command{op: opCancel})
		out = append(out, m.leave(at)...)
		m.state = restoring
	}
	return out
}

// enter and leave mark the bounds of the phases that observations belong to.
func (m *machine) enter(at time.Time, s state, phase string, length time.Duration) []command {
	m.state, m.phaseFrom, m.phaseEnd, m.phaseDue = s, at, at.Add(length), at.Add(length)
	c := command{op: opEnter, phase: phase}
	if phase == PhaseFault {
		c.stage, c.share = m.stage+1, m.share()
	}
	return []command{c}
}

func (m *machine) leave(time.Time) []command {
	switch m.state {
	case baselining:
		return []command{{op: opLeave, phase: PhaseBaseline}}
	case observing:
		return []command{{op: opLeave, phase: PhaseFault}}
	case recovering:
		return []command{{op: opLeave, phase: PhaseRecovery}}
	}
	return nil
}

// done books the end of the asynchronous command.
func (m *machine) done(e event) []command {
	if !m.busy {
		return nil
	}
	c := m.doing
	m.busy = false
	var p *progress
	if c.op == opPrepare || c.op == opApply || c.op == opRenew || c.op == opRevert {
		p = &m.conds[c.cond]
	}
	switch c.op {
	case opResolve:
		if e.err == nil {
			m.spec.conditions, m.conds = e.conditions, make([]progress, len(e.conditions))
		}
	case opPrepare:
		m.prepared++
		p.prepared, p.order = true, m.prepared // even after an error: some of its targets may be
	case opApply:
		p.applied = true // even after an error: it may be half done, so it must be put back
		p.startedAt, p.triedAt, p.leases = e.at, e.at, e.leases
		p.share = m.spec.stages[0]
	case opRenew:
		p.triedAt, p.leases = e.at, e.leases
		if e.err == nil {
			p.share = c.share
		} else if m.state != scaling {
			return nil // tried again at the next third of the lease; leaseLost decides when it is too late
		}
	case opRevert:
		p.over, p.overAt = true, e.at // a failed undo is residue, which the shell reports; the other undos go on
	}
	if e.err != nil && m.state != restoring {
		return m.halt(e.at, &Stop{Kind: StopError, Reason: e.err.Error(), err: e.err})
	}
	return nil
}

// judged acts on the answer to opJudge.
func (m *machine) judged(e event) []command {
	switch m.state {
	case baselining:
		return m.baselineJudged(e)
	case observing:
		if e.judgment == pending && e.at.Before(m.phaseDue.Add(m.spec.late)) {
			m.phaseEnd = e.at.Add(extension)
			return nil
		}
		out := m.leave(e.at)
		if e.judgment == settled && m.stage+1 < len(m.spec.stages) {
			m.stage++
			m.state = scaling
			return out
		}
		m.state = restoring
		return append(out, command{op: opCancel})
	}
	return nil
}

func (m *machine) baselineJudged(e event) []command {
	limit := m.phaseFrom.Add(max(m.spec.baselineMax, m.spec.baseline))
	switch {
	case e.judgment == settled:
		out := m.leave(e.at)
		m.state = injecting
		return out
	case e.judgment == plausible && e.at.Before(limit):
		m.phaseEnd = e.at.Add(extension)
		if m.phaseEnd.After(limit) {
			m.phaseEnd = limit
		}
		return nil
	default:
		out := m.leave(e.at)
		m.refuted, m.state = true, restoring
		return out
	}
}

// wallTime makes the age of a lease one of the wall clock, as it is for those who heed the lease: the other clock
// stands still while the machine is suspended.
func wallTime(t time.Time) time.Time { return t.Round(0) }

// leaseLost names an applied condition whose faults have ended by themselves, because no renewal got through.
func (m *machine) leaseLost(at time.Time) *Stop {
	for i, p := range m.conds {
		c := m.spec.conditions[i]
		lease := max(c.lease, m.spec.lease)
		failing := !p.failing.IsZero() && at.Sub(p.failing) > m.spec.lease // the fault may be gone, whatever its lease
		if p.applied && !p.over && c.renewable && (failing || at.Sub(p.renewed) > lease) {
			err := fmt.Errorf("condition %q: the lease of %s could not be renewed in time", cmp.Or(p.oldest, c.name), m.spec.lease)
			return &Stop{Kind: StopError, Reason: err.Error(), err: &Refusal{Err: err, Tip: "if it has many targets, renewing takes long: give the experiment a longer lease"}}
		}
	}
	return nil
}
