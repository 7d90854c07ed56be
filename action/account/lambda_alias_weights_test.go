package account

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// aliased makes a function with three versions, and an alias that leads to the second.
func aliased(t *testing.T, w world) {
	t.Helper()
	inventory(t, w)
	api := lambda.NewFromConfig(w.cfg)
	for n := range 3 {
		reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{Description: aws.String(fmt.Sprintf("release %d", n+1))})
		if _, err := api.PublishVersion(t.Context(), &lambda.PublishVersionInput{FunctionName: aws.String("inventory")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := api.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String("inventory"), Name: aws.String("live"), FunctionVersion: aws.String("2")}); err != nil {
		t.Fatal(err)
	}
}

// updateAlias is somebody else's change of the alias.
func updateAlias(t *testing.T, w world, in lambda.UpdateAliasInput) {
	t.Helper()
	in.FunctionName, in.Name = aws.String("inventory"), aws.String("live")
	if _, err := lambda.NewFromConfig(w.cfg).UpdateAlias(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
}

func weights(version string, weight float64) *types.AliasRoutingConfiguration {
	return &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{version: weight}}
}

func aliasFixture() fixture {
	return fixture{
		kind: "lambda-alias-weights", target: experiment.Target{Resources: []string{"inventory:live"}}, with: fault.Attributes{"version": 1.0, "percent": 50.0},
		setup: aliased, front: frontLambda,
		state: func(t *testing.T, w world) any {
			out, err := lambda.NewFromConfig(w.cfg).GetAlias(t.Context(), &lambda.GetAliasInput{FunctionName: aws.String("inventory"), Name: aws.String("live")})
			if err != nil {
				t.Fatal(err)
			}
			routed := map[string]float64{}
			if out.RoutingConfig != nil { // the stand-in tells none and empty apart, AWS does not
				routed = out.RoutingConfig.AdditionalVersionWeights
			}
			return []any{out.AliasArn, out.Description, out.FunctionVersion, routed}
		},
		edit: func(t *testing.T, w world) {
			updateAlias(t, w, lambda.UpdateAliasInput{RoutingConfig: weights("1", 0.07)})
		},
		beside: func(t *testing.T, w world) {
			updateAlias(t, w, lambda.UpdateAliasInput{FunctionVersion: aws.String("3")})
		},
	}
}

// TestAliasRefuses what AWS Lambda would not take, before anything is changed.
func TestAliasRefuses(t *testing.T) {
	stand := newStand(t)
	for name, tc := range map[string]struct {
		version float64
		before  lambda.UpdateAliasInput
		want    string
	}{
		"no such version": {9, lambda.UpdateAliasInput{}, "has no version 9"},
		"leads there":     {2, lambda.UpdateAliasInput{}, "leads already"},
		"a canary":        {1, lambda.UpdateAliasInput{RoutingConfig: weights("3", 0.1)}, "a shift to version 3 is under way"},
		"unpublished":     {1, lambda.UpdateAliasInput{FunctionVersion: aws.String("$LATEST")}, "$LATEST"},
		"no change":       {1, lambda.UpdateAliasInput{RoutingConfig: weights("1", 1)}, "already"},
	} {
		t.Run(name, func(t *testing.T) {
			f := aliasFixture()
			f.with = fault.Attributes{"version": tc.version}
			s := newSubject(t, stand, f)
			updateAlias(t, s.world, tc.before)
			_, err := s.change.Prepare(t.Context())
			var refused *action.Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || refused.Tip == "" {
				t.Errorf("Prepare = %v, want a refusal with %q and a hint", err, tc.want)
			}
		})
	}
}

func TestAliasNames(t *testing.T) {
	w := newStand(t).world()
	aliased(t, w)
	for name, want := range map[string]string{
		"inventory":      "is no alias",
		"inventory:2":    "is no alias",
		"inventory:typo": "there is no alias",
		"typo:live":      "there is no alias",
		"arn:aws:lambda:" + w.cfg.Region + ":" + w.account + ":function:inventory":      "is no alias",
		"arn:aws:lambda:" + w.cfg.Region + ":" + w.account + ":function:inventory:live": "",
	} {
		_, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: "lambda-alias-weights", Target: experiment.Target{Resources: []string{name}}, With: fault.Attributes{"version": 1.0}}, params())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

// TestCanaryComesBack: a weight that the version had before the fault is restored.
func TestCanaryComesBack(t *testing.T) {
	f := aliasFixture()
	f.setup = func(t *testing.T, w world) {
		aliased(t, w)
		updateAlias(t, w, lambda.UpdateAliasInput{RoutingConfig: weights("1", 0.1)})
	}
	restoresExactly(t, newSubject(t, newStand(t).behind(t, f), f))
}
