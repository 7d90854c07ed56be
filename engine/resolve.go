package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// resolveOperation builds everything that the experiment names. Afterwards the targets are frozen.
func (r *runner) resolveOperation() func() event {
	x, registry, params := r.x, r.o.Registry, r.params()
	return func() event {
		b, err := bounded(r.inject, resolveTimeout, func(ctx context.Context) (*built, error) { return build(ctx, x, registry, params) })
		if err == nil {
			err = r.journal.append(Record{Type: recordFrozen, Targets: b.frozen()}, false)
		}
		if err != nil {
			return event{kind: evDone, err: err}
		}
		return event{kind: evDone, conditions: b.planned(), book: func(*event) {
			r.groups, r.conds = b.groups, b.changes
			r.traffic.generators, r.traffic.probes = b.generators, b.probes
		}}
	}
}

func (r *runner) params() ActionParams {
	return ActionParams{Run: r.run, Lease: r.m.spec.lease, Share: r.m.spec.stages[0]}
}

// built is an experiment brought to life: nothing is changed yet.
type built struct {
	groups     []*group    // as experiment.Conditions
	changes    []*change   // of all groups
	generators []Generator // as experiment.Loads
	probes     []Probe     // as experiment.Measures; nil for those of a load
}

// build asks the registry for everything an experiment names. A panic of a constructor is an error.
func build(ctx context.Context, x *experiment.Experiment, registry Registry, p ActionParams) (*built, error) {
	b := &built{probes: make([]Probe, len(x.Measures))}
	for _, l := range x.Loads {
		g, err := registry.Load(l)
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", l.Name, err)
		}
		b.generators = append(b.generators, g)
	}
	for i, m := range x.Measures {
		if isLoad(x, m.Of) {
			continue
		}
		probe, err := registry.Probe(m)
		if err != nil {
			return nil, fmt.Errorf("measure %q: %w", m.Name, err)
		}
		b.probes[i] = probe
	}
	for _, c := range x.Conditions {
		targets, err := registry.Actions(ctx, c, p)
		if err != nil {
			return nil, fmt.Errorf("condition %q: %w", c.Name, err)
		}
		if len(targets) == 0 {
			return nil, fmt.Errorf("condition %q: its target resolved to nothing", c.Name)
		}
		g := &group{name: c.Name}
		for _, t := range targets {
			ch := newChange(c, t)
			ch.in = g
			g.changes = append(g.changes, ch)
		}
		b.groups, b.changes = append(b.groups, g), append(b.changes, g.changes...)
	}
	names := map[string]bool{}
	for _, ch := range b.changes { // the journal tells them apart by name
		if names[ch.Name] {
			return nil, fmt.Errorf("condition %q: another condition, or target of one, has this name", ch.Name)
		}
		names[ch.Name] = true
	}
	return b, nil
}

// newChange is a condition on one of its targets.
func newChange(c experiment.Condition, t Targeted) *change {
	ch := &change{
		Condition: c, of: c.Name, action: t.Action, key: t.Key, names: t.Names, fixed: t.Fixed,
		account: t.Account, region: t.Region, tags: t.Tags, group: t.Of,
	}
	if t.Label != "" {
		ch.Name += ": " + t.Label
	}
	ch.result = ConditionResult{Name: ch.Name, Kind: c.Fault, Target: t.Key}
	if ch.Name != ch.of {
		ch.result.Condition = ch.of
	}
	return ch
}

// planned is what the machine must know of the conditions.
func (b *built) planned() []plannedCondition {
	out := make([]plannedCondition, len(b.groups))
	for i, g := range b.groups {
		out[i] = g.planned()
		for j, before := range b.groups {
			if after := g.changes[0].After; after != "" && before.name == after {
				out[i].after = append(out[i].after, j)
			}
		}
	}
	return out
}

// planned is what the machine must know of one condition, but for its place among the others. The shortest lease of
// its changes is the condition's.
func (g *group) planned() plannedCondition {
	first := g.changes[0]
	renewable := g.renewable()
	p := plannedCondition{delay: first.Delay, duration: first.For, name: g.name, renewable: len(renewable) > 0}
	for i, ch := range renewable {
		var lease time.Duration
		if l, ok := ch.action.(Lessor); ok {
			lease = l.Lease()
		}
		if i == 0 || lease < p.lease {
			p.lease = lease
		}
	}
	return p
}

func (b *built) frozen() []FrozenTarget {
	var out []FrozenTarget
	for _, ch := range b.changes {
		out = append(out, FrozenTarget{Condition: ch.Name, Kind: ch.Fault, Key: ch.key})
	}
	return out
}

// keys are the distinct targets, in order.
func keys(changes []*change) []string {
	var out []string
	had := map[string]bool{}
	for _, ch := range changes {
		if !had[ch.key] {
			had[ch.key] = true
			out = append(out, ch.key)
		}
	}
	return out
}

// guardOperation checks everything that must be true before the first measurement.
func (r *runner) guardOperation() func() event {
	changes, try, probes := r.conds, tried(r.groups), r.traffic.probes
	return func() event {
		notes, err := r.guard(changes, try)
		if err == nil {
			var more []string
			more, err = r.ready(probes)
			notes = append(notes, more...)
		}
		if err != nil {
			return event{kind: evDone, err: err, book: func(*event) { r.noteAll(notes) }}
		}
		prediction := predict(r.x, specOf(r.x, r.o), changes)
		err = r.journal.append(Record{Type: recordPredicted, Prediction: &prediction}, false)
		return event{kind: evDone, err: err, book: func(*event) {
			r.noteAll(notes)
			r.predicted = &prediction
		}}
	}
}

// guard locks the targets and has every action look at its own: what cannot be undone is found out before
// anybody waits for a baseline. try are those whose undo is tried, too.
func (r *runner) guard(changes []*change, try map[*change]bool) (notes []string, err error) {
	if err := checkGuards(r.inject, r.x, r.o, changes); err != nil {
		return nil, err
	}
	if notes, err = checkMoment(r.inject, r.x, r.o); err != nil {
		return notes, err
	}
	for _, ch := range changes {
		if ch.Irreversible {
			notes = append(notes, fmt.Sprintf("IRREVERSIBLE: %s on %s will not be put back", ch.Name, ch.key))
		}
	}
	if err := r.lock(keys(changes)); err != nil {
		return notes, err
	}
	return notes, r.work(r.inject, changes, false, func(ch *change) (func(), error) {
		return nil, r.prepareForGuard(ch, r.o.shared(actionTimeout, len(changes)), try[ch])
	})
}

// isLoad tells the measures of a load's traffic from those that are read by a probe.
func isLoad(x *experiment.Experiment, of string) bool {
	for _, l := range x.Loads {
		if of == "load."+l.Name {
			return true
		}
	}
	return false
}

// lock takes the targets, all runs in the same order, so that no two wait for each other. One that belongs to a run whose process is
// gone is free if that run has nothing to put back.
func (r *runner) lock(targets []string) error {
	slices.Sort(targets)
	for cleared := map[string]bool{}; ; {
		err := r.claim.Lock(r.inject, targets)
		var held *TargetHeld
		switch {
		case !errors.As(err, &held):
			return err
		case held.Gone && !cleared[held.Run] && r.o.State.clear(r.inject, held.Run):
			cleared[held.Run] = true
		case held.Gone || r.o.Wait == nil || !r.o.Wait(r.inject, held):
			return err
		}
	}
}
