package engine

import (
	"context"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// Reach resolves what the conditions of an experiment are put on, and returns every name by which each target is known. Of a
// group all are named, though a run may pick some. Nothing is changed.
func Reach(ctx context.Context, x *experiment.Experiment, registry Registry) ([]string, error) {
	whole := *x
	whole.Loads, whole.Measures = nil, nil
	whole.Conditions = slices.Clone(x.Conditions)
	for i := range whole.Conditions {
		whole.Conditions[i].Target.Count, whole.Conditions[i].Target.Percent = 0, 0
	}
	b, err := bounded(ctx, resolveTimeout, func(ctx context.Context) (*built, error) {
		return build(ctx, &whole, registry, ActionParams{Run: "plan", Lease: x.Lease, Share: 100})
	})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, ch := range b.changes {
		names = append(append(names, ch.key), ch.names...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// Length is how long a run takes that takes its course, and how long it may take at most. Guards are those of guards files.
func Length(x *experiment.Experiment, guards []experiment.Guards) (usual, longest time.Duration) {
	s := specOf(x, Options{Guards: guards})
	return length(s, s.maxDuration)
}
