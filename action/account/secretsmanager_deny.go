package account

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// secretAPI is what the kind needs of AWS Secrets Manager; it never reads a secret.
type secretAPI interface {
	GetResourcePolicy(ctx context.Context, in *secretsmanager.GetResourcePolicyInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.GetResourcePolicyOutput, error)
	PutResourcePolicy(ctx context.Context, in *secretsmanager.PutResourcePolicyInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.PutResourcePolicyOutput, error)
	DeleteResourcePolicy(ctx context.Context, in *secretsmanager.DeleteResourcePolicyInput, opts ...func(*secretsmanager.Options)) (*secretsmanager.DeleteResourcePolicyOutput, error)
}

// secretsmanagerDeny denies the use of a secret by a statement in its policy.
func secretsmanagerDeny() kind {
	undo := []string{"secretsmanager:GetResourcePolicy", "secretsmanager:PutResourcePolicy", "secretsmanager:DeleteResourcePolicy"}
	actions := []string{"secretsmanager:GetSecretValue"}
	k := denialKind("secretsmanager-deny", "Deny the use of a secret by its policy", secret(), actions, undo)
	k.service = "secrets_manager"
	k.open = func(cfg aws.Config) change { return secretDenial(secretsmanager.NewFromConfig(cfg), actions).setting() }
	k.needs = func(id string) []action.Permission {
		return []action.Permission{{Resources: []string{id}, Actions: undo}}
	}
	return k
}

func secretDenial(api secretAPI, actions []string) denial {
	read := func(ctx context.Context, id string) (*secretsmanager.GetResourcePolicyOutput, error) {
		out, err := api.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &id})
		return out, explain("secret "+id+": read its policy", err, "ResourceNotFoundException")
	}
	return denial{
		what: "resource policy",
		lookup: func(ctx context.Context, name string) (string, error) {
			out, err := read(ctx, name)
			switch {
			case errors.Is(err, errGone):
				return "", missing("secret", name, "this account and region", nil)
			case err != nil:
				return "", err
			}
			return aws.ToString(out.ARN), nil
		},
		read: func(ctx context.Context, id string) (string, string, error) {
			out, err := read(ctx, id)
			if err != nil {
				return "", "", err
			}
			return aws.ToString(out.ResourcePolicy), "", nil
		},
		write: func(ctx context.Context, id, policy, _ string) error {
			var err error
			if policy == "" {
				_, err = api.DeleteResourcePolicy(ctx, &secretsmanager.DeleteResourcePolicyInput{SecretId: &id})
			} else {
				_, err = api.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: &id, ResourcePolicy: &policy})
			}
			return explain("secret "+id+": change its policy", err, "ResourceNotFoundException")
		},
		deny:   func(o order) statement { return deniedBy(o, actions, "*") }, // in a secret's policy that is the secret
		limits: policyLimits{size: 20480, spaces: true, source: `AWS Secrets Manager user guide, "Quotas": a resource policy has at most 20,480 characters`},
	}
}

// secret is the target of faults on secrets.
func secret() experiment.Resource {
	return experiment.Resource{Key: "secret", Doc: "A secret of Secrets Manager, by name or ARN", Tagged: "secretsmanager:secret", CloudFormation: "AWS::SecretsManager::Secret"}
}
