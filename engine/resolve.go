package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"

	"github.com/firedrill-dev/firedrill/experiment"
)

// resolveOperation builds everything that the experiment names. Afterwards the targets are frozen.
func (r *runner) resolveOperation() func() event {
	x, registry, params := r.x, r.o.Registry, r.params()
	return func() event {
		b, err := bounded(r.inject, actionTimeout, func(ctx context.Context) (*built, error) { return build(ctx, x, registry, params) })
		if err == nil {
			err = r.journal.append(Record{Type: recordFrozen, Targets: b.frozen()}, false)
		}
		if err != nil {
			return event{kind: evDone, err: err}
		}
		return event{kind: evDone, conditions: b.planned(), book: func() {
			r.conds = b.changes
			r.traffic.generators, r.traffic.probes = b.generators, b.probes
		}}
	}
}

func (r *runner) params() ActionParams {
	return ActionParams{Run: r.run, Lease: r.m.spec.lease, Share: r.m.spec.stages[0]}
}

// built is an experiment brought to life: nothing is changed yet.
type built struct {
	changes    []*change
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
		for _, t := range targets {
			b.changes = append(b.changes, newChange(c, t))
		}
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
	ch := &change{Condition: c, of: c.Name, action: t.Action, key: t.Key, names: t.Names}
	if t.Label != "" {
		ch.Name += ": " + t.Label
	}
	ch.result = ConditionResult{Name: ch.Name, Kind: c.Fault, Target: t.Key}
	if ch.Name != ch.of {
		ch.result.Condition = ch.of
	}
	return ch
}

// planned is what the machine must know of the changes. One that comes after a condition comes after all of
// that condition's targets.
func (b *built) planned() []plannedCondition {
	out := make([]plannedCondition, len(b.changes))
	for i, ch := range b.changes {
		_, renewable := ch.action.(Renewer)
		out[i] = plannedCondition{delay: ch.Delay, duration: ch.For, renewable: renewable, name: ch.Name}
		if l, ok := ch.action.(Lessor); ok {
			out[i].lease = l.Lease()
		}
		for j, before := range b.changes {
			if ch.After != "" && before.of == ch.After {
				out[i].after = append(out[i].after, j)
			}
		}
	}
	return out
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
	changes := r.conds
	return func() event {
		return event{kind: evDone, err: r.guard(changes)}
	}
}

// guard locks the targets and has every action look at its own: what cannot be undone is found out before
// anybody waits for a baseline.
func (r *runner) guard(changes []*change) error {
	if err := checkGuards(r.x, changes); err != nil {
		return err
	}
	if err := r.claim.Lock(r.inject, keys(changes)); err != nil {
		return err
	}
	for _, ch := range changes {
		if _, err := bounded(r.inject, actionTimeout, ch.action.Prepare); err != nil {
			return fmt.Errorf("condition %q cannot be prepared: %w", ch.Name, err)
		}
	}
	return nil
}

// checkGuards is the part of guarding that looks at the experiment and its frozen targets only.
func checkGuards(x *experiment.Experiment, changes []*change) error {
	for _, ch := range changes {
		for _, pattern := range x.Guards.Protected {
			if protects(pattern, ch) {
				return &Refusal{Err: fmt.Errorf("condition %q: target %s is protected by %q", ch.Name, ch.key, pattern), Tip: "guards.protected names what must never be touched"}
			}
		}
		if _, ok := ch.action.(Renewer); !ok && len(x.Stages) > 1 {
			return &Refusal{Err: fmt.Errorf("condition %q: fault %s cannot be scaled in stages", ch.Name, ch.Fault), Tip: "leave stages out, or give this fault its own experiment"}
		}
	}
	if n := len(keys(changes)); x.Guards.MaxTargets > 0 && n > x.Guards.MaxTargets {
		return &Refusal{Err: fmt.Errorf("%d targets, but guards.max_targets is %d", n, x.Guards.MaxTargets), Tip: "split the experiment, or raise the guard on purpose"}
	}
	if len(changes) == 0 {
		return errors.New("no conditions: nothing would be injected")
	}
	return nil
}

// protects says whether a protected name, which may be a shell pattern, means the condition's target.
func protects(pattern string, ch *change) bool {
	names := append([]string{ch.key, ch.Target.File, filepath.Base(ch.Target.File)}, ch.names...)
	for _, name := range names {
		if name == "" {
			continue
		}
		if ok, err := path.Match(pattern, name); ok || err != nil || pattern == name {
			return true // a pattern that cannot be read protects everything
		}
	}
	return false
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
