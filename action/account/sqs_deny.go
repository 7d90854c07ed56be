package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// queueAPI is what the kind needs of Amazon SQS.
type queueAPI interface {
	GetQueueUrl(ctx context.Context, in *sqs.GetQueueUrlInput, opts ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(ctx context.Context, in *sqs.GetQueueAttributesInput, opts ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	SetQueueAttributes(ctx context.Context, in *sqs.SetQueueAttributesInput, opts ...func(*sqs.Options)) (*sqs.SetQueueAttributesOutput, error)
}

// queueActions is how many actions a statement in a queue's policy may have (Amazon SQS developer guide, "Policy quotas").
const queueActions = 7

// sqsDeny denies the use of a queue by a statement in its policy.
func sqsDeny() kind {
	undo := []string{"sqs:GetQueueUrl", "sqs:GetQueueAttributes", "sqs:SetQueueAttributes"}
	actions := []string{"sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"}
	k := denialKind("sqs-deny", "Deny the use of a queue by its policy", queue(), actions, undo)
	check := k.Check
	k.Check = func(with fault.Attributes) []fault.Problem {
		problems := check(with)
		if n := len(texts(with, "actions")); n > queueActions {
			problems = append(problems, fault.Problem{Field: "actions", Message: fmt.Sprintf("are %d, and Amazon SQS takes %d in a statement", n, queueActions), Hint: "use wildcards"})
		}
		return problems
	}
	k.open = func(cfg aws.Config) change { return queueDenial(sqs.NewFromConfig(cfg), actions).setting() }
	k.needs = func(id string) []action.Permission {
		return []action.Permission{{Resources: []string{id}, Actions: undo}}
	}
	return k
}

func queueDenial(api queueAPI, actions []string) denial {
	read := func(ctx context.Context, id string, attribute types.QueueAttributeName) (url, value string, err error) {
		at, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(queueName(id))})
		if err != nil {
			return "", "", explainQueue(id, "look it up", err)
		}
		out, err := api.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: at.QueueUrl, AttributeNames: []types.QueueAttributeName{attribute}})
		if err != nil {
			return "", "", explainQueue(id, "read its attributes", err)
		}
		return aws.ToString(at.QueueUrl), out.Attributes[string(attribute)], nil
	}
	return denial{
		what: "queue policy",
		lookup: func(ctx context.Context, name string) (string, error) {
			_, id, err := read(ctx, name, types.QueueAttributeNameQueueArn)
			switch {
			case errors.Is(err, errGone):
				return "", missing("queue", queueName(name), "this account and region", nil)
			case err == nil && !meansQueue(name, id):
				return "", &action.Refused{Reason: "queue " + name + " is not in this account and region, where there is " + id, Tip: "say where it is in the target: account: NAME, region: REGION"}
			}
			return id, err
		},
		read: func(ctx context.Context, id string) (policy, revision string, err error) {
			_, policy, err = read(ctx, id, types.QueueAttributeNamePolicy)
			return policy, "", err
		},
		write: func(ctx context.Context, id, policy, _ string) error { // an empty policy is none
			at, err := api.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(queueName(id))})
			if err != nil {
				return explainQueue(id, "look it up", err)
			}
			_, err = api.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: at.QueueUrl, Attributes: map[string]string{string(types.QueueAttributeNamePolicy): policy}})
			return explainQueue(id, "change its policy", err)
		},
		deny:   func(o order) statement { return deniedBy(o, actions, o.ID) },
		limits: policyLimits{size: 8192, spaces: true, statements: 20, source: `Amazon SQS developer guide, "Policy quotas"`},
	}
}

func explainQueue(id, doing string, err error) error {
	return explain("queue "+queueName(id)+": "+doing, err, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
}

// queue is the target of faults on queues.
func queue() experiment.Resource {
	return experiment.Resource{Key: "queue", Doc: "An SQS queue, by name, URL or ARN", Tagged: "sqs", CloudFormation: "AWS::SQS::Queue"}
}

// meansQueue says whether a name, ARN or URL means the queue of an ARN: those elsewhere may have the same name.
func meansQueue(name, id string) bool {
	of, err := arn.Parse(id)
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name == id
	case err != nil || !strings.Contains(name, "/"):
		return err == nil
	}
	_, host, _ := strings.Cut(name, "://")
	return strings.HasSuffix(name, "/"+of.AccountID+"/"+of.Resource) && (!strings.HasPrefix(host, "sqs.") || strings.HasPrefix(host, "sqs."+of.Region+"."))
}

// queueName is the name in an ARN or URL, or the name itself.
func queueName(name string) string { return name[strings.LastIndexAny(name, ":/")+1:] }
