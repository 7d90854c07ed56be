package proxy

import (
	"fmt"

	"github.com/firedrill-dev/firedrill/fault"
)

// limit lowers how many descriptors the runtime may have, so that it cannot open more than a FileDescriptors leaves
// it. Nothing is opened: what the runtime has stays, and the rest of the machine has as many as before.
func (c *conn) limit(i fault.Injection, inv fault.Invocation, log entry, taken *holds) {
	if !c.p.limited.CompareAndSwap(false, true) {
		log.missed(i.Kind, "another invocation in this process holds it")
		return
	}
	restore, err := c.lower(i.Usage)
	if err != nil {
		c.p.limited.Store(false)
		log.missed(i.Kind, err.Error())
		return
	}
	log.fired(i.Kind)
	taken.add(func() {
		defer c.p.limited.Store(false)
		if err := restore(); err != nil {
			c.p.journal.problem(fault.Problem{Field: string(i.Kind), Message: "the runtime's limit of descriptors was not put back: " + err.Error()})
		}
	}, inv.Deadline)
}

// lower finds the runtime, once for each connection, and lowers its limit.
func (c *conn) lower(u fault.Usage) (restore func() error, err error) {
	if c.runtime.pid == 0 {
		if c.runtime, err = peerOf(c.down.Conn); err != nil {
			return nil, err
		}
	}
	return c.runtime.lowerDescriptors(u)
}

// lowered is the limit under which a process that has these descriptors, in order, and may have so many, can open as
// few more as a usage leaves. A process gets the lowest free number, which must be below the limit.
func lowered(open []uint64, may uint64, u fault.Usage) (limit uint64, err error) {
	free := may
	for _, fd := range open {
		if fd < may {
			free--
		}
	}
	leave := uint64(u.Leave)
	if u.Take > 0 {
		leave = free - min(free, uint64(u.Take))
	}
	if leave >= free {
		return 0, fmt.Errorf("the process has only %d descriptors left already", free)
	}
	limit = leave
	for _, fd := range open {
		if fd > limit {
			break
		}
		limit++
	}
	if limit < lowestLimit {
		return 0, fmt.Errorf("the process has %d descriptors, and a limit of %d breaks more than what it is to break", len(open), limit)
	}
	return limit, nil
}

// lowestLimit leaves the standard streams: poll(2) refuses to look at more descriptors than the limit.
const lowestLimit = 3
