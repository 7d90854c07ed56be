package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

// scalingGroup is the target of faults on Auto Scaling groups. AWS does not list them by tag with other resources.
func scalingGroup() experiment.Resource {
	return experiment.Resource{Key: "auto_scaling_group", Doc: "An Auto Scaling group, by name or ARN", CloudFormation: "AWS::AutoScaling::AutoScalingGroup"}
}

// groupReader looks groups up.
type groupReader interface {
	DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, opts ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
}

// findGroup is the ARN of a group.
func findGroup(ctx context.Context, api groupReader, name string) (string, error) {
	g, err := readGroup(ctx, api, name)
	if errors.Is(err, errGone) {
		return "", missing("Auto Scaling group", groupName(name), "this account and region", nil)
	}
	return aws.ToString(g.AutoScalingGroupARN), err
}

// readGroup reads a group by name or ARN. AWS answers with an empty list where there is none.
func readGroup(ctx context.Context, api groupReader, id string) (types.AutoScalingGroup, error) {
	name := groupName(id)
	out, err := api.DescribeAutoScalingGroups(ctx, &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}})
	if err != nil {
		return types.AutoScalingGroup{}, explain("Auto Scaling group "+name+": look it up", err)
	}
	if len(out.AutoScalingGroups) == 0 {
		return types.AutoScalingGroup{}, fmt.Errorf("group %s: %w", name, errGone)
	}
	return out.AutoScalingGroups[0], nil
}

// groupName is the name in arn:aws:autoscaling:REGION:ACCOUNT:autoScalingGroup:UUID:autoScalingGroupName/NAME.
func groupName(id string) string {
	if _, name, ok := strings.Cut(id, ":autoScalingGroupName/"); ok {
		return name
	}
	return id
}
