package proxy

import (
	"slices"
	"sync"
	"time"

	"github.com/firedrill-dev/firedrill/denylist"
	"github.com/firedrill-dev/firedrill/fault"
)

// denials hands denylists to the library in the runtime's processes. They share one state, so one invocation's
// denylist is in force at a time.
type denials struct {
	state *denylist.State // nil: nothing is preloaded

	mu     sync.Mutex
	busy   bool
	of     []string // what tables are made of
	tables *denylist.Tables
	wrong  error
}

// deny puts a denylist in force, and returns what ends and records it; or the reason why it cannot be.
func (d *denials) deny(deny *fault.Denial, until time.Time, log entry) (end func(), reason string) {
	if d.state == nil {
		return nil, fault.Unsupported
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.busy {
		return nil, "another invocation's denylist is in force"
	}
	if d.tables == nil && d.wrong == nil || !slices.Equal(d.of, deny.Expressions) {
		d.of = deny.Expressions
		if d.tables, d.wrong = denylist.Compile(d.of); d.wrong != nil {
			log.journal.problem(fault.Problem{Field: string(fault.Denylist), Message: "cannot be enacted: " + d.wrong.Error()})
		}
	}
	if d.wrong != nil {
		return nil, "the patterns are too large"
	}
	number, err := d.state.Publish(denylist.Denial{Tables: d.tables, Mode: modeOf(deny.Mode), Delay: deny.Delay, Until: until})
	if err != nil {
		return nil, err.Error()
	}
	d.busy = true
	log.marker.watch(func() bool { return d.state.Denied(number) > 0 })
	return func() { d.end(number, log) }, ""
}

func (d *denials) end(number uint32, log entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = false
	d.state.Clear(number)
	log.marker.watch(nil)
	switch {
	case d.state.Denied(number) > 0:
		log.fired(fault.Denylist)
	case d.state.Loaded() == 0:
		log.missed(fault.Denylist, fault.Unsupported) // no process of the runtime has loaded the library
	default:
		log.missed(fault.Denylist, fault.NoDeniedHost)
	}
}

func modeOf(mode fault.DenyMode) denylist.Mode {
	switch mode {
	case fault.DenyRefused:
		return denylist.Refused
	case fault.DenyBlackhole:
		return denylist.Blackhole
	case fault.DenySlow:
		return denylist.Slow
	}
	return denylist.NXDomain
}

// deny holds a denylist like a resource: until release, or until the deadline. A lease that ends earlier ends it too.
func (h *holds) deny(d *denials, i fault.Injection, deadline, lease time.Time, log entry) {
	if deadline.IsZero() {
		deadline = time.Now().Add(longest)
	}
	if !lease.IsZero() && lease.Before(deadline) {
		deadline = lease
	}
	end, reason := d.deny(i.Deny, deadline, log)
	if reason != "" {
		log.missed(i.Kind, reason)
		return
	}
	h.add(end, deadline)
}
