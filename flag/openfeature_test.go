package flag_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/open-feature/go-sdk/openfeature"

	"github.com/firedrill-dev/firedrill/flag"
)

// An openFeature is a bridge for applications: what they ask OpenFeature, one of our providers answers.
type openFeature struct {
	openfeature.NoopProvider // no hooks
	flags                    flag.Evaluator
}

func (p openFeature) Metadata() openfeature.Metadata { return openfeature.Metadata{Name: "firedrill"} }

// evaluate decodes a flag's value; what is not of type T leaves the default.
func evaluate[T any](ctx context.Context, p openFeature, name string, otherwise T, user openfeature.FlattenedContext) (T, openfeature.ProviderResolutionDetail) {
	e, err := p.flags.Evaluate(ctx, name, flag.Attributes(user))
	value := otherwise
	detail := openfeature.ProviderResolutionDetail{Variant: e.Variant, Reason: openfeature.Reason(e.Reason)}
	var refused *flag.Refused
	switch {
	case errors.As(err, &refused):
		detail.ResolutionError = openfeature.NewGeneralResolutionError(err.Error())
	case err != nil:
		detail.ResolutionError = openfeature.NewFlagNotFoundResolutionError(err.Error())
	case json.Unmarshal(e.Value, &value) != nil:
		value, detail.ResolutionError = otherwise, openfeature.NewTypeMismatchResolutionError(string(e.Value))
	}
	return value, detail
}

func (p openFeature) BooleanEvaluation(ctx context.Context, name string, otherwise bool, user openfeature.FlattenedContext) openfeature.BoolResolutionDetail {
	v, d := evaluate(ctx, p, name, otherwise, user)
	return openfeature.BoolResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

func (p openFeature) ObjectEvaluation(ctx context.Context, name string, otherwise any, user openfeature.FlattenedContext) openfeature.InterfaceResolutionDetail {
	v, d := evaluate(ctx, p, name, otherwise, user)
	return openfeature.InterfaceResolutionDetail{Value: v, ProviderResolutionDetail: d}
}

// TestOpenFeature: an application that asks through OpenFeature sees what a run turns on, for whom it does.
func TestOpenFeature(t *testing.T) {
	p := filePlace(t, "flagd", plainFlagd)
	if err := openfeature.SetProviderAndWait(openFeature{flags: p.provider(t)}); err != nil {
		t.Fatal(err)
	}
	defer openfeature.Shutdown()
	client := openfeature.NewClient("shop")
	ask := func(cohort string) openfeature.BooleanEvaluationDetails {
		d, err := client.BooleanValueDetails(t.Context(), "new-pricing", false, openfeature.NewEvaluationContext("42", map[string]any{"cohort": cohort}))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if d := ask("beta"); d.Value || d.Reason != openfeature.StaticReason {
		t.Errorf("before: %+v", d)
	}
	s, undo := p.applied(t)
	if d := ask("beta"); !d.Value || d.Variant != "on" || d.Reason != openfeature.TargetingMatchReason {
		t.Errorf("on: %+v", d)
	}
	if d := ask("gamma"); d.Value || d.Reason != openfeature.DefaultReason {
		t.Errorf("others: %+v", d)
	}
	if _, err := client.BooleanValue(t.Context(), "nothing", true, openfeature.EvaluationContext{}); err == nil {
		t.Error("there is a flag that is not there")
	}
	if err := s.Revert(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	if d := ask("beta"); d.Value {
		t.Errorf("after: %+v", d)
	}
}
