package account

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	asg "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// powerAPI is what the kind needs of EC2.
type powerAPI interface {
	instanceReader
	protectionReader
	StopInstances(ctx context.Context, in *ec2.StopInstancesInput, opts ...func(*ec2.Options)) (*ec2.StopInstancesOutput, error)
	StartInstances(ctx context.Context, in *ec2.StartInstancesInput, opts ...func(*ec2.Options)) (*ec2.StartInstancesOutput, error)
}

// stopping is how long an instance may take to stop, before it can be started again. Most need less than a minute.
const stopping = 10 * time.Minute

// startPause is between looks at an instance that is to start.
const startPause = 500 * time.Millisecond

// ec2Stop stops an instance, and starts it again.
func ec2Stop() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "ec2-stop", Doc: "Stop an EC2 instance, and start it again",
				Attributes: []fault.Attribute{{Name: "force", Type: fault.TypeFlag, Doc: "true: its file systems are not flushed, as when the power fails; default false"}},
			},
			Target: instance(),
		},
		service: "ec2",
		undo:    stopping,
		open: func(cfg aws.Config) change {
			return power(ec2.NewFromConfig(cfg), autoscaling.NewFromConfig(cfg), cfg.Region)
		},
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "autoscaling:DescribeAutoScalingGroups"}},
				{Resources: []string{id}, Actions: []string{"ec2:StopInstances", "ec2:StartInstances"}},
			}
		},
	}
}

// A wanted power is what an instance was told last; how far it has come does not matter.
type wantedPower struct {
	On    bool `json:"on"`
	Force bool `json:"force,omitempty"` // how it is switched off
}

func power(api powerAPI, groups groupReader, region string) setting[wantedPower] {
	return setting[wantedPower]{
		what: "power",
		lookup: func(ctx context.Context, name string) (string, error) {
			i, id, err := findInstance(ctx, api, region, name)
			if err != nil {
				return "", err
			}
			return id, canStop(ctx, api, groups, i, id)
		},
		read: func(ctx context.Context, id string) (wantedPower, error) {
			i, err := readInstance(ctx, api, id)
			s := stateOf(i)
			return wantedPower{On: s == types.InstanceStateNameRunning || s == types.InstanceStateNamePending}, err
		},
		want: func(_ wantedPower, o order) (wantedPower, error) {
			force, _ := o.With["force"].(bool)
			return wantedPower{Force: force}, nil
		},
		write: func(ctx context.Context, id string, _, to wantedPower) error {
			if to.On {
				return start(ctx, api, id)
			}
			_, err := api.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{ec2ID(id)}, Force: &to.Force})
			return explain("instance "+ec2ID(id)+": stop it", err, "InvalidInstanceID.NotFound")
		},
		say: func(_, after wantedPower) (string, string) {
			how := ""
			if after.Force {
				how = " by force"
			}
			return "stop it" + how, "start it; its memory, instance store volumes and automatic public address are not what they were"
		},
		equal: func(a, b wantedPower) bool { return a.On == b.On },
	}
}

// start starts an instance, and waits until it runs: AWS may find only later that it has no capacity for it. One that is
// still stopping cannot be started before it has stopped.
func start(ctx context.Context, api powerAPI, id string) error {
	doing := "instance " + ec2ID(id) + ": start it"
	for started := false; ; {
		if !started {
			_, err := api.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{ec2ID(id)}})
			if err != nil && !hasCode(err, "IncorrectInstanceState") {
				return explain(doing, err, "InvalidInstanceID.NotFound")
			}
			started = err == nil
		}
		i, err := readInstance(ctx, api, id)
		switch {
		case err != nil:
			return err
		case stateOf(i) == types.InstanceStateNameRunning:
			return nil
		case started && stateOf(i) == types.InstanceStateNameStopped && i.StateReason != nil:
			return fmt.Errorf("%s: it stopped again: %s", doing, aws.ToString(i.StateReason.Message))
		}
		if pause(ctx, startPause) != nil {
			return fmt.Errorf("%s: it is still %s", doing, stateOf(i))
		}
	}
}

// canStop refuses what could not be stopped, or not be started again, or would be replaced.
func canStop(ctx context.Context, api protectionReader, groups groupReader, i types.Instance, id string) error {
	short := ec2ID(id)
	switch {
	case i.InstanceLifecycle == types.InstanceLifecycleTypeSpot:
		return &action.Refused{Reason: "instance " + short + " is a spot instance", Tip: "AWS may never start it again: choose an on-demand instance, or ec2-terminate"}
	case i.RootDeviceType == types.DeviceTypeInstanceStore:
		return &action.Refused{Reason: "instance " + short + " has its root volume in the instance store", Tip: "such an instance cannot be stopped: choose another, or ec2-reboot"}
	}
	if err := mustRun(i, id); err != nil {
		return err
	}
	if name := scalingGroupOf(i); name != "" {
		g, err := readGroup(ctx, groups, name)
		if err != nil {
			return err
		}
		if !spares(g, short) {
			return &action.Refused{Reason: fmt.Sprintf("instance %s belongs to the Auto Scaling group %s, which would terminate and replace it", short, name),
				Tip: "put it in standby, suspend the group's process HealthCheck or ReplaceUnhealthy before, or choose autoscaling-terminate"}
		}
	}
	return mustNotBeProtected(ctx, api, id, types.InstanceAttributeNameDisableApiStop)
}

// spares says that a group leaves an instance alone that does not run.
func spares(g asg.AutoScalingGroup, instance string) bool {
	return slices.ContainsFunc(g.SuspendedProcesses, func(p asg.SuspendedProcess) bool {
		name := aws.ToString(p.ProcessName)
		return name == "HealthCheck" || name == "ReplaceUnhealthy"
	}) || slices.ContainsFunc(g.Instances, func(i asg.Instance) bool {
		return aws.ToString(i.InstanceId) == instance && i.LifecycleState == asg.LifecycleStateStandby
	})
}
