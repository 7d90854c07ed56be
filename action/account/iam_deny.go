package account

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// rolePolicyAPI is what the kind needs of IAM.
type rolePolicyAPI interface {
	roleFinder
	rolePolicyReader
	PutRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput, opts ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	DeleteRolePolicy(ctx context.Context, in *iam.DeleteRolePolicyInput, opts ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error)
}

// rolePolicyReader reads the policies in a role.
type rolePolicyReader interface {
	ListRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput, opts ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error)
	GetRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput, opts ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
}

// ourPolicy is the name of the policy that is put into a role.
const ourPolicy = "firedrill-deny"

// roleRoom is how many characters all policies in a role may have together, white space not counted (AWS IAM user guide,
// "IAM and AWS STS quotas").
const roleRoom = 10240

// iamDeny denies a role services, actions or regions by a policy in it.
func iamDeny() kind {
	undo := []string{"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"}
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "iam-deny", Doc: "Deny a role services, actions, or a whole region",
				Attributes: []fault.Attribute{
					{Name: "services", Type: fault.TypeTexts, Doc: "whole services, as actions begin: s3, dynamodb"},
					{Name: "actions", Type: fault.TypeTexts, Doc: "actions, with * and ? as wildcards: dynamodb:Put*"},
					{Name: "resources", Type: fault.TypeTexts, Doc: "ARNs, with * and ? as wildcards; default: all"},
					{Name: "regions", Type: fault.TypeTexts, Doc: "only what is asked of these regions: alone, a region that is down"},
				},
			},
			Target: role(),
			Check:  func(with fault.Attributes) []fault.Problem { return checkRoleDenial(with, undo) },
		},
		service: "iam",
		self:    true,
		open:    func(cfg aws.Config) change { return roleDenial(iam.NewFromConfig(cfg), undo).setting() },
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: append(undo, "iam:GetRole", "iam:ListRolePolicies")}}
		},
	}
}

var (
	serviceName = regexp.MustCompile(`^[a-z0-9-]+$`)
	regionName  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+$`)
	resourceARN = regexp.MustCompile(`^(\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+)$`)
)

func checkRoleDenial(with fault.Attributes, undo []string) []fault.Problem {
	problems := checkActions(with, "", undo)
	if len(texts(with, "services"))+len(texts(with, "actions"))+len(texts(with, "regions")) == 0 {
		problems = append(problems, fault.Problem{Field: "services", Message: "is missing, and so are actions and regions", Hint: "services: [dynamodb], or regions: [eu-west-1]"})
	}
	for _, name := range texts(with, "services") {
		switch {
		case !serviceName.MatchString(name):
			problems = append(problems, fault.Problem{Field: "services", Value: name, Message: "is not a service, as actions begin", Hint: "such as dynamodb"})
		case name == "iam":
			problems = append(problems, fault.Problem{Field: "services", Value: name, Message: "would deny " + undo[0] + ", by which the fault is taken back", Hint: `name actions: ["iam:PassRole"]`})
		}
	}
	for _, name := range texts(with, "regions") {
		if !regionName.MatchString(name) {
			problems = append(problems, fault.Problem{Field: "regions", Value: name, Message: "is not a region", Hint: "such as eu-west-1"})
		}
	}
	for _, arn := range texts(with, "resources") {
		if !resourceARN.MatchString(arn) {
			problems = append(problems, fault.Problem{Field: "resources", Value: arn, Message: "is not an ARN", Hint: "such as arn:aws:dynamodb:*:*:table/orders"})
		}
	}
	return problems
}

func roleDenial(api rolePolicyAPI, undo []string) denial {
	return denial{
		what:   "policy " + ourPolicy,
		lookup: func(ctx context.Context, name string) (string, error) { return findRole(ctx, api, name) },
		read: func(ctx context.Context, id string) (string, string, error) {
			policy, err := readRolePolicy(ctx, api, id, ourPolicy)
			if errors.Is(err, errGone) { // the policy, or the role?
				_, err = getRole(ctx, api, id)
			}
			return policy, "", err
		},
		write: func(ctx context.Context, id, policy, _ string) error {
			name := aws.String(roleName(id))
			if policy == "" {
				_, err := api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String(ourPolicy)})
				if err = explainRole(id, "remove our policy", err); errors.Is(err, errGone) {
					return nil
				}
				return err
			}
			_, err := api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String(ourPolicy), PolicyDocument: &policy})
			return explainRole(id, "put our policy into it", err)
		},
		deny:   func(o order) statement { return deniedToRole(o, undo) },
		limits: policyLimits{size: roleRoom, source: roomSource},
		fits:   func(ctx context.Context, id string, after int) error { return roleFits(ctx, api, id, after) },
	}
}

const roomSource = `AWS IAM user guide, "IAM and AWS STS quotas": remove a policy that is in the role, or attach it as a managed one`

func deniedToRole(o order, undo []string) statement {
	s := statement{Action: append([]string(nil), texts(o.With, "actions")...), Resource: "*"}
	for _, service := range texts(o.With, "services") {
		s.Action = append(s.Action, service+":*")
	}
	if len(s.Action) == 0 {
		s.NotAction = undo // whatever the region, the fault can be taken back
	}
	if only := texts(o.With, "resources"); len(only) > 0 {
		s.Resource = only
	}
	if regions := texts(o.With, "regions"); len(regions) > 0 {
		s.Condition = map[string]map[string]any{"StringEquals": {"aws:RequestedRegion": regions}}
	}
	return s
}

// readRolePolicy is the text of a policy in a role.
func readRolePolicy(ctx context.Context, api rolePolicyReader, id, name string) (string, error) {
	out, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(roleName(id)), PolicyName: &name})
	if err != nil {
		return "", explainRole(id, "read its policy "+name, err)
	}
	policy, err := url.PathUnescape(aws.ToString(out.PolicyDocument)) // IAM encodes it as in RFC 3986
	if err != nil {
		return "", fmt.Errorf("role %s: its policy %s cannot be decoded: %w", roleName(id), name, err)
	}
	return policy, nil
}

// roleFits refuses a role that has no room for so many characters more.
func roleFits(ctx context.Context, api rolePolicyReader, id string, after int) error {
	total, in := after, &iam.ListRolePoliciesInput{RoleName: aws.String(roleName(id))}
	for {
		page, err := api.ListRolePolicies(ctx, in)
		if err != nil {
			return explainRole(id, "list its policies", err)
		}
		for _, name := range page.PolicyNames {
			if name == ourPolicy {
				continue
			}
			policy, err := readRolePolicy(ctx, api, id, name)
			if err != nil && !errors.Is(err, errGone) {
				return err
			}
			total += characters(policy)
		}
		if !page.IsTruncated {
			break
		}
		in.Marker = page.Marker
	}
	if total > roleRoom {
		return &action.Refused{Reason: fmt.Sprintf("role %s: the policies in it would have %d characters with ours, and IAM takes %d", roleName(id), total, roleRoom), Tip: roomSource}
	}
	return nil
}
