package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// layerAPI is what the kind needs of AWS Lambda.
type layerAPI interface {
	configurationAPI
	GetLayerVersion(ctx context.Context, in *lambda.GetLayerVersionInput, opts ...func(*lambda.Options)) (*lambda.GetLayerVersionOutput, error)
}

// lambdaLayer adds a layer to a function, after those that it has.
func lambdaLayer() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "lambda-layer", Doc: "Add a layer to a function: a fault of your own making, or an extension that is in the way",
				Attributes: []fault.Attribute{{Name: "layer", Type: fault.TypeText, Required: true, Doc: "version of a layer: NAME:VERSION, or an ARN"}},
			},
			Target: function(),
			Check: func(with fault.Attributes) []fault.Problem {
				if text, _ := with["layer"].(string); !layerVersion.MatchString(text) {
					return []fault.Problem{{Field: "layer", Value: text, Message: "is no version of a layer", Hint: "NAME:VERSION, such as slow-start:3, or its ARN"}}
				}
				return nil
			},
		},
		service: "lambda",
		open: func(cfg aws.Config) change {
			api := lambda.NewFromConfig(cfg)
			return perOrder(func(o order) change {
				l := layerOf(o.ID, o.With)
				return checked{configuration(api, l.field()), func(ctx context.Context) error { return l.exists(ctx, api) }}
			})
		},
		needs: configurationNeeds,
		also: func(id string, with fault.Attributes) []action.Permission {
			return []action.Permission{{Resources: []string{layerOf(id, with).arn()}, Actions: []string{"lambda:GetLayerVersion"}}}
		},
	}
}

// layerVersion is NAME:VERSION or an ARN (AWS Lambda API reference, "GetLayerVersion").
var layerVersion = regexp.MustCompile(`^(arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:layer:)?[a-zA-Z0-9_-]{1,140}:[1-9]\d{0,8}$`)

const maxLayers = 5 // AWS Lambda developer guide, "Lambda quotas"

// A layer is one that a function is to have.
type layer struct {
	function, name string // name is an ARN without the version
	version        int64
}

// layerOf is the layer that attributes name: of the function's own account and region, unless they tell an ARN.
func layerOf(function string, with fault.Attributes) layer {
	text, _ := with["layer"].(string)
	i := max(strings.LastIndexByte(text, ':'), 0)
	l := layer{function: function, name: text[:i]}
	l.version, _ = strconv.ParseInt(text[min(i+1, len(text)):], 10, 64) // Check has seen to it
	if before, _, ok := strings.Cut(function, ":function:"); ok && !strings.HasPrefix(text, "arn:") {
		l.name = before + ":layer:" + l.name
	}
	return l
}

func (l layer) arn() string { return fmt.Sprintf("%s:%d", l.name, l.version) }

// exists asks for the layer before anything is armed: a function takes only layers that its owner may read.
func (l layer) exists(ctx context.Context, api layerAPI) error {
	_, err := api.GetLayerVersion(ctx, &lambda.GetLayerVersionInput{LayerName: &l.name, VersionNumber: &l.version})
	err = explain("layer "+l.arn()+": look it up", err, "ResourceNotFoundException")
	if errors.Is(err, errGone) {
		return missing("layer", l.arn(), "its account and region", nil)
	}
	return err
}

// layers are the layers of a function, in their order.
type layers struct {
	Versions []string `json:"versions"`
	image    bool     // the function is a container image
}

func (l layer) field() field[layers] {
	return field[layers]{
		what: "list of layers",
		get: func(out *lambda.GetFunctionConfigurationOutput) (layers, error) {
			now := layers{Versions: []string{}, image: out.PackageType == types.PackageTypeImage}
			for _, have := range out.Layers {
				now.Versions = append(now.Versions, aws.ToString(have.Arn))
			}
			return now, nil
		},
		set:  func(in *lambda.UpdateFunctionConfigurationInput, _, to layers) { in.Layers = to.Versions },
		want: l.want, take: l.take,
		holds: func(now, _ layers) bool { return slices.Contains(now.Versions, l.arn()) },
		say: func(before, _ layers) (string, string) {
			return fmt.Sprintf("add the layer %s after the %d that it has", l.arn(), len(before.Versions)), "remove that layer"
		},
	}
}

func (l layer) want(now layers, _ order) (layers, error) {
	refuse := func(reason, tip string) (layers, error) {
		return layers{}, &action.Refused{Reason: "function " + l.function + ": " + reason, Tip: tip}
	}
	switch {
	case now.image:
		return refuse("it is a container image, which takes no layers", "choose a function that is a .zip archive")
	case slices.Contains(now.Versions, l.arn()):
		return now, nil
	case slices.ContainsFunc(now.Versions, func(have string) bool { return strings.HasPrefix(have, l.name+":") }):
		return refuse("it has another version of the layer "+l.name, "AWS Lambda takes one version of a layer: publish the fault under another name")
	case len(now.Versions) >= maxLayers:
		return refuse(fmt.Sprintf("it has %d layers, and AWS Lambda takes no more", len(now.Versions)), "choose a function that has room for one")
	}
	return layers{Versions: append(slices.Clone(now.Versions), l.arn())}, nil
}

// take removes this layer alone; all others stay, in their order.
func (l layer) take(now, before, _ layers) (layers, string) {
	next := layers{Versions: slices.DeleteFunc(slices.Clone(now.Versions), func(have string) bool { return have == l.arn() })}
	if slices.Equal(next.Versions, before.Versions) {
		return next, ""
	}
	return next, fmt.Sprintf("its other layers were changed to %s", text(next.Versions))
}
