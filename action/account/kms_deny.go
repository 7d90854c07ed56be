package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// keyAPI is what the kind needs of AWS KMS.
type keyAPI interface {
	DescribeKey(ctx context.Context, in *kms.DescribeKeyInput, opts ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
	GetKeyPolicy(ctx context.Context, in *kms.GetKeyPolicyInput, opts ...func(*kms.Options)) (*kms.GetKeyPolicyOutput, error)
	PutKeyPolicy(ctx context.Context, in *kms.PutKeyPolicyInput, opts ...func(*kms.Options)) (*kms.PutKeyPolicyOutput, error)
}

// kmsDeny denies the use of a key by a statement in its policy. Whoever may change the policy may still: a key whose
// policy nobody can change is lost.
func kmsDeny() kind {
	undo := []string{"kms:GetKeyPolicy", "kms:PutKeyPolicy"}
	actions := []string{"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"}
	k := denialKind("kms-deny", "Deny the use of a key by its policy", key(), actions, undo)
	k.open = func(cfg aws.Config) change { return keyDenial(kms.NewFromConfig(cfg), actions).setting() }
	k.needs = func(id string) []action.Permission {
		return []action.Permission{{Resources: []string{id}, Actions: append(undo, "kms:DescribeKey")}}
	}
	return k
}

// keyPolicy is the name of the one policy that a key has.
const keyPolicy = "default"

func keyDenial(api keyAPI, actions []string) denial {
	return denial{
		what: "key policy",
		lookup: func(ctx context.Context, name string) (string, error) {
			out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &name})
			if err != nil {
				err = explain("key "+name+": look it up", err, "NotFoundException")
				if errors.Is(err, errGone) {
					return "", missing("key", name, "this account and region", nil)
				}
				return "", err
			}
			k := out.KeyMetadata
			if k.KeyManager == types.KeyManagerTypeAws {
				return "", &action.Refused{Reason: "key " + name + " is managed by AWS: nobody can change its policy", Tip: "choose a key of your own, or deny its use to a role: fault iam-deny"}
			}
			if k.KeyState != types.KeyStateEnabled {
				return "", &action.Refused{Reason: fmt.Sprintf("key %s is %s: it cannot be used anyway", name, k.KeyState), Tip: "a fault that changes nothing proves nothing"}
			}
			return aws.ToString(k.Arn), nil
		},
		read: func(ctx context.Context, id string) (string, string, error) {
			out, err := api.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id, PolicyName: aws.String(keyPolicy)})
			if err != nil {
				return "", "", explain("key "+id+": read its policy", err, "NotFoundException")
			}
			return aws.ToString(out.Policy), "", nil
		},
		write: func(ctx context.Context, id, policy, _ string) error {
			if policy == "" {
				return fmt.Errorf("key %s: it has a policy always, and would have none", id)
			}
			// AWS's own check, that the policy can be changed again by whoever puts it there, stays on.
			_, err := api.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id, PolicyName: aws.String(keyPolicy), Policy: &policy})
			return explain("key "+id+": change its policy", err, "NotFoundException")
		},
		deny:   func(o order) statement { return deniedBy(o, actions, "*") }, // in a key's policy that is the key
		limits: policyLimits{size: 32 << 10, spaces: true, source: `AWS KMS developer guide, "Resource quotas": a key policy has at most 32 KB`},
	}
}

// key is the target of faults on keys.
func key() experiment.Resource {
	return experiment.Resource{Key: "key", Doc: "A KMS key, by id, ARN or alias/NAME", Tagged: "kms:key", CloudFormation: "AWS::KMS::Key"}
}
