package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// happily runs a machine to its end with commands that succeed at once and measures that hold, and returns what
// it did about conditions, with the time since the start.
func happily(s spec) []string {
	m := newMachine(s)
	start := time.Unix(0, 0)
	now := start
	var trace []string
	queue := []event{{kind: evStart}}
	for m.state != finished {
		if len(queue) == 0 {
			now = m.Wake()
			queue = append(queue, event{kind: evTick})
		}
		e := queue[0]
		queue = queue[1:]
		e.at = now
		for _, c := range m.Step(e) {
			if text := describeCommand(c); text != "" {
				trace = append(trace, fmt.Sprintf("%s %s", now.Sub(start), text))
			}
			switch {
			case c.op == opResolve:
				answer := event{kind: evDone, conditions: s.conditions}
				queue = append(queue, answer)
			case c.op.asynchronous():
				queue = append(queue, event{kind: evDone, leases: leases{renewed: now}})
			case c.op == opJudge:
				queue = append(queue, event{kind: evJudged, judgment: settled})
			}
		}
	}
	return trace
}

func describeCommand(c command) string {
	switch {
	case c.op == opPrepare:
		return fmt.Sprintf("prepare %d", c.cond)
	case c.op == opApply:
		return fmt.Sprintf("apply %d", c.cond)
	case c.op == opRenew:
		return fmt.Sprintf("renew %d at %g", c.cond, c.share)
	case c.op == opRevert:
		return fmt.Sprintf("revert %d", c.cond)
	case c.op == opEnter && c.phase == PhaseFault:
		return fmt.Sprintf("enter fault %d at %g", c.stage, c.share)
	}
	return ""
}

// TestMachineRenewsInTurn: where renewing takes its time, no condition waits until those before it have had theirs twice.
func TestMachineRenewsInTurn(t *testing.T) {
	const lease, takes = 15 * time.Second, 3 * time.Second
	m, now := newMachine(spec{fault: 2 * time.Minute, lease: lease, stages: []float64{100}}), time.Unix(1000, 0)
	conditions := make([]plannedCondition, 4)
	for i := range conditions {
		conditions[i].renewable = true
	}
	renewed := make([]int, len(conditions))
	commands := m.Step(event{kind: evStart, at: now})
	for m.state != restoring {
		var e event
		switch c := lastOf(commands); c.op {
		case opJudge:
			e = event{kind: evJudged, judgment: settled}
		case opResolve:
			e = event{kind: evDone, conditions: conditions}
		case opApply:
			e = event{kind: evDone, leases: leases{renewed: now}}
		case opRenew:
			e = event{kind: evDone, leases: leases{renewed: now}} // when it began
			renewed[c.cond]++
			now = now.Add(takes)
		case opGuard, opPrepare:
			e = event{kind: evDone}
		default:
			e, now = event{kind: evTick}, m.Wake()
		}
		e.at = now
		commands = m.Step(e)
	}
	if m.stop != nil {
		t.Errorf("stopped: %s", m.stop.Reason)
	}
	if slices.Max(renewed)-slices.Min(renewed) > 1 || renewed[0] < 5 {
		t.Errorf("renewed %d times", renewed)
	}
}

// lastOf is the last of some commands, which is the one to answer.
func lastOf(commands []command) command {
	if len(commands) == 0 {
		return command{op: opEnter}
	}
	return commands[len(commands)-1]
}
