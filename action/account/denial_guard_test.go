package account

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// TestDenialsSpareTheUndo: no file can deny what taking the fault back needs, by any pattern that means it.
func TestDenialsSpareTheUndo(t *testing.T) {
	patterns := map[string][]string{
		"s3-deny":             {"s3:*", "S3:Put*", "s3:DeleteBucketPolicy", "s3:?utBucketPolicy", "s3:*Policy"},
		"sqs-deny":            {"sqs:*", "SQS:setqueueattributes", "sqs:Get*"},
		"sns-deny":            {"sns:*", "sns:SetTopicAttributes", "SNS:Get*"},
		"kms-deny":            {"kms:*", "kms:PutKeyPolicy", "kms:Put*", "kms:*Policy", "KMS:putkeypolicy"},
		"secretsmanager-deny": {"secretsmanager:*", "secretsmanager:PutResourcePolicy", "secretsmanager:*ResourcePolicy"},
		"dynamodb-deny":       {"dynamodb:*", "dynamodb:PutResourcePolicy", "dynamodb:Put*", "dynamodb:Delete*"},
		"iam-deny":            {"iam:*", "iam:PutRolePolicy", "*:*", "iam:*RolePolicy", "i?m:Delete*"},
	}
	for _, k := range kinds() {
		name := string(k.Kind.Kind)
		if strings.HasSuffix(name, "-deny") && patterns[name] == nil {
			t.Errorf("nobody has tried to lock the runner out by %s", name)
		}
		for _, pattern := range append(patterns[name], "*", "not an action", "x:[") {
			if k.Check == nil || patterns[name] == nil {
				continue
			}
			if len(k.Check(fault.Attributes{"actions": []string{pattern}})) == 0 {
				t.Errorf("%s may deny %s", name, pattern)
			}
		}
		if patterns[name] == nil || name == "iam-deny" {
			continue
		}
		if problems := k.Check(fault.Attributes{}); len(problems) > 0 {
			t.Errorf("%s: what it denies by default: %v", name, problems)
		}
	}
}

func TestRoleDenialsAreChecked(t *testing.T) {
	k, _ := kindByName("iam-deny")
	for name, c := range map[string]struct {
		with fault.Attributes
		want string
	}{
		"nothing":    {fault.Attributes{}, "is missing, and so are actions and regions"},
		"iam":        {fault.Attributes{"services": []string{"iam"}}, "would deny iam:GetRolePolicy"},
		"no service": {fault.Attributes{"services": []string{"s3:*"}}, "is not a service"},
		"no region":  {fault.Attributes{"regions": []string{"Ireland"}}, "is not a region"},
		"no ARN":     {fault.Attributes{"services": []string{"s3"}, "resources": []string{"orders"}}, "is not an ARN"},
		"services":   {fault.Attributes{"services": []string{"s3", "dynamodb"}}, ""},
		"a region":   {fault.Attributes{"regions": []string{"eu-west-1", "us-gov-west-1"}}, ""},
		"an action":  {fault.Attributes{"actions": []string{"iam:PassRole"}, "resources": []string{"*"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := fmt.Sprint(k.Check(c.with))
			if c.want == "" && got != "[]" || !strings.Contains(got, c.want) {
				t.Errorf("%s, want %q", got, c.want)
			}
		})
	}
}

func TestKeysAndBucketAreDeniedApart(t *testing.T) {
	k, _ := kindByName("s3-deny")
	keys := []string{"orders/*"}
	if got := fmt.Sprint(k.Check(fault.Attributes{"keys": keys, "actions": []string{"s3:ListBucket"}})); !strings.Contains(got, "about the whole bucket") {
		t.Errorf("%s", got)
	}
	d := bucketDenial(nil, "aws", []string{"s3:GetObject"})
	if s := d.deny(order{ID: "arn:aws:s3:::b", With: fault.Attributes{"keys": keys}}); fmt.Sprint(s.Resource, s.Action) != "[arn:aws:s3:::b/orders/*] [s3:GetObject]" {
		t.Errorf("some keys: %v %v", s.Resource, s.Action)
	}
	if s := d.deny(order{ID: "arn:aws:s3:::b"}); fmt.Sprint(s.Resource, s.Action) != "[arn:aws:s3:::b arn:aws:s3:::b/*] [s3:GetObject s3:ListBucket]" {
		t.Errorf("all: %v %v", s.Resource, s.Action)
	}
}

// TestRegionFailure: everything is denied there but what takes it back.
func TestRegionFailure(t *testing.T) {
	undo := []string{"iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"}
	after, err := roleDenial(nil, undo).want(kept{}, order{ID: "r", Run: "01J", With: fault.Attributes{"regions": []string{"eu-west-1"}}, Until: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Version":"2012-10-17","Statement":[{"Sid":"Firedrill01J","Effect":"Deny","NotAction":["iam:GetRolePolicy","iam:PutRolePolicy","iam:DeleteRolePolicy"],` +
		`"Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026-11-21T10:00:00Z"},"StringEquals":{"aws:RequestedRegion":["eu-west-1"]}}}]}`
	if after.Policy != want {
		t.Errorf("%s\nwant\n%s", after.Policy, want)
	}
}

func TestPolicyLimits(t *testing.T) {
	filled := func(n int) string {
		return `{"Statement":[{"Sid":"A","Effect":"Allow","Action":"` + strings.Repeat("a", n) + `"}]}`
	}
	many := `{"Statement":[{}` + strings.Repeat(",{}", 19) + `]}`
	for name, c := range map[string]struct {
		d      denial
		policy string
		want   string
	}{
		"bucket":           {bucketDenial(nil, "aws", []string{"s3:GetObject"}), filled(20 << 10), "20480"},
		"queue":            {queueDenial(nil, []string{"sqs:SendMessage"}), filled(8192), "8192"},
		"queue's list":     {queueDenial(nil, []string{"sqs:SendMessage"}), many, "20 statements already"},
		"topic":            {topicDenial(nil, []string{"sns:Publish"}), filled(30 << 10), "30720"},
		"key":              {keyDenial(nil, []string{"kms:Decrypt"}), filled(32 << 10), "32768"},
		"secret":           {secretDenial(nil, []string{"secretsmanager:GetSecretValue"}), filled(20480), "20480"},
		"table":            {tableDenial(nil, []string{"dynamodb:GetItem"}), filled(20 << 10), "20480"},
		"white space":      {tableDenial(nil, []string{"dynamodb:GetItem"}), noPolicy + strings.Repeat(" ", 20<<10), "20480"},
		"another run":      {tableDenial(nil, []string{"dynamodb:GetItem"}), `{"Statement":[{"Sid":"Firedrill01H"}]}`, "another run"},
		"no policy at all": {tableDenial(nil, []string{"dynamodb:GetItem"}), "{", "cannot be read"},
		"enough room":      {tableDenial(nil, []string{"dynamodb:GetItem"}), filled(19 << 10), ""},
		"enough room here": {roleDenial(nil, nil), noPolicy + strings.Repeat(" ", 20<<10), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.d.want(kept{Policy: c.policy}, order{ID: "arn:aws:x:::y", Run: "01J"})
			var refused *action.Refused
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) || refused.Tip == ""):
				t.Errorf("%v, want %q and a hint", err, c.want)
			}
		})
	}
}

// TestExtendedDenial: a statement whose end was moved is still ours, and goes without a trace.
func TestExtendedDenial(t *testing.T) {
	stand := newStand(t)
	others := func(f fixture) bool { return !strings.HasSuffix(f.kind, "-deny") }
	sideBySide(t, slices.DeleteFunc(fixtures(), others), func(t *testing.T, f fixture) {
		s := newSubject(t, stand, f)
		undo := s.apply(t)
		armed := s.look(t, s.world)
		u, err := decodeRecord(undo)
		if err != nil {
			t.Fatal(err)
		}
		o := u.order
		o.Until = o.Until.Add(time.Hour)
		if err := s.change.resources.(dated).renew(t.Context(), o, u.states); err != nil {
			t.Fatal(err)
		}
		if s.look(t, s.world) == armed {
			t.Error("its end has not moved")
		}
		if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 1 {
			t.Errorf("Proof = %+v, %v", p, err)
		}
		if err := s.change.Revert(t.Context(), undo); err != nil {
			t.Error(err)
		}
		s.restored(t)
		if err := s.change.resources.(dated).renew(t.Context(), o, u.states); err == nil {
			t.Error("what was taken back can be extended")
		}
	})
}

// TestDenialLastsFromApply: a baseline may take longer than a denial lasts that nobody extends.
func TestDenialLastsFromApply(t *testing.T) {
	s := newSubject(t, newStand(t), roleDenyFixture())
	undo := s.prepare(t)
	u, err := decodeRecord(undo)
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	undo = []byte(strings.ReplaceAll(string(undo), u.Until.Format(time.RFC3339), past))
	if err := s.change.Apply(t.Context(), undo); err != nil {
		t.Fatal(err)
	}
	policy := rolePolicy(t, s.world, ourPolicy)
	if policy == "" || strings.Contains(policy, past) {
		t.Errorf("the denial has ended before it began: %s", policy)
	}
	if err := s.change.Apply(t.Context(), undo); err != nil {
		t.Errorf("Apply again: %v", err)
	}
	if err := s.change.Extend(t.Context(), undo); err != nil || rolePolicy(t, s.world, ourPolicy) != policy {
		t.Errorf("it was extended at once: %v", err)
	}
	s.change.ends.Store(time.Now().Add(policyLease / 3).Unix())
	if err := s.change.Extend(t.Context(), undo); err != nil || s.change.left() < policyLease/2 {
		t.Errorf("it was not extended in time: %v", err)
	}
	s.change.ends.Store(time.Now().Add(-time.Second).Unix()) // the machine was asleep
	if err := s.change.Extend(t.Context(), undo); err == nil {
		t.Error("a fault that has ended was extended as if it had been there")
	}
	if p, err := s.change.Proof(t.Context()); err != nil || p.Fired != 0 {
		t.Errorf("a fault that has ended is proven: %+v, %v", p, err)
	}
	if err := s.change.Revert(t.Context(), undo); err != nil {
		t.Error(err)
	}
	s.restored(t)
}

// TestDenialAlone: where somebody has removed all other statements, ours was the last, and the policy goes with it.
func TestDenialAlone(t *testing.T) {
	before := kept{Policy: `{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow"}]}`}
	ours := `{"Sid":"FiredrillX","Effect":"Deny","Action":["s3:GetObject"]}`
	doc, err := parsePolicy(before.Policy)
	if err != nil {
		t.Fatal(err)
	}
	after := kept{Policy: doc.with(ours), Sid: "FiredrillX"}
	now := kept{Policy: `{"Version":"2012-10-17","Statement":[` + ours + `]}`}
	next, drift := denial{what: "policy"}.take(now, before, after)
	if next.Policy != "" || drift == "" {
		t.Errorf("%q, %q: want no policy, and drift", next.Policy, drift)
	}
}

func TestQueuesElsewhere(t *testing.T) {
	const id = "arn:aws:sqs:eu-west-1:111122223333:orders"
	for name, want := range map[string]bool{
		"orders": true, id: true,
		"https://sqs.eu-west-1.amazonaws.com/111122223333/orders": true,
		"http://127.0.0.1:5000/111122223333/orders":               true,
		"https://sqs.eu-west-1.amazonaws.com/444455556666/orders": false,
		"https://sqs.us-east-1.amazonaws.com/111122223333/orders": false,
		"arn:aws:sqs:us-east-1:111122223333:orders":               false,
	} {
		if got := meansQueue(name, id); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestOwnRoleIsNoTarget: who takes away the runner's own permissions cannot give them back.
func TestOwnRoleIsNoTarget(t *testing.T) {
	for _, c := range []struct {
		self, role, target string
		want               bool
	}{
		{"arn:aws:sts::111122223333:assumed-role/runner/session", "", "arn:aws:iam::111122223333:role/team/runner", true},
		{"arn:aws:iam::111122223333:role/runner", "", "arn:aws:iam::111122223333:role/runner", true},
		{"arn:aws:iam::111122223333:user/me", "arn:aws:iam::444455556666:role/firedrill", "arn:aws:iam::444455556666:role/firedrill", true},
		{"arn:aws:iam::111122223333:user/runner", "", "arn:aws:iam::111122223333:role/runner", false},
		{"arn:aws:sts::111122223333:assumed-role/runner/s", "", "arn:aws:iam::444455556666:role/runner", false},
		{"arn:aws:sts::111122223333:assumed-role/runner/orders", "", "arn:aws:iam::111122223333:role/orders", false},
		{"", "", "arn:aws:iam::111122223333:role/orders", false},
	} {
		if got := sameRole(c.self, c.target) || sameRole(c.role, c.target); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
	w := newStand(t).world()
	api := iam.NewFromConfig(w.cfg)
	for _, role := range []string{"runner", "shop"} {
		if _, err := api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"iam-deny", "iam-boundary"} {
			refusedFor(t, w, kind, role, fault.Attributes{"services": []string{"s3"}}, "itself works as")
		}
	}
}

func TestRolesThatCannotTakeIt(t *testing.T) {
	w := newStand(t).world()
	makeRole(t, w)
	deny := fault.Attributes{"services": []string{"s3"}}
	refusedFor(t, w, "iam-deny", "nobody", deny, "there is no role nobody")
	refusedFor(t, w, "iam-deny", "arn:aws:iam::999999999999:role/orders", deny, "is not in this account")
	refusedFor(t, w, "iam-boundary", "orders", fault.Attributes{"policy": "nothing"}, "there is no policy arn:aws:iam::"+w.account+":policy/nothing")
	if _, err := iam.NewFromConfig(w.cfg).CreateServiceLinkedRole(t.Context(), &iam.CreateServiceLinkedRoleInput{AWSServiceName: aws.String("autoscaling.amazonaws.com")}); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, w, "iam-deny", "AWSServiceRoleForAutoScaling", deny, "belongs to AWS")

	for i := range 10 { // of 1,000 characters, and a lot of white space that does not count
		putRolePolicy(t, w, fmt.Sprint("p", i), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::`+strings.Repeat("a", 900)+`"}]}`+strings.Repeat(" ", 1000))
	}
	refusedFor(t, w, "iam-deny", "orders", deny, "IAM takes 10240")
}

func TestKeysThatCannotTakeIt(t *testing.T) {
	w := newStand(t).world()
	refusedFor(t, w, "kms-deny", "alias/nothing", fault.Attributes{}, "there is no key alias/nothing")
	keyFixture().setup(t, w)
	api := kms.NewFromConfig(w.cfg)
	key, err := api.DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: aws.String("alias/orders")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.DisableKey(t.Context(), &kms.DisableKeyInput{KeyId: key.KeyMetadata.KeyId}); err != nil {
		t.Fatal(err)
	}
	refusedFor(t, w, "kms-deny", "alias/orders", fault.Attributes{}, "is "+string(types.KeyStateDisabled))
}

// refusedFor fails unless the fault is refused before anything is changed, with what to do.
func refusedFor(t *testing.T, w world, kind, target string, with fault.Attributes, want string) {
	t.Helper()
	list, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: kind, Target: experiment.Target{Resources: []string{target}}, With: with, Percentage: 100}, params())
	if err == nil {
		_, err = list[0].Prepare(t.Context())
	}
	var refused *action.Refused
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || refused.Tip == "" {
		t.Errorf("%s on %s: %v, want %q and a hint", kind, target, err, want)
	}
}
