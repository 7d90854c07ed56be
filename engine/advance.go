package engine

import (
	"fmt"
	"time"
)

// advance does what time and the state call for. It returns when the next thing is under way or must be
// waited for.
func (m *machine) advance(at time.Time) []command {
	var out []command
	if m.state < restoring && m.spec.maxDuration > 0 && !at.Before(m.began.Add(m.spec.maxDuration)) {
		out = m.halt(at, &Stop{Kind: StopDeadline, Reason: fmt.Sprintf("the run may take %s at most (guards.max_duration)", m.spec.maxDuration)})
	}
	if m.state == observing {
		if lost := m.leaseLost(at); lost != nil {
			out = append(out, m.halt(at, lost)...)
		}
	}
	for {
		before := m.state
		out = append(out, m.advanceOnce(at)...)
		if m.state == before {
			return out
		}
	}
}

// advanceOnce takes at most one step of the current state.
func (m *machine) advanceOnce(at time.Time) []command {
	switch m.state {
	case baselining, observing:
		if !m.asked && !at.Before(m.phaseEnd) && !m.phaseEnd.IsZero() {
			m.asked = true
			return []command{{op: opJudge}}
		}
	case recovering:
		return m.advanceRecovery(at)
	}
	if m.busy {
		return nil
	}
	switch m.state {
	case resolving:
		m.state = guarding
		return m.begin(command{op: opGuard})
	case guarding:
		return m.enter(at, baselining, PhaseBaseline, m.spec.baseline)
	case injecting:
		return m.inject(at)
	case observing:
		return m.tend(at)
	case scaling:
		return m.scale(at)
	case restoring:
		return m.restore(at)
	}
	return nil
}

// inject prepares all conditions that start at once before it applies the first: one that cannot be
// undone means that none is applied.
func (m *machine) inject(at time.Time) []command {
	for i := range m.conds {
		if m.initial(i) && !m.conds[i].prepared {
			return m.begin(command{op: opPrepare, cond: i})
		}
	}
	for i := range m.conds {
		if m.initial(i) && !m.conds[i].applied {
			return m.begin(command{op: opApply, cond: i})
		}
	}
	m.faultAt = at
	return m.enter(at, observing, PhaseFault, m.spec.fault)
}

// tend does what the conditions need during a stage: end those whose time is over, start those that are due,
// renew leases.
func (m *machine) tend(at time.Time) []command {
	for i := range m.conds {
		if p, c := &m.conds[i], m.spec.conditions[i]; p.applied && !p.over && c.duration > 0 && !at.Before(p.startedAt.Add(c.duration)) {
			return m.begin(command{op: opRevert, cond: i})
		}
	}
	for i := range m.conds {
		p := &m.conds[i]
		switch due, known := m.due(i); {
		case p.over || p.applied || !known || at.Before(due):
		case !p.prepared:
			return m.begin(command{op: opPrepare, cond: i})
		default:
			return m.begin(command{op: opApply, cond: i})
		}
	}
	return m.renew(at)
}

// renew extends the leases that are due, longest ago first, so that none is starved where renewing takes long.
func (m *machine) renew(at time.Time) []command {
	next := -1
	for i, p := range m.conds {
		due := !at.Before(m.renewDue(i)) || (p.share != m.share() && p.triedAt.Equal(p.startedAt))
		if p.applied && !p.over && m.spec.conditions[i].renewable && due && (next < 0 || p.triedAt.Before(m.conds[next].triedAt)) {
			next = i
		}
	}
	if next < 0 {
		return nil
	}
	return m.begin(command{op: opRenew, cond: next, share: m.share()})
}

// scale takes every applied condition to the new share, then begins the stage.
func (m *machine) scale(at time.Time) []command {
	for i := range m.conds {
		if p := &m.conds[i]; p.applied && !p.over && p.share != m.share() {
			return m.begin(command{op: opRenew, cond: i, share: m.share()})
		}
	}
	return m.enter(at, observing, PhaseFault, m.spec.fault)
}

// restore puts everything back, last change first, then awaits the steady state if a fault was there and
// nobody is in a hurry.
func (m *machine) restore(at time.Time) []command {
	last := -1
	for i, p := range m.conds {
		if p.prepared && !p.over && (last < 0 || p.order > m.conds[last].order) {
			last = i
		}
	}
	if last >= 0 {
		return m.begin(command{op: opRevert, cond: last})
	}
	patient := m.stop == nil || m.stop.Kind == StopRule || m.stop.Kind == StopBudget
	if patient && m.spec.recovery > 0 && !m.faultAt.IsZero() {
		m.nextCheck = at.Add(checkStep)
		return m.enter(at, recovering, PhaseRecovery, m.spec.recovery)
	}
	m.state = finished
	return []command{{op: opFinish}}
}

func (m *machine) advanceRecovery(at time.Time) []command {
	if !at.Before(m.phaseEnd) {
		out := append(m.leave(at), command{op: opFinish})
		m.state = finished
		return out
	}
	if !at.Before(m.nextCheck) {
		m.nextCheck = at.Add(checkStep)
		return []command{{op: opCheck}}
	}
	return nil
}
