package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// role is the target of faults on roles. AWS's list of tagged resources leaves roles out.
func role() experiment.Resource {
	return experiment.Resource{Key: "role", Doc: "An IAM role, by name or ARN", CloudFormation: "AWS::IAM::Role"}
}

// roleFinder looks roles up.
type roleFinder interface {
	GetRole(ctx context.Context, in *iam.GetRoleInput, opts ...func(*iam.Options)) (*iam.GetRoleOutput, error)
}

// findRole is a role whose permissions can be changed.
func findRole(ctx context.Context, api roleFinder, name string) (string, error) {
	r, err := getRole(ctx, api, name)
	switch {
	case errors.Is(err, errGone):
		return "", missing("role", roleName(name), "this account", nil)
	case err != nil:
		return "", err
	}
	id := aws.ToString(r.Arn)
	if strings.HasPrefix(name, "arn:") && name != id {
		return "", &action.Refused{Reason: "role " + name + " is not in this account, where there is " + id, Tip: "say where it is in the target: account: NAME"}
	}
	for _, own := range []string{"/aws-service-role/", "/aws-reserved/"} {
		if strings.HasPrefix(aws.ToString(r.Path), own) {
			return "", &action.Refused{Reason: fmt.Sprintf("role %s belongs to AWS: nobody can change its permissions", roleName(name)), Tip: "choose a role of your own"}
		}
	}
	return id, nil
}

func getRole(ctx context.Context, api roleFinder, id string) (*types.Role, error) {
	out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(roleName(id))})
	if err != nil {
		return nil, explainRole(id, "look it up", err)
	}
	return out.Role, nil
}

func explainRole(id, doing string, err error) error {
	return explain("role "+roleName(id)+": "+doing, err, "NoSuchEntity", "NoSuchEntityException")
}

// roleName is the name in an ARN, behind its path, or the name itself.
func roleName(id string) string { return id[strings.LastIndexByte(id, '/')+1:] }

// sameRole says whether an identity, as AWS tells it of a caller, is a role or a session of it. A role's name is its
// account's only one, whatever its path.
func sameRole(identity, id string) bool {
	account, name, ok := splitRole(identity)
	ofAccount, ofName, _ := splitRole(id)
	return ok && account == ofAccount && name == ofName
}

// splitRole takes arn:aws:iam::ACCOUNT:role/PATH/NAME and arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION apart.
func splitRole(arn string) (account, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return "", "", false
	}
	if rest, ok := strings.CutPrefix(parts[5], "assumed-role/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return parts[4], name, true
	}
	return parts[4], roleName(parts[5]), strings.HasPrefix(parts[5], "role/")
}
