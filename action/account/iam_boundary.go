package account

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// boundaryAPI is what the kind needs of IAM.
type boundaryAPI interface {
	roleFinder
	GetPolicy(ctx context.Context, in *iam.GetPolicyInput, opts ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	PutRolePermissionsBoundary(ctx context.Context, in *iam.PutRolePermissionsBoundaryInput, opts ...func(*iam.Options)) (*iam.PutRolePermissionsBoundaryOutput, error)
	DeleteRolePermissionsBoundary(ctx context.Context, in *iam.DeleteRolePermissionsBoundaryInput, opts ...func(*iam.Options)) (*iam.DeleteRolePermissionsBoundaryOutput, error)
}

// denyAll is a policy of AWS's own, which leaves no permission.
const denyAll = "AWSDenyAll"

// iamBoundary gives a role another permissions boundary, so that it may do only what the boundary allows.
func iamBoundary() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "iam-boundary", Doc: "Bound the permissions of a role",
				Attributes: []fault.Attribute{{Name: "policy", Type: fault.TypeText, Doc: "a managed policy, by name or ARN, that the role's permissions are bounded by; default AWSDenyAll: none is left"}},
			},
			Target: role(),
		},
		service: "iam",
		self:    true,
		open:    func(cfg aws.Config) change { return boundary(iam.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: []string{"iam:GetRole", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"}}}
		},
		also: func(id string, with fault.Attributes) []action.Permission {
			name, _ := with["policy"].(string)
			return []action.Permission{{Resources: []string{policyARN(name, id)}, Actions: []string{"iam:GetPolicy"}}}
		},
	}
}

// boundary is the ARN of a role's permissions boundary; "": it has none.
func boundary(api boundaryAPI) setting[string] {
	return setting[string]{
		what:   "permissions boundary",
		lookup: func(ctx context.Context, name string) (string, error) { return findRole(ctx, api, name) },
		read: func(ctx context.Context, id string) (string, error) {
			r, err := getRole(ctx, api, id)
			if err != nil || r.PermissionsBoundary == nil {
				return "", err
			}
			return aws.ToString(r.PermissionsBoundary.PermissionsBoundaryArn), nil
		},
		want: func(_ string, o order) (string, error) {
			name, _ := o.With["policy"].(string)
			return policyARN(name, o.ID), nil
		},
		fits: func(ctx context.Context, _ string, _, after string) error {
			_, err := api.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &after})
			if err = explain("policy "+after+": look it up", err, "NoSuchEntity", "NoSuchEntityException"); errors.Is(err, errGone) {
				return missing("policy", after, "IAM", nil)
			}
			return err
		},
		write: func(ctx context.Context, id string, from, to string) error {
			name := aws.String(roleName(id))
			if to != "" {
				_, err := api.PutRolePermissionsBoundary(ctx, &iam.PutRolePermissionsBoundaryInput{RoleName: name, PermissionsBoundary: &to})
				return explainRole(id, "bound its permissions by "+to, err)
			}
			_, err := api.DeleteRolePermissionsBoundary(ctx, &iam.DeleteRolePermissionsBoundaryInput{RoleName: name})
			if err = explainRole(id, "remove its permissions boundary", err); errors.Is(err, errGone) && from == "" {
				return nil // there was none to remove
			}
			return err
		},
		say: func(before, after string) (change, undo string) {
			change = "bound its permissions by " + after
			if before == "" {
				return change, "remove the boundary, for it has none now"
			}
			return change, "bound them by " + before + " again"
		},
		eventual: true,
	}
}

// policyARN is the ARN of a managed policy: of AWS's own that denies all, or of one in the role's account.
func policyARN(name, role string) string {
	account, _, _ := splitRole(role)
	partition, _, _ := strings.Cut(strings.TrimPrefix(role, "arn:"), ":")
	switch {
	case strings.HasPrefix(name, "arn:"):
		return name
	case name == "" || name == denyAll:
		return "arn:" + partition + ":iam::aws:policy/" + denyAll
	}
	return "arn:" + partition + ":iam::" + account + ":policy/" + name
}
