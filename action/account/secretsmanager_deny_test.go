package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/firedrill-dev/firedrill/fault"
)

func secretFixture() fixture {
	f := policyHome{
		arn: func(world) string { return "*" }, action: "secretsmanager:GetSecretValue",
		make: func(t *testing.T, w world) {
			if _, err := secretsmanager.NewFromConfig(w.cfg).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("payment-key"), SecretString: aws.String("k")}); err != nil {
				t.Fatal(err)
			}
		},
		read: func(t *testing.T, w world) string {
			out, err := secretsmanager.NewFromConfig(w.cfg).GetResourcePolicy(t.Context(), &secretsmanager.GetResourcePolicyInput{SecretId: aws.String("payment-key")})
			if err != nil {
				t.Fatal(err)
			}
			return aws.ToString(out.ResourcePolicy)
		},
		put: func(t *testing.T, w world, policy string) {
			if _, err := secretsmanager.NewFromConfig(w.cfg).PutResourcePolicy(t.Context(), &secretsmanager.PutResourcePolicyInput{SecretId: aws.String("payment-key"), ResourcePolicy: &policy}); err != nil {
				t.Fatal(err)
			}
		},
	}.fixture("secretsmanager-deny", "payment-key", fault.Attributes{})
	f.unseen = []string{"secretsmanager:DeleteResourcePolicy"}
	return f
}
