// Package group finds what a target means that names a group: whatever has a tag, or belongs to a CloudFormation stack;
// and picks some of it.
package group

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/experiment"
)

// Tagged finds the ARNs of the resources of a sort ("dynamodb:table") that have a tag. It needs tag:GetResources.
func Tagged(ctx context.Context, api tagging.GetResourcesAPIClient, sort, key, value string) ([]string, error) {
	pages := tagging.NewGetResourcesPaginator(api, &tagging.GetResourcesInput{
		ResourceTypeFilters: []string{sort}, TagFilters: []taggingtypes.TagFilter{{Key: &key, Values: []string{value}}},
	})
	var out []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("find what has the tag %s=%s (needs tag:GetResources): %w", key, value, err)
		}
		for _, r := range page.ResourceTagMappingList {
			out = append(out, aws.ToString(r.ResourceARN))
		}
	}
	return out, nil
}

// nested bounds how deep stacks lie in stacks.
const nested = 5

// InStack finds the physical ids of the resources of a type ("AWS::DynamoDB::Table") in a CloudFormation stack and those
// nested in it. It needs cloudformation:ListStackResources.
func InStack(ctx context.Context, api cloudformation.ListStackResourcesAPIClient, sort, stack string) ([]string, error) {
	return inStack(ctx, api, sort, stack, nested)
}

func inStack(ctx context.Context, api cloudformation.ListStackResourcesAPIClient, sort, stack string, deep int) ([]string, error) {
	pages := cloudformation.NewListStackResourcesPaginator(api, &cloudformation.ListStackResourcesInput{StackName: &stack})
	var out []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var failed smithy.APIError
		if errors.As(err, &failed) && failed.ErrorCode() == "ValidationError" && strings.Contains(failed.ErrorMessage(), "does not exist") {
			return nil, &Refused{Reason: "there is no stack " + stack + " in this account and region", Tip: "check its spelling, the account and the region"}
		}
		if err != nil {
			return nil, fmt.Errorf("list the resources of stack %s (needs cloudformation:ListStackResources): %w", stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			id := aws.ToString(r.PhysicalResourceId)
			switch {
			case id == "" || r.ResourceStatus == cftypes.ResourceStatusDeleteComplete:
			case aws.ToString(r.ResourceType) == sort:
				out = append(out, id)
			case aws.ToString(r.ResourceType) == "AWS::CloudFormation::Stack" && deep > 0:
				inner, err := inStack(ctx, api, sort, id, deep-1)
				if err != nil {
					return nil, err
				}
				out = append(out, inner...)
			}
		}
	}
	return out, nil
}

// Refused is a group that is no target, with what to do about it.
type Refused struct{ Reason, Tip string }

// Error says what is wrong with it.
func (r *Refused) Error() string { return r.Reason }

// Hint is what to do about it.
func (r *Refused) Hint() string { return r.Tip }

func refused(t experiment.Target, tip, format string, values ...any) error {
	return &Refused{Reason: "target " + t.String() + ": " + fmt.Sprintf(format, values...), Tip: tip}
}

// Pick is the part of a group that a target means: all of it, or as many as count or percent say, at least one and in the
// same way each time; another seed picks others. found may hold things twice. It is an error if the group is empty, or if more
// are left than the target allows.
func Pick(found []string, t experiment.Target, seed uint64) (picked []string, of int, err error) {
	names := slices.Clone(found)
	slices.Sort(names)
	names = slices.Compact(names)
	of = len(names)
	wanted := of
	switch {
	case of == 0:
		return nil, 0, refused(t, "check the spelling, the region and the account", "there are none")
	case t.Count > of:
		return nil, of, refused(t, fmt.Sprintf("count: %d", of), "%d are wanted, and there are %d", t.Count, of)
	case t.Count > 0:
		wanted = t.Count
	case t.Percent > 0:
		wanted = max(1, int(float64(of)*t.Percent/100))
	}
	group := t.Tag != "" || t.Stack != ""
	if most := cmp.Or(t.Max, experiment.MaxTagged); group && wanted > most {
		return nil, of, refused(t, fmt.Sprintf("raise it on purpose: max: %d; or take some of them: count: %d", wanted, most), "%d were found, and at most %d are allowed", wanted, most)
	}
	if wanted < of {
		slices.SortFunc(names, func(a, b string) int { return strings.Compare(lot(a, seed), lot(b, seed)) })
		names = names[:wanted]
		slices.Sort(names)
	}
	return names, of, nil
}

// lot is what a name draws.
func lot(name string, seed uint64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", seed, name))
	return string(sum[:])
}
