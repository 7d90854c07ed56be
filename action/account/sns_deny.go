package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// topicAPI is what the kind needs of Amazon SNS.
type topicAPI interface {
	ListTopics(ctx context.Context, in *sns.ListTopicsInput, opts ...func(*sns.Options)) (*sns.ListTopicsOutput, error)
	GetTopicAttributes(ctx context.Context, in *sns.GetTopicAttributesInput, opts ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error)
	SetTopicAttributes(ctx context.Context, in *sns.SetTopicAttributesInput, opts ...func(*sns.Options)) (*sns.SetTopicAttributesOutput, error)
}

// snsDeny denies the use of a topic by a statement in its policy.
func snsDeny() kind {
	undo, actions := []string{"sns:GetTopicAttributes", "sns:SetTopicAttributes"}, []string{"sns:Publish"}
	k := denialKind("sns-deny", "Deny the use of a topic by its policy", topic(), actions, undo)
	check := k.Check
	k.Check = func(with fault.Attributes) []fault.Problem { return append(check(with), checkTopicActions(with)...) }
	k.open = func(cfg aws.Config) change { return topicDenial(sns.NewFromConfig(cfg), actions).setting() }
	k.needs = func(id string) []action.Permission {
		return []action.Permission{
			{Resources: []string{id}, Actions: undo},
			{Resources: []string{"*"}, Actions: []string{"sns:ListTopics"}}, // to find a topic by its name
		}
	}
	return k
}

// checkTopicActions finds actions that a topic's policy cannot deny (Amazon SNS developer guide, "Valid Amazon SNS policy
// actions").
func checkTopicActions(with fault.Attributes) []fault.Problem {
	valid := []string{"sns:Publish", "sns:Subscribe", "sns:ListSubscriptionsByTopic", "sns:ListTagsForResource", "sns:AddPermission",
		"sns:RemovePermission", "sns:DeleteTopic", "sns:GetDataProtectionPolicy", "sns:PutDataProtectionPolicy"}
	var out []fault.Problem
	for _, name := range texts(with, "actions") {
		if !slices.ContainsFunc(valid, func(v string) bool { return strings.EqualFold(v, name) }) {
			out = append(out, fault.Problem{Field: "actions", Value: name, Message: "cannot be denied by the policy of a topic", Hint: "one of " + strings.Join(valid, ", ")})
		}
	}
	return out
}

func topicDenial(api topicAPI, actions []string) denial {
	read := func(ctx context.Context, id string) (string, string, error) {
		out, err := api.GetTopicAttributes(ctx, &sns.GetTopicAttributesInput{TopicArn: &id})
		if err != nil {
			return "", "", explain("topic "+id+": read its policy", err, "NotFound", "NotFoundException")
		}
		return out.Attributes["Policy"], "", nil
	}
	return denial{
		what: "topic policy",
		lookup: func(ctx context.Context, name string) (string, error) {
			arn, err := topicARN(ctx, api, name)
			if err != nil {
				return "", err
			}
			if _, _, err = read(ctx, arn); errors.Is(err, errGone) {
				return "", missing("topic", name, "this account and region", nil)
			}
			return arn, err
		},
		read: read,
		write: func(ctx context.Context, id, policy, _ string) error {
			if policy == "" {
				return fmt.Errorf("topic %s: it has a policy always, and would have none", id)
			}
			_, err := api.SetTopicAttributes(ctx, &sns.SetTopicAttributesInput{TopicArn: &id, AttributeName: aws.String("Policy"), AttributeValue: &policy})
			return explain("topic "+id+": change its policy", err, "NotFound", "NotFoundException")
		},
		deny:   func(o order) statement { return deniedBy(o, actions, o.ID) },
		limits: policyLimits{size: 30 << 10, spaces: true, statements: 100, source: `Amazon SNS developer guide, "Policy quotas"`},
	}
}

// topicARN is the ARN of the topic of a name.
func topicARN(ctx context.Context, api topicAPI, name string) (string, error) {
	if strings.HasPrefix(name, "arn:") {
		return name, nil
	}
	pages := sns.NewListTopicsPaginator(api, &sns.ListTopicsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", explain("topic "+name+": look it up", err)
		}
		for _, t := range page.Topics {
			if strings.HasSuffix(aws.ToString(t.TopicArn), ":"+name) {
				return *t.TopicArn, nil
			}
		}
	}
	return "", missing("topic", name, "this account and region", nil)
}

// topic is the target of faults on topics.
func topic() experiment.Resource {
	return experiment.Resource{Key: "topic", Doc: "An SNS topic, by name or ARN", Tagged: "sns", CloudFormation: "AWS::SNS::Topic"}
}
