package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// instance is the target of faults on instances.
func instance() experiment.Resource {
	return experiment.Resource{Key: "instance", Doc: "An EC2 instance, by id, ARN, or the Name tag that it alone has", Tagged: "ec2:instance", CloudFormation: "AWS::EC2::Instance"}
}

// instanceReader looks instances up.
type instanceReader interface {
	DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, opts ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
}

// findInstance looks an instance up that is there, by id, ARN or name.
func findInstance(ctx context.Context, api instanceReader, region, name string) (found types.Instance, id string, err error) {
	in := &ec2.DescribeInstancesInput{}
	if short := ec2ID(name); strings.HasPrefix(short, "i-") {
		in.InstanceIds = []string{short}
	} else {
		in.Filters = []types.Filter{{Name: aws.String("tag:Name"), Values: []string{name}}}
	}
	out, err := api.DescribeInstances(ctx, in)
	if err != nil && !hasCode(err, "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed") {
		return found, "", explain("instance "+name+": look it up", err)
	}
	n, owner := 0, ""
	if out != nil {
		for _, r := range out.Reservations {
			for _, i := range r.Instances {
				if !ended(i) {
					n, found, owner = n+1, i, aws.ToString(r.OwnerId)
				}
			}
		}
	}
	if err := theOnly("instance", name, n); err != nil {
		return found, "", err
	}
	return found, ec2ARN(region, owner, "instance/"+aws.ToString(found.InstanceId)), nil
}

// readInstance reads an instance that was found before.
func readInstance(ctx context.Context, api instanceReader, id string) (types.Instance, error) {
	out, err := api.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{ec2ID(id)}})
	if err != nil {
		return types.Instance{}, explain("instance "+ec2ID(id)+": look at it", err, "InvalidInstanceID.NotFound")
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			if !ended(i) {
				return i, nil
			}
		}
	}
	return types.Instance{}, fmt.Errorf("instance %s: %w", ec2ID(id), errGone)
}

// ended says that an instance is no more, though EC2 lists it for an hour.
func ended(i types.Instance) bool {
	s := stateOf(i)
	return s == types.InstanceStateNameTerminated || s == types.InstanceStateNameShuttingDown
}

func stateOf(i types.Instance) types.InstanceStateName {
	if i.State == nil {
		return ""
	}
	return i.State.Name
}

// scalingGroupOf is the name of the Auto Scaling group that an instance belongs to, "" if to none.
func scalingGroupOf(i types.Instance) string {
	for _, tag := range i.Tags {
		if aws.ToString(tag.Key) == "aws:autoscaling:groupName" {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}

// mustRun refuses an instance that does not run, or is about to stop.
func mustRun(i types.Instance, id string) error {
	if s := stateOf(i); s != types.InstanceStateNameRunning {
		return &action.Refused{Reason: fmt.Sprintf("instance %s is %s", ec2ID(id), s), Tip: "the fault is for an instance that runs: start it, or wait until it does"}
	}
	return nil
}

// protectionReader tells how an instance is protected.
type protectionReader interface {
	DescribeInstanceAttribute(ctx context.Context, in *ec2.DescribeInstanceAttributeInput, opts ...func(*ec2.Options)) (*ec2.DescribeInstanceAttributeOutput, error)
}

// mustNotBeProtected refuses an instance that is protected from being stopped or terminated.
func mustNotBeProtected(ctx context.Context, api protectionReader, id string, from types.InstanceAttributeName) error {
	short := ec2ID(id)
	out, err := api.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &short, Attribute: from})
	if err != nil {
		return explain("instance "+short+": look whether it is protected", err)
	}
	for _, on := range []*types.AttributeBooleanValue{out.DisableApiStop, out.DisableApiTermination} {
		if on != nil && aws.ToBool(on.Value) {
			return &action.Refused{Reason: fmt.Sprintf("instance %s is protected: its attribute %s is set", short, from), Tip: "choose another, or take the protection away"}
		}
	}
	return nil
}

// dryRun is what EC2's answer to a call says that was not to be carried out.
func dryRun(doing string, err error) error {
	switch {
	case hasCode(err, "DryRunOperation"):
		return nil // it would have been allowed
	case err == nil:
		return errors.New(doing + ": EC2 has not answered as to a dry run")
	}
	return explain(doing, err)
}

// theOnly refuses a name that means nothing, or more than one resource.
func theOnly(what, name string, n int) error {
	switch n {
	case 0:
		return missing(what, name, "this account and region", nil)
	case 1:
		return nil
	}
	return &action.Refused{Reason: fmt.Sprintf("%d %ss are called %s", n, what, name), Tip: "say its id, or aim at several by their tag"}
}

// ec2ID is the last part of arn:aws:ec2:REGION:ACCOUNT:instance/i-123 and the like.
func ec2ID(id string) string { return id[strings.LastIndex(id, "/")+1:] }

// ec2ARN makes an ARN where EC2 tells none.
func ec2ARN(region, account, resource string) string {
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return "arn:" + partition + ":ec2:" + region + ":" + account + ":" + resource
}
