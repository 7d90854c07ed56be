package proxy

import (
	"context"
	"crypto/rand"
	"time"
)

const (
	// Environment names the environment: Lambda gives each its own log stream.
	Environment = "AWS_LAMBDA_LOG_STREAM_NAME"
	// Initialization says how the environment came to be: "on-demand", "provisioned-concurrency" or "snap-start".
	Initialization = "AWS_LAMBDA_INITIALIZATION_TYPE"
)

// environmentName is the sampling key of a slow start. Environments that go on from one snapshot share what was in
// its memory, process ids included, so theirs is drawn; it must not be before the first event is asked for.
func environmentName(getenv func(string) string) string {
	if name := getenv(Environment); name != "" && getenv(Initialization) != "snap-start" {
		return name
	}
	return rand.Text()
}

// start delays the first request for an event, if the fault set says so: until Lambda gets that, it takes the
// environment to be starting. It fails if the runtime goes away meanwhile.
func (c *conn) start(ctx context.Context) error {
	if !c.p.started.CompareAndSwap(false, true) {
		return nil
	}
	now := time.Now()
	set := c.p.source.Faults(now)
	i, slow := set.PlanStart(environmentName(c.p.getenv), now)
	if !slow {
		return nil
	}
	log := entry{c.p.journal, set.Run(), "", nil}
	if i.Skip != "" {
		log.missed(i.Kind, i.Skip)
		return nil
	}
	if !c.delay(i, log) {
		return errGone
	}
	c.p.startedLate.Store(true)
	return c.dial(ctx) // the connection may have been closed meanwhile
}
