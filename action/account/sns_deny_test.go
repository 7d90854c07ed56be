package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func topicFixture() fixture {
	arn := func(w world) string { return "arn:aws:sns:" + moto.Region + ":" + w.account + ":purchases" }
	f := policyHome{
		arn: arn, action: "sns:Publish",
		make: func(t *testing.T, w world) {
			if _, err := sns.NewFromConfig(w.cfg).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("purchases")}); err != nil {
				t.Fatal(err)
			}
		},
		read: func(t *testing.T, w world) string {
			out, err := sns.NewFromConfig(w.cfg).GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: aws.String(arn(w))})
			if err != nil {
				t.Fatal(err)
			}
			return out.Attributes["Policy"]
		},
		put: func(t *testing.T, w world, policy string) {
			if _, err := sns.NewFromConfig(w.cfg).SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{TopicArn: aws.String(arn(w)), AttributeName: aws.String("Policy"), AttributeValue: &policy}); err != nil {
				t.Fatal(err)
			}
		},
	}.fixture("sns-deny", "purchases", fault.Attributes{})
	f.bare = nil // SNS gives each topic a policy
	return f
}
