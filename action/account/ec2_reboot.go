package account

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// rebootAPI is what the kind needs of EC2.
type rebootAPI interface {
	instanceReader
	RebootInstances(ctx context.Context, in *ec2.RebootInstancesInput, opts ...func(*ec2.Options)) (*ec2.RebootInstancesOutput, error)
}

// ec2Reboot restarts the operating system of an instance, which comes back by itself.
func ec2Reboot() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo:     fault.KindInfo{Kind: "ec2-reboot", Doc: "Reboot an EC2 instance"},
			Target:       instance(),
			Irreversible: true,
		},
		service: "ec2",
		open:    func(cfg aws.Config) change { return reboot(ec2.NewFromConfig(cfg), cfg.Region) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"ec2:DescribeInstances"}},
				{Resources: []string{id}, Actions: []string{"ec2:RebootInstances"}},
			}
		},
	}
}

// reboot hits nobody but the instance itself, and leaves no trace that EC2 would tell of: the instance stays "running".
func reboot(api rebootAPI, region string) deed[struct{}] {
	call := func(ctx context.Context, id string, dry bool) error {
		_, err := api.RebootInstances(ctx, &ec2.RebootInstancesInput{InstanceIds: []string{ec2ID(id)}, DryRun: &dry})
		return err
	}
	return deed[struct{}]{
		what: "reboot",
		lookup: func(ctx context.Context, name string) (string, error) {
			_, id, err := findInstance(ctx, api, region, name)
			return id, err
		},
		aim: func(ctx context.Context, o order) (struct{}, error) {
			i, err := readInstance(ctx, api, o.ID)
			if err != nil {
				return struct{}{}, err
			}
			return struct{}{}, mustRun(i, o.ID)
		},
		say: func(struct{}) (string, string) {
			return "reboot it", "none: it comes up again by itself, without what was in its memory"
		},
		do: func(ctx context.Context, o order, _ struct{}) error {
			return explain("instance "+ec2ID(o.ID)+": reboot it", call(ctx, o.ID, false))
		},
		permitted: func(ctx context.Context, o order, _ struct{}) error {
			return dryRun("instance "+ec2ID(o.ID)+": reboot it", call(ctx, o.ID, true))
		},
	}
}
