package engine

import (
	"fmt"
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
