package account

import (
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeRole makes the role of the orders function, with a policy of its own.
func makeRole(t *testing.T, w world) {
	t.Helper()
	api := iam.NewFromConfig(w.cfg)
	if _, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("orders"), Path: aws.String("/shop/"), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}); err != nil {
		t.Fatal(err)
	}
	putRolePolicy(t, w, "own", typed("dynamodb:GetItem", "*"))
}

func putRolePolicy(t *testing.T, w world, name, text string) {
	t.Helper()
	text = strings.Replace(text, `"Principal": {"AWS": "*"}, `, "", 1) // a role's policy names none
	if _, err := iam.NewFromConfig(w.cfg).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("orders"), PolicyName: &name, PolicyDocument: &text}); err != nil {
		t.Fatal(err)
	}
}

func rolePolicy(t *testing.T, w world, name string) string {
	t.Helper()
	out, err := iam.NewFromConfig(w.cfg).GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String("orders"), PolicyName: &name})
	if hasCode(err, "NoSuchEntity") {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := url.PathUnescape(*out.PolicyDocument)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// lookAtRole is all that decides what a role may.
func lookAtRole(t *testing.T, w world) any {
	t.Helper()
	api := iam.NewFromConfig(w.cfg)
	names, err := api.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	policies := map[string]string{}
	for _, name := range names.PolicyNames {
		policies[name] = rolePolicy(t, w, name)
	}
	role, err := api.GetRole(t.Context(), &iam.GetRoleInput{RoleName: aws.String("orders")})
	if err != nil {
		t.Fatal(err)
	}
	bound := ""
	if b := role.Role.PermissionsBoundary; b != nil {
		bound = strings.Replace(*b.PermissionsBoundaryArn, w.account, "ACCOUNT", 1)
	}
	return []any{policies, bound}
}

func roleDenyFixture() fixture {
	return fixture{
		kind: "iam-deny", target: experiment.Target{Resources: []string{"orders"}}, with: fault.Attributes{"services": []string{"dynamodb"}},
		setup:  makeRole,
		state:  lookAtRole,
		edit:   func(t *testing.T, w world) { putRolePolicy(t, w, ourPolicy, typed("s3:GetObject", "*")) },
		beside: func(t *testing.T, w world) { putRolePolicy(t, w, "theirs", typed("s3:GetObject", "*")) },
	}
}

func boundaryFixture() fixture {
	bound := func(t *testing.T, w world, name string) {
		t.Helper()
		if _, err := iam.NewFromConfig(w.cfg).PutRolePermissionsBoundary(t.Context(), &iam.PutRolePermissionsBoundaryInput{RoleName: aws.String("orders"), PermissionsBoundary: aws.String("arn:aws:iam::" + w.account + ":policy/" + name)}); err != nil {
			t.Fatal(err)
		}
	}
	bare := func(t *testing.T, w world) {
		t.Helper()
		makeRole(t, w)
		for _, name := range []string{"team", "no-writes", "other"} {
			if _, err := iam.NewFromConfig(w.cfg).CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return fixture{
		kind: "iam-boundary", target: experiment.Target{Resources: []string{"orders"}}, with: fault.Attributes{"policy": "no-writes"},
		setup: func(t *testing.T, w world) {
			bare(t, w)
			bound(t, w, "team")
		},
		bare:   bare,
		state:  lookAtRole,
		edit:   func(t *testing.T, w world) { bound(t, w, "other") },
		unseen: []string{"iam:DeleteRolePermissionsBoundary"},
	}
}
