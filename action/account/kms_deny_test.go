package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/firedrill-dev/firedrill/fault"
)

func keyFixture() fixture {
	id := func(t *testing.T, w world) *string {
		out, err := kms.NewFromConfig(w.cfg).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/orders")})
		if err != nil {
			t.Fatal(err)
		}
		return out.KeyMetadata.KeyId
	}
	f := policyHome{
		arn: func(world) string { return "*" }, action: "kms:*",
		make: func(t *testing.T, w world) {
			api := kms.NewFromConfig(w.cfg)
			out, err := api.CreateKey(t.Context(), &kms.CreateKeyInput{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := api.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/orders"), TargetKeyId: out.KeyMetadata.KeyId}); err != nil {
				t.Fatal(err)
			}
		},
		read: func(t *testing.T, w world) string {
			out, err := kms.NewFromConfig(w.cfg).GetKeyPolicy(t.Context(), &kms.GetKeyPolicyInput{KeyId: id(t, w), PolicyName: aws.String("default")})
			if err != nil {
				t.Fatal(err)
			}
			return *out.Policy
		},
		put: func(t *testing.T, w world, policy string) {
			if _, err := kms.NewFromConfig(w.cfg).PutKeyPolicy(t.Context(), &kms.PutKeyPolicyInput{KeyId: id(t, w), PolicyName: aws.String("default"), Policy: &policy}); err != nil {
				t.Fatal(err)
			}
		},
	}.fixture("kms-deny", "alias/orders", fault.Attributes{})
	f.bare = nil // a key has a policy always
	return f
}
