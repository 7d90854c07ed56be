package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// aliasAPI is what the kind needs of AWS Lambda.
type aliasAPI interface {
	functionFinder
	GetAlias(ctx context.Context, in *lambda.GetAliasInput, opts ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
	UpdateAlias(ctx context.Context, in *lambda.UpdateAliasInput, opts ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error)
}

// lambdaAliasWeights leads a share of an alias's invocations to another version of the function.
func lambdaAliasWeights() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "lambda-alias-weights", Doc: "Lead a share of an alias's invocations to another version of the function",
				Attributes: []fault.Attribute{
					{Name: "version", Type: fault.TypeInteger, Min: 1, Required: true, Doc: "the published version that gets them"},
					{Name: "percent", Type: fault.TypeInteger, Min: 1, Max: 100, Doc: "how many of them; default 100"},
				},
			},
			Target: experiment.Resource{Key: "alias", Doc: "An alias of a Lambda function, FUNCTION:ALIAS or its ARN", CloudFormation: "AWS::Lambda::Alias"},
		},
		service: "lambda",
		open: func(cfg aws.Config) change {
			api := lambda.NewFromConfig(cfg)
			return perOrder(func(o order) change {
				return checked{routingOf(api, o), func(ctx context.Context) error { return versionExists(ctx, api, o) }}
			})
		},
		needs: func(id string) []action.Permission {
			function, _ := splitAlias(id)
			return []action.Permission{{Resources: []string{function}, Actions: []string{"lambda:GetAlias", "lambda:UpdateAlias"}}}
		},
		also: func(id string, with fault.Attributes) []action.Permission {
			function, _ := splitAlias(id)
			version := versionIn(with)
			return []action.Permission{{Resources: []string{function + ":" + version}, Actions: []string{"lambda:GetFunctionConfiguration"}}}
		},
	}
}

func versionIn(with fault.Attributes) string {
	n, _ := with["version"].(float64)
	return strconv.FormatFloat(n, 'f', 0, 64)
}

var versionNumber = regexp.MustCompile(`^[0-9]+$`)

// A routing is where an alias leads: to its version, and to one other with a weight of more than 0 and up to 1.
type routing struct {
	Version  string             `json:"version"`
	Weights  map[string]float64 `json:"weights,omitempty"`
	revision *string
}

// routingOf is the routing of an alias.
func routingOf(api aliasAPI, o order) setting[routing] {
	version := versionIn(o.With)
	return setting[routing]{
		what:   "routing",
		lookup: func(ctx context.Context, name string) (string, error) { return findAlias(ctx, api, name) },
		read:   func(ctx context.Context, id string) (routing, error) { return readRouting(ctx, api, id) },
		want:   wantRouting,
		write: func(ctx context.Context, id string, from, to routing) error {
			return writeRouting(ctx, api, id, from, to)
		},
		say: func(before, after routing) (string, string) {
			undo := "lead all to version " + before.Version + " again"
			if len(before.Weights) > 0 {
				undo = fmt.Sprintf("lead %g %% to it again", before.Weights[version]*100)
			}
			return fmt.Sprintf("lead %g %% of the invocations to version %s", after.Weights[version]*100, version), undo
		},
		take: func(now, before, after routing) (routing, string) { return takeRouting(version, now, before, after) },
		holds: func(now, after routing) bool {
			weight, ok := now.Weights[version]
			return ok && weight == after.Weights[version]
		},
		try: func(ctx context.Context, id string, now routing) error {
			to := now
			now.revision = aws.String(revisionOfNone)
			err := writeRouting(ctx, api, id, now, to)
			if hasCode(err, "PreconditionFailedException") {
				return nil
			}
			return err
		},
	}
}

func readRouting(ctx context.Context, api aliasAPI, id string) (routing, error) {
	function, alias := splitAlias(id)
	out, err := api.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: &alias})
	if err != nil {
		return routing{}, explain("alias "+id+": read it", err, "ResourceNotFoundException")
	}
	now := routing{Version: aws.ToString(out.FunctionVersion), revision: out.RevisionId}
	if out.RoutingConfig != nil {
		now.Weights = out.RoutingConfig.AdditionalVersionWeights
	}
	return now, nil
}

// wantRouting refuses what AWS Lambda does not have (developer guide, "Implement Lambda canary deployments using a weighted
// alias"): two versions at most, both published.
func wantRouting(now routing, o order) (routing, error) {
	version := versionIn(o.With)
	percent, ok := o.With["percent"].(float64)
	if !ok {
		percent = 100
	}
	refuse := func(reason, tip string) (routing, error) {
		return routing{}, &action.Refused{Reason: "alias " + o.ID + ": " + reason, Tip: tip}
	}
	switch others := slices.DeleteFunc(slices.Sorted(maps.Keys(now.Weights)), func(v string) bool { return v == version }); {
	case now.Version == "$LATEST":
		return refuse("it leads to $LATEST, beside which AWS Lambda takes no other version", "choose an alias of a published version")
	case now.Version == version:
		return refuse("version "+version+" is where it leads already", "choose another version")
	case len(others) > 0:
		return refuse("a shift to version "+others[0]+" is under way, and AWS Lambda routes to two versions at most", "wait until that deployment is through")
	}
	return routing{Version: now.Version, Weights: map[string]float64{version: percent / 100}}, nil
}

// writeRouting sends the weights alone: where the alias leads otherwise is not for us to say.
func writeRouting(ctx context.Context, api aliasAPI, id string, from, to routing) error {
	function, alias := splitAlias(id)
	weights := to.Weights
	if weights == nil {
		weights = map[string]float64{} // removes them
	}
	_, err := api.UpdateAlias(ctx, &lambda.UpdateAliasInput{
		FunctionName: &function, Name: &alias, RevisionId: from.revision,
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
	})
	return routingWritten(id, err)
}

// routingWritten says what became of a change of an alias.
func routingWritten(id string, err error) error {
	doing := "alias " + id + ": change its routing"
	if hasCode(err, "PreconditionFailedException", "ResourceConflictException") {
		return fmt.Errorf("%s: %w: %w", doing, errConflict, err)
	}
	return explain(doing, err, "ResourceNotFoundException")
}

// takeRouting removes the weight of our version, if it is the one that we gave it.
func takeRouting(version string, now, before, after routing) (next routing, drift string) {
	weight, ok := now.Weights[version]
	if !ok || weight != after.Weights[version] {
		return now, "its routing was changed to " + text(now)
	}
	next = routing{Version: now.Version, Weights: maps.Clone(now.Weights)}
	delete(next.Weights, version)
	if earlier, ok := before.Weights[version]; ok {
		next.Weights[version] = earlier
	}
	if next.Version != before.Version {
		drift = "it leads to version " + next.Version + " now"
	}
	return next, drift
}

func splitAlias(id string) (function, alias string) {
	i := strings.LastIndexByte(id, ':')
	if i < 0 {
		return id, ""
	}
	return id[:i], id[i+1:]
}

// findAlias is the ARN of an alias.
func findAlias(ctx context.Context, api aliasAPI, name string) (string, error) {
	function, alias := splitAlias(name)
	if alias == "" || function == "" || strings.HasSuffix(function, ":function") || versionNumber.MatchString(alias) {
		return "", &action.Refused{Reason: "target " + name + " is no alias", Tip: "alias: FUNCTION:ALIAS"}
	}
	out, err := api.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &function, Name: &alias})
	err = explain("alias "+name+": look it up", err, "ResourceNotFoundException")
	if errors.Is(err, errGone) {
		return "", missing("alias", name, "this account and region", nil)
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.AliasArn), nil
}

// versionExists asks for the version before anything is armed.
func versionExists(ctx context.Context, api functionFinder, o order) error {
	function, _ := splitAlias(o.ID)
	version := versionIn(o.With)
	_, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function, Qualifier: &version})
	err = explain("function "+function+": look its version "+version+" up", err, "ResourceNotFoundException")
	if errors.Is(err, errGone) {
		return &action.Refused{Reason: "function " + function + " has no version " + version, Tip: "choose one that is published: aws lambda list-versions-by-function"}
	}
	return err
}
