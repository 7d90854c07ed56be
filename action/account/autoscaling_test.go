package account

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// anImage is one that moto knows from the start.
const anImage = "ami-12c6146b"

// makeScalingGroup makes a group of four instances, with one process suspended.
func makeScalingGroup(t *testing.T, w world) {
	t.Helper()
	api := autoscaling.NewFromConfig(w.cfg)
	if _, err := api.CreateLaunchConfiguration(t.Context(), &autoscaling.CreateLaunchConfigurationInput{LaunchConfigurationName: aws.String("shop"), ImageId: aws.String(anImage), InstanceType: aws.String("t3.micro")}); err != nil {
		t.Fatal(err)
	}
	_, err := api.CreateAutoScalingGroup(t.Context(), &autoscaling.CreateAutoScalingGroupInput{
		AutoScalingGroupName: aws.String("shop"), LaunchConfigurationName: aws.String("shop"), AvailabilityZones: []string{w.cfg.Region + "a"},
		MinSize: aws.Int32(1), MaxSize: aws.Int32(8), DesiredCapacity: aws.Int32(4),
	})
	if err != nil {
		t.Fatal(err)
	}
	suspendProcess(t, w, "AZRebalance")
}

func suspendProcess(t *testing.T, w world, name string) {
	t.Helper()
	if _, err := autoscaling.NewFromConfig(w.cfg).SuspendProcesses(t.Context(), &autoscaling.SuspendProcessesInput{AutoScalingGroupName: aws.String("shop"), ScalingProcesses: []string{name}}); err != nil {
		t.Fatal(err)
	}
}

func scalingGroupNow(t *testing.T, w world) types.AutoScalingGroup {
	t.Helper()
	g, err := readGroup(t.Context(), autoscaling.NewFromConfig(w.cfg), "shop")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func autoscalingSuspendFixture() fixture {
	return fixture{
		kind: "autoscaling-suspend", target: experiment.Target{Resources: []string{"shop"}}, with: fault.Attributes{"processes": []string{"Launch", "HealthCheck", "AZRebalance"}},
		setup: makeScalingGroup,
		state: func(t *testing.T, w world) any {
			g := scalingGroupNow(t, w)
			var names []string
			for _, p := range g.SuspendedProcesses {
				names = append(names, *p.ProcessName)
			}
			slices.Sort(names) // moto lists them in any order
			return []any{names, len(g.Instances), g.DesiredCapacity, g.MinSize, g.MaxSize}
		},
		edit:   func(t *testing.T, w world) { suspendProcess(t, w, "ScheduledActions") },
		beside: func(t *testing.T, w world) { suspendProcess(t, w, "ScheduledActions") },
	}
}

func autoscalingTerminateFixture() fixture {
	return fixture{
		kind: "autoscaling-terminate", target: experiment.Target{Resources: []string{"shop"}}, with: fault.Attributes{"percent": 50.0},
		setup: makeScalingGroup, stays: true,
		state: func(t *testing.T, w world) any { return inService(scalingGroupNow(t, w)) },
	}
}
