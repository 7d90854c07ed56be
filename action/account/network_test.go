package account

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeNetwork makes a security group and a network ACL that are called shop, with rules that no fault may touch.
func makeNetwork(t *testing.T, w world) {
	t.Helper()
	api, name := ec2.NewFromConfig(w.cfg), "shop"
	vpc, err := api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	if err != nil {
		t.Fatal(err)
	}
	group, err := api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: &name, Description: &name, VpcId: vpc.Vpc.VpcId})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []groupRule{
		{Egress: true, Protocol: "tcp", From: 443, To: 443, IPv4: "10.0.8.0/24", Description: "inventory", Tags: map[string]string{"team": "shop", "tier": "1"}},
		{Egress: true, Protocol: "tcp", From: 400, To: 500, Group: *group.GroupId},
		{Egress: true, Protocol: "udp", From: 53, To: 53, IPv4: "10.0.0.2/32"},
		{Protocol: "tcp", From: 443, To: 443, IPv4: "0.0.0.0/0", Description: "customers"},
	} {
		if err := authorizeRules(t.Context(), api, *group.GroupId, []groupRule{r}, false); err != nil {
			t.Fatal(err)
		}
	}
	acl, err := api.CreateNetworkAcl(t.Context(), &ec2.CreateNetworkAclInput{VpcId: vpc.Vpc.VpcId, TagSpecifications: []types.TagSpecification{
		{ResourceType: types.ResourceTypeNetworkAcl, Tags: []types.Tag{{Key: aws.String("Name"), Value: &name}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []aclEntry{
		{Egress: true, Number: 100, Action: "allow", Protocol: "6", IPv4: "0.0.0.0/0", Ports: []int32{443, 443}},
		{Egress: true, Number: 110, Action: "allow", Protocol: anyProtocol, IPv4: "10.0.0.0/16"},
		{Number: 1, Action: "allow", Protocol: anyProtocol, IPv4: "0.0.0.0/0"},
	} {
		if err := createEntry(t.Context(), api, *acl.NetworkAcl.NetworkAclId, e); err != nil {
			t.Fatal(err)
		}
	}
}

// shopRules are the rules of the group, which has another id in each world.
func shopRules(t *testing.T, w world) (id string, list []groupRule) {
	t.Helper()
	api := ec2.NewFromConfig(w.cfg)
	id, err := findSecurityGroup(t.Context(), api, w.cfg.Region, "shop")
	if err != nil {
		t.Fatal(err)
	}
	list, err = readRules(t.Context(), api, id)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		if list[i].Group != "" {
			list[i].Group = "shop"
		}
	}
	sortRules(list)
	return id, list
}

func addRule(t *testing.T, w world, r groupRule) {
	t.Helper()
	id, _ := shopRules(t, w)
	if err := authorizeRules(t.Context(), ec2.NewFromConfig(w.cfg), id, []groupRule{r}, false); err != nil {
		t.Fatal(err)
	}
}

func securityGroupFixture() fixture {
	return fixture{
		kind: "security-group", target: experiment.Target{Resources: []string{"shop"}}, with: fault.Attributes{"port": 443.0},
		setup:  makeNetwork,
		state:  func(t *testing.T, w world) any { _, list := shopRules(t, w); return list },
		unseen: []string{"ec2:CreateTags"}, // of rules that are made with tags
		edit: func(t *testing.T, w world) {
			addRule(t, w, groupRule{Egress: true, Protocol: "udp", From: 123, To: 123, IPv4: "10.0.0.3/32", Description: "time"})
		},
		beside: func(t *testing.T, w world) {
			addRule(t, w, groupRule{Egress: true, Protocol: "udp", From: 123, To: 123, IPv4: "10.0.0.3/32", Description: "time"})
		},
	}
}

func networkACLFixture() fixture {
	entry := func(t *testing.T, w world, e aclEntry) {
		t.Helper()
		api := ec2.NewFromConfig(w.cfg)
		id, err := findACL(t.Context(), api, w.cfg.Region, "shop")
		if err != nil {
			t.Fatal(err)
		}
		if err := createEntry(t.Context(), api, id, e); err != nil {
			t.Fatal(err)
		}
	}
	return fixture{
		kind: "network-acl", target: experiment.Target{Resources: []string{"shop"}}, with: fault.Attributes{"protocol": "tcp", "port": 443.0, "cidr": "10.0.8.0/24"},
		setup: makeNetwork,
		state: func(t *testing.T, w world) any {
			api := ec2.NewFromConfig(w.cfg)
			id, err := findACL(t.Context(), api, w.cfg.Region, "shop")
			if err != nil {
				t.Fatal(err)
			}
			list, err := readEntries(t.Context(), api, id)
			if err != nil {
				t.Fatal(err)
			}
			return list
		},
		edit: func(t *testing.T, w world) {
			entry(t, w, aclEntry{Egress: true, Number: 50, Action: "deny", Protocol: anyProtocol, IPv4: "10.9.0.0/16"})
		},
		beside: func(t *testing.T, w world) {
			entry(t, w, aclEntry{Egress: true, Number: 50, Action: "deny", Protocol: anyProtocol, IPv4: "10.9.0.0/16"})
		},
	}
}

// TestTakeRules: what of a group's rules comes back, whatever others did meanwhile.
func TestTakeRules(t *testing.T) {
	a := groupRule{Egress: true, Protocol: "tcp", From: 443, To: 443, IPv4: "10.0.8.0/24", Description: "inventory", Tags: map[string]string{"team": "shop"}}
	b := groupRule{Egress: true, Protocol: anyProtocol, From: -1, To: -1, IPv4: "0.0.0.0/0"}
	theirs := a
	theirs.Description, theirs.Tags = "put back by hand", nil
	other := groupRule{Protocol: "udp", From: 53, To: 53, IPv4: "10.0.0.2/32"}
	for name, c := range map[string]struct {
		now, next []groupRule
		drift     bool
	}{
		"as the fault left it":         {[]groupRule{b}, []groupRule{a, b}, false},
		"half put back":                {[]groupRule{a, b}, []groupRule{a, b}, false},
		"somebody made the rule again": {[]groupRule{theirs, b}, []groupRule{theirs, b}, true},
		"somebody added another":       {[]groupRule{b, other}, []groupRule{a, b, other}, true},
		"somebody removed another":     {[]groupRule{}, []groupRule{a}, true},
	} {
		sortRules(c.next)
		next, drift := takeRules(c.now, []groupRule{a, b}, []groupRule{b})
		if text(next) != text(c.next) || (drift != "") != c.drift {
			t.Errorf("%s: %s, drift %q", name, text(next), drift)
		}
	}
}

func TestRuleFilter(t *testing.T) {
	web := groupRule{Egress: true, Protocol: "tcp", From: 443, To: 443, IPv4: "10.0.8.0/24"}
	all := groupRule{Egress: true, Protocol: anyProtocol, From: -1, To: -1, IPv4: "0.0.0.0/0"}
	ping := groupRule{Egress: true, Protocol: "icmp", From: 8, To: -1, IPv6: "::/0"}
	in := groupRule{Protocol: "tcp", From: 0, To: 65535, Group: "sg-1"}
	for _, c := range []struct {
		with fault.Attributes
		want []bool // web, all, ping, in
	}{
		{nil, []bool{true, true, true, false}},
		{fault.Attributes{"direction": "ingress"}, []bool{false, false, false, true}},
		{fault.Attributes{"port": 443.0}, []bool{true, true, false, false}},
		{fault.Attributes{"port": 8.0}, []bool{false, true, false, false}},
		{fault.Attributes{"protocol": "udp"}, []bool{false, true, false, false}},
		{fault.Attributes{"protocol": "icmp"}, []bool{false, true, true, false}},
		{fault.Attributes{"peer": "10.0.8.0/24"}, []bool{true, false, false, false}},
		{fault.Attributes{"direction": "ingress", "peer": "sg-1", "port": 0.0}, []bool{false, false, false, true}},
	} {
		for i, r := range []groupRule{web, all, ping, in} {
			if got := filterOf(c.with).takes(r); got != c.want[i] {
				t.Errorf("%v takes %s: %v", c.with, r, got)
			}
		}
	}
}

// TestFirstDeny: where the entry comes, and when there is no place for it.
func TestFirstDeny(t *testing.T) {
	deny := func(with fault.Attributes, numbers ...int32) (aclEntry, error) {
		var now []aclEntry
		for _, n := range numbers {
			now = append(now, aclEntry{Egress: true, Number: n})
		}
		return firstDeny(now, order{ID: "arn:aws:ec2:eu-west-1:1:network-acl/acl-1", With: with})
	}
	if e, err := deny(nil, 100, 32767); err != nil || text(e) != `{"egress":true,"number":99,"action":"deny","protocol":"-1","ipv4":"0.0.0.0/0"}` {
		t.Errorf("%s, %v", text(e), err)
	}
	if e, err := deny(fault.Attributes{"cidr": "2001:db8::/32", "protocol": "udp", "port": 53.0}, 2); err != nil || text(e) != `{"egress":true,"number":1,"action":"deny","protocol":"17","ipv6":"2001:db8::/32","ports":[53,53]}` {
		t.Errorf("%s, %v", text(e), err)
	}
	if e, err := deny(fault.Attributes{"direction": "ingress"}, 1); err != nil || e.Egress || e.Number != 32766 {
		t.Errorf("the other direction: %s, %v", text(e), err)
	}
	if _, err := deny(nil, 1, 32767); err == nil {
		t.Error("no number is left before 1")
	}
	if _, err := deny(nil, make([]int32, 0)...); err != nil {
		t.Error(err)
	}
	full := make([]int32, mostEntries)
	for i := range full {
		full[i] = int32(i + 10)
	}
	if _, err := deny(nil, full...); err == nil {
		t.Error("the ACL is full")
	}
	for _, with := range []fault.Attributes{{"cidr": "10.0.8.1/24"}, {"cidr": "shop"}, {"port": 443.0}} {
		if checkEntry(with) == nil {
			t.Errorf("%v is no problem", with)
		}
	}
	if got := checkEntry(fault.Attributes{"cidr": "10.0.8.0/24", "protocol": "tcp", "port": 443.0}); got != nil {
		t.Error(got)
	}
}
