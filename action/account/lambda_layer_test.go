package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

func publishLayer(t *testing.T, w world, name string) string {
	t.Helper()
	out, err := lambda.NewFromConfig(w.cfg).PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{LayerName: &name, Content: &types.LayerVersionContentInput{ZipFile: emptyZip(t)}})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToString(out.LayerVersionArn)
}

// layered makes a function with some layers.
func layered(names ...string) func(*testing.T, world) {
	return func(t *testing.T, w world) {
		inventory(t, w)
		publishLayer(t, w, "slow-start")
		var arns []string
		for _, name := range names {
			arns = append(arns, publishLayer(t, w, name))
		}
		reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{Layers: arns})
	}
}

// addLayers is somebody else's change of the list: others before and after what is there, or around it.
func addLayers(t *testing.T, w world, before, after string) {
	t.Helper()
	out, err := lambda.NewFromConfig(w.cfg).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: aws.String("inventory")})
	if err != nil {
		t.Fatal(err)
	}
	arns := []string{publishLayer(t, w, before)}
	for _, l := range out.Layers {
		arns = append(arns, aws.ToString(l.Arn))
	}
	reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{Layers: append(arns, publishLayer(t, w, after))})
}

func layerFixture() fixture {
	return fixture{
		kind: "lambda-layer", target: experiment.Target{Lambda: "inventory"}, with: fault.Attributes{"layer": "slow-start:1"},
		setup: layered("monitoring", "shared"), state: lookAtInventory, front: frontLambda,
		edit:   func(t *testing.T, w world) { addLayers(t, w, "first", "last") },
		beside: func(t *testing.T, w world) { addLayers(t, w, "first", "last") },
	}
}

// TestLayerRefuses what AWS Lambda would not take, before anything is changed.
func TestLayerRefuses(t *testing.T) {
	stand := newStand(t)
	for name, tc := range map[string]struct {
		have        []string
		layer, want string
	}{
		"five layers":     {[]string{"a", "b", "c", "d", "e"}, "slow-start:1", "5 layers"},
		"has it":          {[]string{"monitoring"}, "monitoring:1", "already"},
		"another version": {[]string{"monitoring"}, "monitoring:2", "another version"},
		"no such layer":   {nil, "typo:1", "there is no layer"},
	} {
		t.Run(name, func(t *testing.T) {
			f := layerFixture()
			f.setup, f.with = layered(tc.have...), fault.Attributes{"layer": tc.layer}
			s := newSubject(t, stand, f)
			if strings.HasSuffix(tc.layer, ":2") {
				publishLayer(t, s.world, "monitoring")
			}
			_, err := s.change.Prepare(t.Context())
			var refused *action.Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || refused.Tip == "" {
				t.Errorf("Prepare = %v, want a refusal with %q and a hint", err, tc.want)
			}
		})
	}
}

func TestLayerOf(t *testing.T) {
	function := "arn:aws:lambda:eu-west-1:123456789012:function:shop"
	other := "arn:aws:lambda:eu-west-1:210987654321:layer:slow-start:3"
	for given, want := range map[string]string{
		"slow-start:3": "arn:aws:lambda:eu-west-1:123456789012:layer:slow-start:3",
		other:          other,
	} {
		if got := layerOf(function, fault.Attributes{"layer": given}).arn(); got != want {
			t.Errorf("%s is %s, want %s", given, got, want)
		}
		if problems := lambdaLayer().Check(fault.Attributes{"layer": given}); len(problems) > 0 {
			t.Errorf("%s: %v", given, problems)
		}
	}
	for _, bad := range []string{"", "slow-start", "slow-start:", "slow-start:0", "slow-start:x", ":3", "a b:3", "arn:aws:lambda:eu-west-1:1:layer:x:3"} {
		if problems := lambdaLayer().Check(fault.Attributes{"layer": bad}); len(problems) == 0 {
			t.Errorf("%q passes for a layer", bad)
		}
	}
}

// TestLayersKeepTheirOrder, whatever others did to them.
func TestLayersKeepTheirOrder(t *testing.T) {
	l := layerOf("arn:aws:lambda:eu-west-1:123456789012:function:shop", fault.Attributes{"layer": "ours:1"})
	list := func(names ...string) layers {
		all := layers{Versions: []string{}}
		for _, name := range names {
			all.Versions = append(all.Versions, fmt.Sprintf("arn:aws:lambda:eu-west-1:123456789012:layer:%s:1", name))
		}
		return all
	}
	before := list("a", "b")
	for _, tc := range []struct {
		now, want layers
		drift     bool
	}{
		{list("a", "b", "ours"), before, false},
		{list("a", "b"), before, false},
		{list("b", "ours", "a"), list("b", "a"), true},
		{list("ours"), list(), true},
		{list("a", "ours", "b", "c"), list("a", "b", "c"), true},
		{list("c"), list("c"), true},
	} {
		next, drift := l.take(tc.now, before, list("a", "b", "ours"))
		if !slices.Equal(next.Versions, tc.want.Versions) || (drift != "") != tc.drift {
			t.Errorf("%v becomes %v (%q), want %v", tc.now, next, drift, tc.want)
		}
	}
}
