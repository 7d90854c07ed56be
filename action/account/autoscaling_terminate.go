package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// groupTerminateAPI is what the kind needs of Auto Scaling.
type groupTerminateAPI interface {
	groupReader
	TerminateInstanceInAutoScalingGroup(ctx context.Context, in *autoscaling.TerminateInstanceInAutoScalingGroupInput, opts ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error)
}

// autoscalingTerminate terminates some instances of a group, which keeps its size and launches others.
func autoscalingTerminate() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo:     fault.KindInfo{Kind: "autoscaling-terminate", Doc: "Terminate some instances of an Auto Scaling group, which has to replace them", Attributes: share("instances")},
			Target:       scalingGroup(),
			Irreversible: true,
			Check:        oneShare,
		},
		service: "autoscaling",
		open:    func(cfg aws.Config) change { return termination(autoscaling.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"autoscaling:DescribeAutoScalingGroups"}},
				{Resources: []string{id}, Actions: []string{"autoscaling:TerminateInstanceInAutoScalingGroup"}},
			}
		},
	}
}

// members are some instances of a group.
type members struct {
	Instances []string `json:"instances"`
	Of        int      `json:"of"`
	Replaced  bool     `json:"replaced"` // nothing keeps the group from launching others
}

func termination(api groupTerminateAPI) deed[members] {
	return deed[members]{
		what:   "termination of instances",
		lookup: func(ctx context.Context, name string) (string, error) { return findGroup(ctx, api, name) },
		aim: func(ctx context.Context, o order) (members, error) {
			g, err := readGroup(ctx, api, o.ID)
			if err != nil {
				return members{}, err
			}
			serving := inService(g)
			picked, err := pickShare("instances in service", serving, o)
			held := slices.ContainsFunc(g.SuspendedProcesses, func(p types.SuspendedProcess) bool { return aws.ToString(p.ProcessName) == "Launch" })
			return members{Instances: picked, Of: len(serving), Replaced: !held}, err
		},
		say: func(hit members) (string, string) {
			left := "none: the group launches others in their place"
			if !hit.Replaced {
				left = "none, and the group does not replace them: its process Launch is suspended"
			}
			return fmt.Sprintf("terminate %d of its %d instances in service: %s", len(hit.Instances), hit.Of, strings.Join(hit.Instances, ", ")), left
		},
		do: func(ctx context.Context, o order, hit members) error {
			g, err := readGroup(ctx, api, o.ID)
			if err != nil {
				return err
			}
			serving := inService(g)
			for _, instance := range hit.Instances {
				if !slices.Contains(serving, instance) {
					continue // it is gone already
				}
				_, err := api.TerminateInstanceInAutoScalingGroup(ctx, &autoscaling.TerminateInstanceInAutoScalingGroupInput{InstanceId: &instance, ShouldDecrementDesiredCapacity: aws.Bool(false)})
				if err != nil {
					return explain("instance "+instance+": terminate it", err)
				}
			}
			return nil
		},
		seen: func(ctx context.Context, o order, hit members) (bool, error) {
			g, err := readGroup(ctx, api, o.ID)
			if err != nil {
				return false, err
			}
			return len(minus(hit.Instances, inService(g))) == len(hit.Instances), nil
		},
	}
}

// inService are the instances of a group that serve.
func inService(g types.AutoScalingGroup) []string {
	var out []string
	for _, i := range g.Instances {
		if i.LifecycleState == types.LifecycleStateInService {
			out = append(out, aws.ToString(i.InstanceId))
		}
	}
	return out
}
