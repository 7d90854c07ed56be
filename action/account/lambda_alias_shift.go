package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// ShiftKind is the kind of a Shift in journals.
const ShiftKind = "lambda-alias-shift"

// lambdaAliasShift leads an alias to another version, to stay there: a delivery, no fault. No experiment can name it.
func lambdaAliasShift() kind {
	return kind{
		Kind:    experiment.Kind{KindInfo: fault.KindInfo{Kind: ShiftKind, Doc: "Lead an alias to another version of the function"}},
		service: "lambda",
		open:    func(cfg aws.Config) change { return leadingOf(lambda.NewFromConfig(cfg)) },
	}
}

// A leading is where an alias leads, and where the earlier steps of a shift have led it.
type leading struct {
	routing
	Earlier []routing `json:"earlier,omitempty"`
}

func (r routing) same(other routing) bool {
	return r.Version == other.Version && maps.Equal(r.Weights, other.Weights)
}

// String is the routing for people.
func (r routing) String() string {
	text := "version " + r.Version
	for _, v := range slices.Sorted(maps.Keys(r.Weights)) {
		text += fmt.Sprintf(", %g %% to version %s", r.Weights[v]*100, v)
	}
	return text
}

// leadingOf is the routing of an alias whose version changes, too.
func leadingOf(api aliasAPI) setting[leading] {
	return setting[leading]{
		what:   "routing",
		lookup: func(ctx context.Context, name string) (string, error) { return findAlias(ctx, api, name) },
		read: func(ctx context.Context, id string) (leading, error) {
			now, err := readRouting(ctx, api, id)
			return leading{routing: now}, err
		},
		want: func(now leading, o order) (leading, error) {
			if len(now.Weights) > 0 {
				return leading{}, &action.Refused{Reason: fmt.Sprintf("alias %s: a shift is under way: it leads to %s", o.ID, now.routing), Tip: "wait until that deployment is through, or take its weights away"}
			}
			next, err := wantRouting(now.routing, o)
			if version := versionIn(o.With); err == nil && next.Weights[version] >= 1 {
				next = routing{Version: version} // without weights: nothing is left of the shift
			}
			return leading{routing: next}, err
		},
		write: func(ctx context.Context, id string, from, to leading) error {
			return lead(ctx, api, id, from.revision, to.routing)
		},
		say: func(before, after leading) (string, string) {
			return "lead it to " + after.String(), "lead it to " + before.String() + " again"
		},
		equal: func(a, b leading) bool { return a.same(b.routing) },
		take: func(now, before, after leading) (leading, string) {
			if slices.ContainsFunc(append(after.Earlier, after.routing), now.same) {
				return before, ""
			}
			return now, "it leads to " + now.String() + " now"
		},
	}
}

// lead makes an alias lead where it is told, version and weights.
func lead(ctx context.Context, api aliasAPI, id string, revision *string, to routing) error {
	function, alias := splitAlias(id)
	weights := to.Weights
	if weights == nil {
		weights = map[string]float64{} // removes them
	}
	_, err := api.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: &function, Name: &alias, RevisionId: revision, FunctionVersion: &to.Version,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
	})
	return routingWritten(id, err)
}

// A Shift leads the invocations of an alias from the version that has them to another one, in steps.
type Shift struct {
	settings setting[leading]
	target   *Change // for what others must know of the target
	number   int     // of the version
	api      aliasAPI
	now      leading // when it was looked up
}

// Shift looks an alias up.
func (f *Factory) Shift(ctx context.Context, alias string, version int) (*Shift, error) {
	k := lambdaAliasShift()
	place, err := f.deps.Place(ctx, k.service, nil, "")
	if err != nil {
		return nil, err
	}
	cfg, err := f.deps.Config(ctx, k.service, place, "")
	if err != nil {
		return nil, err
	}
	api := lambda.NewFromConfig(cfg)
	s := &Shift{settings: leadingOf(api), number: version}
	id, err := s.settings.find(ctx, alias)
	if err != nil {
		return nil, err
	}
	s.target = &Change{kind: lambdaAliasWeights(), place: place, name: alias, id: id} // the fault and the shift are of one thing: they exclude each other
	now, err := s.settings.read(ctx, id)
	s.api, s.now = api, now
	return s, err
}

// Check refuses what AWS Lambda would not take, and what somebody else is shifting. Nothing is changed.
func (s *Shift) Check(ctx context.Context) error {
	o := s.Lead(1).order()
	if _, err := s.settings.want(s.now, o); err != nil {
		return err
	}
	return versionExists(ctx, s.api, o)
}

// Baseline is the version that the alias led to when the shift was looked up.
func (s *Shift) Baseline() string { return s.now.Version }

// Canary is the version that it is to lead to.
func (s *Shift) Canary() string { return strconv.Itoa(s.number) }

// Target is what others must know of the alias: its key, names and place.
func (s *Shift) Target() *Change { return s.target }

func (s *Shift) with(percent float64) fault.Attributes {
	return fault.Attributes{"version": float64(s.number), "percent": percent}
}

// Lead is the step to a share of the invocations, in percent. At 100 the alias leads to the version alone.
func (s *Shift) Lead(percent float64) *ShiftStep { return &ShiftStep{s, percent} }

// A ShiftStep is one step of a Shift.
type ShiftStep struct {
	shift   *Shift
	percent float64
}

func (s *ShiftStep) order() order {
	return order{ID: s.shift.target.id, With: s.shift.with(s.percent)}
}

func (s *ShiftStep) record(o order, before, after leading) (json.RawMessage, error) {
	st, err := encodeStates(before, after)
	if err != nil {
		return nil, err
	}
	return json.Marshal(record{V: recordVersion, Kind: ShiftKind, Place: s.shift.target.place, order: o, states: st})
}

// Prepare reads the alias, for the first step. It changes nothing.
func (s *ShiftStep) Prepare(ctx context.Context) (json.RawMessage, error) {
	o := s.order()
	before, err := s.shift.settings.read(ctx, o.ID)
	if err != nil {
		return nil, err
	}
	if before.Version != s.shift.now.Version {
		return nil, &action.Drift{What: "it leads to " + before.String() + " now"}
	}
	after, err := s.shift.settings.want(before, o)
	if err != nil {
		return nil, err
	}
	return s.record(o, before, after)
}

// Continue goes on from the step before. The way back leads to where the alias led before the first one.
func (s *ShiftStep) Continue(ctx context.Context, undo json.RawMessage) (json.RawMessage, error) {
	if err := s.Check(ctx, undo); err != nil {
		return nil, err
	}
	before, last, err := shifted(undo)
	if err != nil {
		return nil, err
	}
	o := s.order()
	after, err := s.shift.settings.want(before, o)
	if err != nil {
		return nil, err
	}
	after.Earlier = append(last.Earlier, last.routing)
	return s.record(o, before, after)
}

// Check sees that the alias is where the last step has led it. Anything else is a *Drift.
func (s *ShiftStep) Check(ctx context.Context, undo json.RawMessage) error {
	_, want, err := shifted(undo)
	if err != nil {
		return err
	}
	now, err := s.shift.settings.read(ctx, s.shift.target.id)
	switch {
	case errors.Is(err, errGone):
		return &action.Drift{What: "it was deleted"}
	case err != nil:
		return err
	case !now.same(want.routing):
		return &action.Drift{What: "it leads to " + now.String() + " now"}
	}
	return nil
}

// Apply leads the alias there, from where the step before has led it and from nowhere else, and sees that it does.
func (s *ShiftStep) Apply(ctx context.Context, undo json.RawMessage) error {
	from, to, err := shifted(undo)
	if err != nil {
		return err
	}
	if n := len(to.Earlier); n > 0 {
		from = leading{routing: to.Earlier[n-1]}
	}
	st, err := encodeStates(from, to)
	if err != nil {
		return err
	}
	failed := s.shift.settings.apply(ctx, s.order(), st)
	if failed == nil {
		return nil
	}
	if now, err := s.shift.settings.read(ctx, s.shift.target.id); err == nil && !now.same(from.routing) && !now.same(to.routing) {
		return &action.Drift{What: "it leads to " + now.String() + " now"}
	}
	return failed
}

// Revert leads the alias back to where it led before the first step.
func (s *ShiftStep) Revert(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	return revert(ctx, s.shift.settings, u)
}

// shifted reads an undo record: where the alias led before the first step, and where the last one leads it.
func shifted(undo json.RawMessage) (before, after leading, err error) {
	u, err := decodeRecord(undo)
	if err != nil {
		return before, after, err
	}
	return decodeStates[leading](u.states)
}
