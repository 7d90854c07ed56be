package account

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// processesAPI is what the kind needs of Auto Scaling.
type processesAPI interface {
	groupReader
	SuspendProcesses(ctx context.Context, in *autoscaling.SuspendProcessesInput, opts ...func(*autoscaling.Options)) (*autoscaling.SuspendProcessesOutput, error)
	ResumeProcesses(ctx context.Context, in *autoscaling.ResumeProcessesInput, opts ...func(*autoscaling.Options)) (*autoscaling.ResumeProcessesOutput, error)
}

// processes of a group (Amazon EC2 Auto Scaling user guide, "Suspend and resume Amazon EC2 Auto Scaling processes").
var processes = [...]string{"Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck", "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions"}

// autoscalingSuspend lets a group do no more what keeps it healthy or at its size.
func autoscalingSuspend() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "autoscaling-suspend", Doc: "Suspend processes of an Auto Scaling group, such as the launch of instances",
				Attributes: []fault.Attribute{{Name: "processes", Type: fault.TypeTexts, Values: processes[:], Doc: "which of them; default: Launch"}},
			},
			Target: scalingGroup(),
		},
		service: "autoscaling",
		open:    func(cfg aws.Config) change { return suspended(autoscaling.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"autoscaling:DescribeAutoScalingGroups"}},
				{Resources: []string{id}, Actions: []string{"autoscaling:SuspendProcesses", "autoscaling:ResumeProcesses"}},
			}
		},
	}
}

// suspended are the processes of a group that are suspended, in order.
func suspended(api processesAPI) setting[[]string] {
	return setting[[]string]{
		what:   "list of suspended processes",
		lookup: func(ctx context.Context, name string) (string, error) { return findGroup(ctx, api, name) },
		read: func(ctx context.Context, id string) ([]string, error) {
			g, err := readGroup(ctx, api, id)
			out := []string{}
			for _, p := range g.SuspendedProcesses {
				out = append(out, aws.ToString(p.ProcessName))
			}
			slices.Sort(out)
			return out, err
		},
		want: func(now []string, o order) ([]string, error) {
			wanted, _ := o.With["processes"].([]string)
			if len(wanted) == 0 {
				wanted = []string{"Launch"}
			}
			after := slices.Concat(now, wanted)
			slices.Sort(after)
			return slices.Compact(after), nil
		},
		write: func(ctx context.Context, id string, from, to []string) error {
			name := groupName(id)
			// Without a list, both calls mean every process.
			if more := minus(to, from); len(more) > 0 {
				if _, err := api.SuspendProcesses(ctx, &autoscaling.SuspendProcessesInput{AutoScalingGroupName: &name, ScalingProcesses: more}); err != nil {
					return explain("Auto Scaling group "+name+": suspend processes", err)
				}
			}
			if less := minus(from, to); len(less) > 0 {
				if _, err := api.ResumeProcesses(ctx, &autoscaling.ResumeProcessesInput{AutoScalingGroupName: &name, ScalingProcesses: less}); err != nil {
					return explain("Auto Scaling group "+name+": resume processes", err)
				}
			}
			return nil
		},
		say: func(before, after []string) (string, string) {
			ours := strings.Join(minus(after, before), ", ")
			return "suspend " + ours, "resume " + ours
		},
		take: func(now, before, after []string) ([]string, string) {
			return minus(now, minus(after, before)), othersChanged(now, after)
		},
		holds:   func(now, after []string) bool { return len(minus(after, now)) == 0 },
		effects: true, // there is no writing of what is there: a process is suspended or resumed
	}
}
