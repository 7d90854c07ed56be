package proxy

import (
	"context"
	"os"
	"strconv"
	"time"
)

// Environment names the environment: Lambda gives each its own log stream.
const Environment = "AWS_LAMBDA_LOG_STREAM_NAME"

// environmentName is the sampling key of a slow start.
func environmentName(getenv func(string) string) string {
	if name := getenv(Environment); name != "" {
		return name
	}
	return strconv.Itoa(os.Getpid()) // not in Lambda: every process is an environment
}

// start delays the first request for an event, if the fault set says so: until Lambda gets that, it takes the
// environment to be starting. It fails if the runtime goes away meanwhile.
func (c *conn) start(ctx context.Context) error {
	if !c.p.started.CompareAndSwap(false, true) {
		return nil
	}
	now := time.Now()
	set := c.p.source.Faults(now)
	i, slow := set.PlanStart(c.p.environment, now)
	if !slow {
		return nil
	}
	log := entry{c.p.journal, set.Run(), ""}
	if i.Skip != "" {
		log.missed(i.Kind, i.Skip)
		return nil
	}
	if !c.delay(i, log) {
		return errGone
	}
	return c.dial(ctx) // the connection may have been closed meanwhile
}
