package account

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/group"
	"github.com/firedrill-dev/firedrill/experiment"
)

// expand is the names that a condition's target means; of is the size of the group that they were picked from, 0 if each
// was named.
func (f *Factory) expand(ctx context.Context, k kind, c experiment.Condition, run string) (names []string, of int, err error) {
	t := c.Target
	var found []string
	switch {
	case t.Tag != "":
		found, err = f.tagged(ctx, k, t, run)
	case t.Stack != "":
		found, err = f.inStack(ctx, k, t, run)
	case t.Lambda != "":
		found = []string{t.Lambda}
	case len(t.Functions) > 0:
		found = t.Functions
	default:
		found = t.Resources
	}
	if err != nil {
		return nil, 0, err
	}
	names, of, err = group.Pick(found, t, c.Seed)
	if err == nil && t.Tag == "" && t.Stack == "" && len(names) == of {
		return found, 0, nil // in the order in which they were named
	}
	return names, of, err
}

func (f *Factory) tagged(ctx context.Context, k kind, t experiment.Target, run string) ([]string, error) {
	key, value, _ := strings.Cut(t.Tag, "=")
	if k.Target.Tagged == "" {
		return nil, &action.Refused{Reason: fmt.Sprintf("target tag %s: AWS does not list what %s changes by tag", t.Tag, k.Kind.Kind), Tip: "name them: " + k.Target.Key + ": [NAME, NAME]"}
	}
	const service = "resource_groups_tagging_api"
	at, err := f.deps.Place(ctx, service, t.Assume, t.Region)
	if err != nil {
		return nil, err
	}
	cfg, err := f.deps.Config(ctx, service, at, run)
	if err != nil {
		return nil, err
	}
	return group.Tagged(ctx, tagging.NewFromConfig(cfg), k.Target.Tagged, key, value)
}

func (f *Factory) inStack(ctx context.Context, k kind, t experiment.Target, run string) ([]string, error) {
	if k.Target.CloudFormation == "" {
		return nil, &action.Refused{Reason: fmt.Sprintf("target stack %s: what %s changes is no resource of a stack", t.Stack, k.Kind.Kind), Tip: "name it: " + k.Target.Key + ": NAME"}
	}
	at, err := f.deps.Place(ctx, "cloudformation", t.Assume, t.Region)
	if err != nil {
		return nil, err
	}
	cfg, err := f.deps.Config(ctx, "cloudformation", at, run)
	if err != nil {
		return nil, err
	}
	return group.InStack(ctx, cloudformation.NewFromConfig(cfg), k.Target.CloudFormation, t.Stack)
}
