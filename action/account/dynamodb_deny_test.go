package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func tablePolicyFixture() fixture {
	arn := func(w world) string { return "arn:aws:dynamodb:" + moto.Region + ":" + w.account + ":table/orders" }
	f := policyHome{
		arn: arn, action: "dynamodb:GetItem",
		make: func(t *testing.T, w world) { makeTable(t, w, types.BillingModePayPerRequest) },
		read: func(t *testing.T, w world) string {
			out, err := dynamodb.NewFromConfig(w.cfg).GetResourcePolicy(t.Context(), &dynamodb.GetResourcePolicyInput{ResourceArn: aws.String(arn(w))})
			if hasCode(err, "PolicyNotFoundException") {
				return ""
			}
			if err != nil {
				t.Fatal(err)
			}
			return *out.Policy
		},
		put: func(t *testing.T, w world, policy string) {
			if _, err := dynamodb.NewFromConfig(w.cfg).PutResourcePolicy(t.Context(), &dynamodb.PutResourcePolicyInput{ResourceArn: aws.String(arn(w)), Policy: &policy}); err != nil {
				t.Fatal(err)
			}
		},
	}.fixture("dynamodb-deny", "orders", fault.Attributes{})
	f.unseen = []string{"dynamodb:DeleteResourcePolicy"}
	return f
}
