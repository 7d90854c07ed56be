package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func queueFixture() fixture {
	url := func(t *testing.T, w world) *string {
		out, err := sqs.NewFromConfig(w.cfg).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("orders")})
		if err != nil {
			t.Fatal(err)
		}
		return out.QueueUrl
	}
	return policyHome{
		arn: func(w world) string { return "arn:aws:sqs:" + moto.Region + ":" + w.account + ":orders" }, action: "sqs:SendMessage",
		make: func(t *testing.T, w world) {
			if _, err := sqs.NewFromConfig(w.cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("orders")}); err != nil {
				t.Fatal(err)
			}
		},
		read: func(t *testing.T, w world) string {
			out, err := sqs.NewFromConfig(w.cfg).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url(t, w), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNamePolicy}})
			if err != nil {
				t.Fatal(err)
			}
			return out.Attributes["Policy"]
		},
		put: func(t *testing.T, w world, policy string) {
			if _, err := sqs.NewFromConfig(w.cfg).SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url(t, w), Attributes: map[string]string{"Policy": policy}}); err != nil {
				t.Fatal(err)
			}
		},
	}.fixture("sqs-deny", "orders", fault.Attributes{})
}
