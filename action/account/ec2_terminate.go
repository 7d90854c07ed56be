package account

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// terminateAPI is what the kind needs of EC2.
type terminateAPI interface {
	instanceReader
	protectionReader
	TerminateInstances(ctx context.Context, in *ec2.TerminateInstancesInput, opts ...func(*ec2.Options)) (*ec2.TerminateInstancesOutput, error)
}

// ec2Terminate terminates an instance, for good.
func ec2Terminate() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo:     fault.KindInfo{Kind: "ec2-terminate", Doc: "Terminate an EC2 instance, for good"},
			Target:       instance(),
			Irreversible: true,
		},
		service: "ec2",
		open:    func(cfg aws.Config) change { return terminate(ec2.NewFromConfig(cfg), cfg.Region) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"ec2:DescribeInstances", "ec2:DescribeInstanceAttribute"}},
				{Resources: []string{id}, Actions: []string{"ec2:TerminateInstances"}},
			}
		},
	}
}

// A doomed instance is one that will be terminated.
type doomed struct {
	Group string `json:"group,omitempty"` // the Auto Scaling group that replaces it
}

func terminate(api terminateAPI, region string) deed[doomed] {
	call := func(ctx context.Context, id string, dry bool) error {
		_, err := api.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{ec2ID(id)}, DryRun: &dry})
		return err
	}
	return deed[doomed]{
		what: "termination",
		lookup: func(ctx context.Context, name string) (string, error) {
			_, id, err := findInstance(ctx, api, region, name)
			return id, err
		},
		aim: func(ctx context.Context, o order) (doomed, error) {
			i, err := readInstance(ctx, api, o.ID)
			if err != nil {
				return doomed{}, err
			}
			return doomed{Group: scalingGroupOf(i)}, mustNotBeProtected(ctx, api, o.ID, types.InstanceAttributeNameDisableApiTermination)
		},
		say: func(hit doomed) (string, string) {
			if hit.Group != "" {
				return "terminate it", "none: its Auto Scaling group " + hit.Group + " launches another, unless that is suspended"
			}
			return "terminate it, for good", "none: nothing replaces it"
		},
		do: func(ctx context.Context, o order, _ doomed) error {
			return explain("instance "+ec2ID(o.ID)+": terminate it", call(ctx, o.ID, false))
		},
		seen: func(ctx context.Context, o order, _ doomed) (bool, error) {
			_, err := readInstance(ctx, api, o.ID)
			if errors.Is(err, errGone) {
				return true, nil
			}
			return false, err
		},
		permitted: func(ctx context.Context, o order, _ doomed) error {
			return dryRun("instance "+ec2ID(o.ID)+": terminate it", call(ctx, o.ID, true))
		},
	}
}
