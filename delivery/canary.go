package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Canary is a new version on its way to all users.
type Canary struct {
	Plan
	// Lead is the step to a share of the traffic, in percent.
	Lead func(share float64) engine.Step
	// Verify runs the experiments while the new version gets a share of the traffic. What it began is in its answer, even
	// beside an error. The end of ctx stops it.
	Verify func(ctx context.Context, share float64) ([]*engine.Result, error)
	// Told hears of each try, as soon as it is judged; nil if nobody listens.
	Told func(Try)
	// Look is how often somebody looks whether the traffic is still led where it was led. Default 5s.
	Look time.Duration
}

// A Plan is how a canary goes on its way.
type Plan struct {
	Steps   []float64     `json:"steps"`   // shares in percent, rising to 100
	Bake    time.Duration `json:"bake"`    // how long a step lasts before it is verified
	Retries int           `json:"retries"` // how often a step that is inconclusive is verified again
}

// Check says what is wrong with a plan.
func (p Plan) Check() error {
	last := 0.0
	for _, share := range p.Steps {
		if !(share > last && share <= 100) { // so that what is no number is refused, too
			return fmt.Errorf("steps rise, each above 0 and up to 100, but %g comes after %g", share, last)
		}
		last = share
	}
	if last != 100 {
		return fmt.Errorf("the last step is 100, not %g: what is not led to all is no delivery", last)
	}
	if p.Bake < 0 || p.Retries < 0 {
		return errors.New("neither the bake time nor the number of retries can be less than 0")
	}
	return nil
}

// A Result is what became of a canary.
type Result struct {
	Judgment
	Tries   []Try          `json:"tries"`
	Rollout *engine.Result `json:"rollout"`
}

// Run takes the canary its way, within a rollout that nothing was changed in yet, and ends that. An error says that its
// report could not be written.
func (c Canary) Run(r *engine.Rollout) (*Result, error) {
	res := &Result{Tries: []Try{}}
	judged := c.walk(r, res)
	if judged.Outcome == Promoted {
		if err := r.Keep(); err != nil {
			judged = broken(r, err)
		}
	}
	if judged.Outcome != Promoted {
		left := r.Rollback()
		if judged.Outcome == Moved && !left { // to where an earlier step had led it, or back again
			judged.Outcome = Stopped
		}
	}
	res.Judgment = judged
	var err error
	res.Rollout, err = r.End(judged.Outcome.verdict(), res.Outcome.String()+": "+res.Reason)
	if left := res.Rollout.Residue; len(left) > 0 {
		res.Judgment = Judgment{Failed, "it could not be led back: " + left[0].Error + " (" + judged.Reason + ")", res.Rollout.Hint}
	}
	return res, err
}

// walk goes from step to step, as long as each holds.
func (c Canary) walk(r *engine.Rollout, res *Result) Judgment {
	for _, share := range c.Steps {
		err := r.Phase(share)
		if err == nil {
			err = r.Step(c.Lead(share))
		}
		if err == nil {
			err = c.bake(r)
		}
		if err != nil {
			return broken(r, err).at(share)
		}
		if judged := c.stay(r, share, res); judged.Outcome != Promoted {
			return judged.at(share)
		}
	}
	return Judgment{Outcome: Promoted, Reason: "it held " + said(c.Steps)}
}

// stay verifies one step until that is settled, or has been tried often enough.
func (c Canary) stay(r *engine.Rollout, share float64, res *Result) Judgment {
	for attempt := 0; ; attempt++ {
		try := c.try(r, share)
		res.Tries = append(res.Tries, try)
		if c.Told != nil {
			c.Told(try)
		}
		if try.Outcome != Inconclusive || attempt >= c.Retries {
			return try.Judgment
		}
	}
}

// try verifies a step once. Only what was measured while the traffic was led where it was led counts.
func (c Canary) try(r *engine.Rollout, share float64) Try {
	try := Try{Share: share, At: time.Now()}
	results, err := c.verify(r, share)
	for _, one := range results {
		err = errors.Join(err, r.Includes(one.Run))
	}
	if err == nil {
		err = look(r)
	}
	try.Took, try.Runs, try.Judgment = time.Since(try.At), results, Judge(results)
	if err != nil || r.Stopped() != nil {
		try.Judgment = broken(r, err)
	}
	return try
}

// bake lets a step be for a while, in which caches fill and users come.
func (c Canary) bake(r *engine.Rollout) error {
	pause := time.NewTimer(c.Bake)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	return look(r)
}

// verify runs the experiments, and looks meanwhile whether the traffic is still led where it was led.
func (c Canary) verify(r *engine.Rollout, share float64) ([]*engine.Result, error) {
	ctx, cancel := context.WithCancel(r.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.watch(ctx, r)
	}()
	results, err := c.Verify(ctx, share)
	cancel()
	<-over
	return results, err
}

// watch stops a rollout whose target somebody else has changed. What cannot be read is read again: a look after each try
// must succeed.
func (c Canary) watch(ctx context.Context, r *engine.Rollout) {
	every := c.Look
	if every <= 0 {
		every = 5 * time.Second
	}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if what, ok := engine.DriftOf(r.Check()); ok {
			r.Halt(engine.StopMoved, movedBy(what))
			return
		}
	}
}

func movedBy(what string) string { return "somebody else moved it: " + what }

// looks is how often the traffic is looked at before nobody knows where it is led.
const looks = 3

// look sees that the traffic is led where it was led.
func look(r *engine.Rollout) (err error) {
	for n := range looks {
		if n > 0 {
			pause := time.NewTimer(time.Second)
			select {
			case <-pause.C:
			case <-r.Context().Done():
				pause.Stop()
				return context.Cause(r.Context())
			}
		}
		err = r.Check()
		if _, drifted := engine.DriftOf(err); err == nil || drifted {
			return err
		}
	}
	return err
}

// broken says what a canary came to that cannot go on.
func broken(r *engine.Rollout, err error) Judgment {
	if what, ok := engine.DriftOf(err); ok {
		r.Halt(engine.StopMoved, movedBy(what))
	}
	stop := r.Stopped()
	switch {
	case stop != nil && stop.Kind == engine.StopMoved:
		return Judgment{Outcome: Moved, Reason: stop.Reason}
	case stop != nil:
		return Judgment{Outcome: Stopped, Reason: stop.Reason}
	case !r.Changed():
		return Judgment{Refused, err.Error(), engine.HintOf(err)}
	}
	return Judgment{Failed, err.Error(), engine.HintOf(err)}
}

// said lists shares for people: at 5, 25 and 100 %.
func said(shares []float64) string {
	parts := []string{}
	for _, share := range shares {
		parts = append(parts, fmt.Sprintf("%g", share))
	}
	if n := len(parts); n > 1 {
		return "at " + strings.Join(parts[:n-1], ", ") + " and " + parts[n-1] + " %"
	}
	return "at " + strings.Join(parts, "") + " %"
}

// verdict is an outcome as that of a run.
func (o Outcome) verdict() verdict.Outcome {
	switch o {
	case Promoted:
		return verdict.Held
	case Disproved:
		return verdict.Disproved
	case Inconclusive:
		return verdict.Inconclusive
	case Stopped, Moved:
		return verdict.Stopped
	}
	return verdict.Error
}
