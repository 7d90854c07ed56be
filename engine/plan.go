package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A PlanResult says what a run would do.
type PlanResult struct {
	Title      string             `json:"title"`
	Objective  string             `json:"objective"`
	Conditions []PlannedCondition `json:"conditions"`
	Stages     []float64          `json:"stages"` // percent of each condition's own percentage
	Guards     []string           `json:"guards"` // what was checked, in words
	Stop       []string           `json:"stop"`   // what would end the run at once, in words
	// Duration is how long a run takes that takes its course; MaxDuration is the longest it can take.
	Duration    time.Duration `json:"duration"`
	MaxDuration time.Duration `json:"max_duration"`
	Warnings    []string      `json:"warnings,omitempty"`
	// Prediction is what it is reckoned to bring about.
	Prediction Prediction `json:"prediction"`
}

// A PlannedCondition is one change that a run would make.
type PlannedCondition struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Description
	When string `json:"when"` // in words
	// Irreversible says that it would not be put back, because it cannot.
	Irreversible bool `json:"irreversible,omitempty"`
}

// Plan resolves the targets of an experiment, checks its guards and says what a run would do. It writes nothing,
// not even into the state folder. What would keep a run from starting is an error; what would only make it
// pointless is a warning.
func Plan(ctx context.Context, x *experiment.Experiment, o Options) (*PlanResult, error) {
	s := specOf(x, o)
	b, err := build(ctx, x, o.Registry, ActionParams{Run: "plan", Lease: s.lease, Share: s.stages[0]})
	if err != nil {
		return nil, err
	}
	if err := checkGuards(ctx, x, o, b.changes); err != nil {
		return nil, err
	}
	p := &PlanResult{Title: x.Title, Objective: x.Objective, Stages: s.stages, Prediction: predict(x, s, b.changes)}
	if p.Conditions, err = describeAll(ctx, b.changes, o.parallel()); err != nil {
		return nil, err
	}
	p.Duration, p.MaxDuration = length(s, s.maxDuration)
	if s.maxDuration > 0 && p.Duration > s.maxDuration {
		p.Warnings = append(p.Warnings, fmt.Sprintf("the phases take %s, but guards.max_duration stops the run after %s", p.Duration, s.maxDuration))
	}
	p.Guards = toldGuards(x, o, b.changes)
	for _, rule := range x.Stop {
		if rule.Alarm.Name != "" {
			p.Stop = append(p.Stop, fmt.Sprintf("alarm %s fires", rule.Alarm))
			continue
		}
		p.Stop = append(p.Stop, fmt.Sprintf("%s: %s%s", rule.Of, rule.When.Text, lasting(rule.For)))
	}
	notes, err := checkMoment(ctx, x, o)
	if err != nil {
		p.Warnings = append(p.Warnings, "a run would refuse to start just now: "+err.Error()+because(HintOf(err)))
	}
	alarms, err := checkStopAlarms(ctx, x, o.Registry)
	if err != nil {
		p.Warnings = append(p.Warnings, "a run would refuse to start just now: "+err.Error()+because(HintOf(err)))
	}
	p.Warnings = append(p.Warnings, append(notes, alarms...)...)
	p.Warnings = append(p.Warnings, budgetWarnings(x, o, p.Prediction)...)
	p.Warnings = append(p.Warnings, warnings(ctx, x, s, o.State, b)...)
	return p, nil
}

// describeAll asks the actions what they would do, width of them at once.
func describeAll(ctx context.Context, changes []*change, width int) ([]PlannedCondition, error) {
	out := make([]PlannedCondition, len(changes))
	errs := make([]error, len(changes))
	each := make([][]int, len(changes))
	for i := range each {
		each[i] = []int{i}
	}
	sideBySide(width, each, func(i int) bool {
		out[i], errs[i] = describe(ctx, changes[i])
		out[i].When, out[i].Irreversible = when(changes[i].Condition), changes[i].Irreversible
		return errs[i] == nil
	})
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("condition %q: %w", changes[i].Name, err)
		}
	}
	return out, nil
}

// describe asks an action what it would do; one that cannot say is described by what is known.
func describe(ctx context.Context, ch *change) (PlannedCondition, error) {
	c := PlannedCondition{Name: ch.Name, Kind: ch.Fault, Description: Description{Target: ch.key, Change: ch.Fault}}
	d, ok := ch.action.(Describer)
	if !ok {
		return c, nil
	}
	var err error
	c.Description, err = bounded(ctx, actionTimeout, d.Describe)
	return c, err
}

// when says in words when a condition starts and ends.
func when(c experiment.Condition) string {
	text := "with the fault phase"
	switch {
	case c.After != "" && c.Delay > 0:
		text = fmt.Sprintf("%s after %s is over", c.Delay, c.After)
	case c.After != "":
		text = "when " + c.After + " is over"
	case c.Delay > 0:
		text = fmt.Sprintf("%s into the fault phase", c.Delay)
	}
	if c.For > 0 {
		return text + ", for " + c.For.String()
	}
	return text + ", to its end"
}

// warnings say what would make a run pointless or impossible just now.
func warnings(ctx context.Context, x *experiment.Experiment, s spec, state *State, b *built) []string {
	var out []string
	if state != nil {
		if reason, engaged := state.Engaged(ctx); engaged {
			out = append(out, "the kill switch is engaged, so a run would refuse to start"+because(reason))
		}
		for _, key := range keys(b.changes) {
			run, err := state.home.Holder(ctx, key)
			if err != nil {
				out = append(out, fmt.Sprintf("nobody knows whether target %s is in use: %v", key, err))
			}
			if run != "" {
				out = append(out, fmt.Sprintf("target %s is in use by %s just now", key, run))
			}
		}
	}
	for _, m := range x.Measures {
		need, have := verdict.SamplesNeeded(m.Expect), samples(x, s, m)
		if have >= 0 && need > have && !m.BaselineOnly {
			out = append(out, fmt.Sprintf("%s: %q needs at least %d samples to be settled, but a fault phase of %s brings about %d: the verdict would be inconclusive", m.Name, m.Expect.Text, need, x.Phases.Fault, have))
		}
	}
	return out
}

// samples predicts how many observations of a measure the first stage of the fault phase brings.
func samples(x *experiment.Experiment, s spec, m experiment.Measure) int {
	for _, l := range x.Loads {
		if m.Of == "load."+l.Name {
			return int(due(l.Rate, s.baseline, s.baseline+s.fault))
		}
	}
	return int(s.fault / m.Interval())
}
