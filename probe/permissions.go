package probe

import (
	"strings"

	"github.com/firedrill-dev/firedrill/experiment"
)

// A Permission is one statement of an IAM policy that allows something.
type Permission struct {
	Actions   []string
	Resources []string
}

// everything is the resource of actions that IAM cannot narrow down.
const everything = "*"

// Permissions are what reading a measure needs in its account and region; nil if it needs none there.
func Permissions(m experiment.Measure, region, account string) []Permission {
	if account == "" { // a stand-in for AWS
		account = everything
	}
	switch m.Of {
	case experiment.CloudWatch:
		return []Permission{{[]string{"cloudwatch:GetMetricData"}, []string{everything}}}
	case experiment.AlarmOf:
		return AlarmPermissions()
	case experiment.Invoke:
		function := m.Probe.Lambda
		if !strings.HasPrefix(function, "arn:") {
			function = "arn:" + partition(region) + ":lambda:" + region + ":" + account + ":function:" + function
		}
		return []Permission{{[]string{"lambda:InvokeFunction"}, []string{function}}}
	case experiment.Logs:
		start := Permission{Actions: []string{"logs:StartQuery"}}
		for _, group := range m.Probe.LogGroups {
			start.Resources = append(start.Resources, "arn:"+partition(region)+":logs:"+region+":"+account+":log-group:"+group+":*")
		}
		return []Permission{start, {[]string{"logs:GetQueryResults", "logs:StopQuery"}, []string{everything}}}
	}
	return nil
}

// AlarmPermissions are what reading alarms needs: composite ones are told only to who may see all.
func AlarmPermissions() []Permission {
	return []Permission{{[]string{"cloudwatch:DescribeAlarms"}, []string{everything}}}
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
