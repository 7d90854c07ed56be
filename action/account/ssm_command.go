package account

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/fault"
)

// Commands are what happens inside an instance. AWS Systems Manager runs them there, from documents that AWS itself
// publishes for its Fault Injection Service; the kinds are the list of those that are allowed, and there is no other way to
// name one (AWS FIS user guide, "Use Systems Manager SSM documents with AWS FIS").

// commandAPI is what commands need of Systems Manager.
type commandAPI interface {
	DescribeInstanceInformation(ctx context.Context, in *ssm.DescribeInstanceInformationInput, opts ...func(*ssm.Options)) (*ssm.DescribeInstanceInformationOutput, error)
	SendCommand(ctx context.Context, in *ssm.SendCommandInput, opts ...func(*ssm.Options)) (*ssm.SendCommandOutput, error)
	ListCommands(ctx context.Context, in *ssm.ListCommandsInput, opts ...func(*ssm.Options)) (*ssm.ListCommandsOutput, error)
	CancelCommand(ctx context.Context, in *ssm.CancelCommandInput, opts ...func(*ssm.Options)) (*ssm.CancelCommandOutput, error)
}

// A runnable is a document that may be run.
type runnable struct {
	name string
	// parameters makes the document's own of a kind's attributes.
	parameters func(with fault.Attributes) map[string]string
	// once says that it does one thing and is done: there is nothing to cut short.
	once bool
}

const (
	// undelivered is the seconds after which a command that has not reached its instance will not run; the least there is.
	undelivered = 30
	// cancelling is how long an agent may take to end a command.
	cancelling = 2 * time.Minute
)

// sent is a command to one instance.
type sent struct {
	Document   string              `json:"document"`
	Parameters map[string][]string `json:"parameters"`
}

// needs are the permissions for a document.
func (d runnable) needs(id string) []action.Permission {
	region := ""
	if parts := strings.Split(id, ":"); len(parts) > 3 {
		region = parts[3]
	}
	partition := strings.SplitN(ec2ARN(region, "", ""), ":", 3)[1]
	list := []string{"ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "ssm:ListCommands"}
	if !d.once {
		list = append(list, "ssm:CancelCommand")
	}
	return []action.Permission{
		{Resources: []string{"*"}, Actions: list},
		{Resources: []string{id, "arn:" + partition + ":ssm:" + region + "::document/" + d.name}, Actions: []string{"ssm:SendCommand"}},
	}
}

func (d runnable) open(cfg aws.Config) change {
	return command(d, ec2.NewFromConfig(cfg), ssm.NewFromConfig(cfg), cfg.Region)
}

func command(d runnable, instances instanceReader, api commandAPI, region string) deed[sent] {
	out := deed[sent]{
		what: "command",
		lookup: func(ctx context.Context, name string) (string, error) {
			_, id, err := findInstance(ctx, instances, region, name)
			return id, err
		},
		aim: func(ctx context.Context, o order) (sent, error) {
			hit := sent{Document: d.name, Parameters: map[string][]string{}}
			for name, value := range d.parameters(o.With) {
				hit.Parameters[name] = []string{value}
			}
			return hit, mustListen(ctx, api, ec2ID(o.ID))
		},
		say: func(hit sent) (string, string) {
			left := "cancel the command; it ends after " + firstOf(hit.Parameters["DurationSeconds"]) + " s in any case"
			if d.once {
				left = "none: what was ended stays so, unless something starts it again"
			}
			return "run " + d.name + " with " + text(hit.Parameters), left
		},
		do: func(ctx context.Context, o order, hit sent) error {
			before, err := commandsOf(ctx, api, o, hit)
			if err != nil || len(before) > 0 {
				return err // it was sent, and only the reply was lost
			}
			_, err = api.SendCommand(ctx, &ssm.SendCommandInput{
				DocumentName: &hit.Document, Parameters: hit.Parameters, InstanceIds: []string{ec2ID(o.ID)}, Comment: aws.String(comment(o)), TimeoutSeconds: aws.Int32(undelivered),
			})
			return explain("instance "+ec2ID(o.ID)+": run "+hit.Document, err)
		},
		seen: func(ctx context.Context, o order, hit sent) (bool, error) { return began(ctx, api, o, hit) },
	}
	if !d.once {
		out.cancel = func(ctx context.Context, o order, hit sent) error { return cancelCommands(ctx, api, o, hit) }
	}
	return out
}

// mustListen refuses an instance whose agent could not run a command.
func mustListen(ctx context.Context, api commandAPI, instance string) error {
	out, err := api.DescribeInstanceInformation(ctx, &ssm.DescribeInstanceInformationInput{Filters: []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: []string{instance}}}})
	switch {
	case err != nil:
		return explain("instance "+instance+": ask whether its SSM agent listens", err)
	case len(out.InstanceInformationList) == 0:
		return &action.Refused{Reason: "instance " + instance + " has no SSM agent that AWS Systems Manager knows", Tip: "install the agent, and give the instance's role the policy AmazonSSMManagedInstanceCore"}
	}
	switch i := out.InstanceInformationList[0]; {
	case i.PingStatus != types.PingStatusOnline:
		return &action.Refused{Reason: fmt.Sprintf("instance %s: its SSM agent is %s", instance, i.PingStatus), Tip: "see that the instance runs and reaches AWS Systems Manager"}
	case i.PlatformType != types.PlatformTypeLinux:
		return &action.Refused{Reason: fmt.Sprintf("instance %s runs %s", instance, i.PlatformType), Tip: "AWS has these documents for Linux only"}
	}
	return nil
}

// comment tells the commands of a condition from all others, for whoever has to find them again. It is at most 100 long.
func comment(o order) string {
	return fmt.Sprintf("firedrill %s %x", o.Run, sha256.Sum256([]byte(o.Condition)))[:min(100, len("firedrill ")+len(o.Run)+1+16)]
}

// commandsOf are a condition's commands to an instance.
func commandsOf(ctx context.Context, api commandAPI, o order, hit sent) ([]types.Command, error) {
	instance := ec2ID(o.ID)
	var out []types.Command
	pages := ssm.NewListCommandsPaginator(api, &ssm.ListCommandsInput{InstanceId: &instance, Filters: []types.CommandFilter{{Key: types.CommandFilterKeyDocumentName, Value: &hit.Document}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("instance "+instance+": list its commands", err)
		}
		for _, c := range page.Commands {
			if aws.ToString(c.Comment) == comment(o) {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// began says whether the command runs, or has run. It is an error if it could not.
func began(ctx context.Context, api commandAPI, o order, hit sent) (bool, error) {
	list, err := commandsOf(ctx, api, o, hit)
	for _, c := range list {
		switch c.Status {
		case types.CommandStatusInProgress, types.CommandStatusSuccess:
			return true, err
		case types.CommandStatusFailed, types.CommandStatusTimedOut, types.CommandStatusCancelled:
			return false, &action.Refused{Reason: fmt.Sprintf("instance %s: %s has ended: %s", ec2ID(o.ID), hit.Document, cmp.Or(aws.ToString(c.StatusDetails), string(c.Status))),
				Tip: "see the output of command " + aws.ToString(c.CommandId) + " in AWS Systems Manager; if tools are missing, say install: true"}
		}
	}
	return false, err
}

// cancelCommands cancels what still runs, and waits until it has ended. A command that was sent just now may be listed late.
func cancelCommands(ctx context.Context, api commandAPI, o order, hit sent) error {
	asked := map[string]bool{}
	for looked := false; ; {
		list, err := commandsOf(ctx, api, o, hit)
		if err != nil {
			return err
		}
		live := slices.DeleteFunc(list, func(c types.Command) bool {
			return !slices.Contains([]types.CommandStatus{types.CommandStatusPending, types.CommandStatusInProgress, types.CommandStatusCancelling}, c.Status)
		})
		if len(live) == 0 && (len(list) > 0 || looked) {
			return nil
		}
		looked = true
		for _, c := range live {
			id := aws.ToString(c.CommandId)
			if asked[id] || c.Status == types.CommandStatusCancelling {
				continue
			}
			if _, err := api.CancelCommand(ctx, &ssm.CancelCommandInput{CommandId: &id}); err != nil {
				return explain("command "+id+": cancel it", err)
			}
			asked[id] = true
		}
		if pause(ctx, lateness) != nil {
			return fmt.Errorf("instance %s: %s was cancelled, but still runs; it ends by itself", ec2ID(o.ID), hit.Document)
		}
	}
}

func firstOf(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
