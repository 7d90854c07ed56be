package account

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// aclAPI is what the kind needs of EC2.
type aclAPI interface {
	DescribeNetworkAcls(ctx context.Context, in *ec2.DescribeNetworkAclsInput, opts ...func(*ec2.Options)) (*ec2.DescribeNetworkAclsOutput, error)
	CreateNetworkAclEntry(ctx context.Context, in *ec2.CreateNetworkAclEntryInput, opts ...func(*ec2.Options)) (*ec2.CreateNetworkAclEntryOutput, error)
	DeleteNetworkAclEntry(ctx context.Context, in *ec2.DeleteNetworkAclEntryInput, opts ...func(*ec2.Options)) (*ec2.DeleteNetworkAclEntryOutput, error)
}

// mostEntries is how many entries an ACL can have in one direction at all (Amazon VPC user guide, "Amazon VPC quotas": 20,
// which can be raised to 40, with the last one that denies everything).
const mostEntries = 40

// networkACL puts an entry before all others of a network ACL that drops packets.
func networkACL() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "network-acl", Doc: "Drop packets by an entry in a network ACL, for all that is in its subnets",
				Attributes: []fault.Attribute{
					{Name: "direction", Type: fault.TypeText, Values: []string{"egress", "ingress"}, Doc: "which way; default egress"},
					{Name: "cidr", Type: fault.TypeText, Doc: "the addresses on the other side; default 0.0.0.0/0, all of IPv4"},
					{Name: "protocol", Type: fault.TypeText, Values: []string{"tcp", "udp"}, Doc: "only this; default any"},
					{Name: "port", Type: fault.TypeInteger, Max: 65535, Doc: "only this port of the receiver; needs protocol; default any"},
				},
			},
			Target: experiment.Resource{Key: "network_acl", Doc: "A network ACL, by id, ARN, or the Name tag that it alone has", Tagged: "ec2:network-acl", CloudFormation: "AWS::EC2::NetworkAcl"},
			Check:  checkEntry,
		},
		service: "ec2",
		open:    func(cfg aws.Config) change { return entries(ec2.NewFromConfig(cfg), cfg.Region) },
		needs: func(id string) []action.Permission {
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"ec2:DescribeNetworkAcls"}},
				{Resources: []string{id}, Actions: []string{"ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"}},
			}
		},
	}
}

func checkEntry(with fault.Attributes) []fault.Problem {
	if cidr, ok := with["cidr"].(string); ok {
		if p, err := netip.ParsePrefix(cidr); err != nil || p != p.Masked() {
			return []fault.Problem{{Field: "cidr", Value: cidr, Message: "is not a range of addresses", Hint: "such as 10.0.8.0/24 or 2001:db8::/32"}}
		}
	}
	if with["port"] != nil && with["protocol"] == nil {
		return []fault.Problem{{Field: "port", Value: fmt.Sprint(with["port"]), Message: "means nothing without a protocol", Hint: "protocol: tcp"}}
	}
	return nil
}

// An aclEntry is an entry of a network ACL. Its number says where it stands: the first one that matches a packet decides.
type aclEntry struct {
	Egress   bool    `json:"egress"`
	Number   int32   `json:"number"`
	Action   string  `json:"action"`
	Protocol string  `json:"protocol"`
	IPv4     string  `json:"ipv4,omitempty"`
	IPv6     string  `json:"ipv6,omitempty"`
	Ports    []int32 `json:"ports,omitempty"` // from, to
	ICMP     []int32 `json:"icmp,omitempty"`  // type, code
}

// entries are all entries of an ACL, in order.
func entries(api aclAPI, region string) setting[[]aclEntry] {
	return setting[[]aclEntry]{
		what:   "list of entries",
		lookup: func(ctx context.Context, name string) (string, error) { return findACL(ctx, api, region, name) },
		read:   func(ctx context.Context, id string) ([]aclEntry, error) { return readEntries(ctx, api, id) },
		want: func(now []aclEntry, o order) ([]aclEntry, error) {
			ours, err := firstDeny(now, o)
			if err != nil {
				return nil, err
			}
			after := append(slices.Clone(now), ours)
			sortEntries(after)
			return after, nil
		},
		write: func(ctx context.Context, id string, from, to []aclEntry) error {
			for _, e := range minus(from, to) {
				if err := deleteEntry(ctx, api, id, e); err != nil {
					return err
				}
			}
			for _, e := range minus(to, from) {
				if err := createEntry(ctx, api, id, e); err != nil {
					return err
				}
			}
			return nil
		},
		say: func(before, after []aclEntry) (string, string) {
			ours := minus(after, before)[0]
			way, what := "from", "packets"
			if ours.Egress {
				way = "to"
			}
			if ours.Protocol != anyProtocol {
				what = protocolName(ours.Protocol) + " packets"
			}
			if len(ours.Ports) > 0 && ours.Ports[0] == ours.Ports[1] {
				what += fmt.Sprintf(" for port %d", ours.Ports[0])
			}
			return fmt.Sprintf("drop %s %s %s, by entry %d", what, way, cmp.Or(ours.IPv4, ours.IPv6), ours.Number), "remove the entry"
		},
		take: func(now, before, after []aclEntry) ([]aclEntry, string) {
			return minus(now, minus(after, before)), othersChanged(now, after)
		},
		holds:   func(now, after []aclEntry) bool { return len(minus(after, now)) == 0 },
		effects: true, // an entry is there or not: there is no writing of what is there
	}
}

// firstDeny is the entry of a fault: it comes before all others of its direction.
func firstDeny(now []aclEntry, o order) (aclEntry, error) {
	e := aclEntry{Egress: o.With["direction"] != "ingress", Action: "deny", Protocol: anyProtocol, IPv4: "0.0.0.0/0"}
	if cidr, ok := o.With["cidr"].(string); ok && strings.Contains(cidr, ":") {
		e.IPv4, e.IPv6 = "", cidr
	} else if ok {
		e.IPv4 = cidr
	}
	if protocol, ok := o.With["protocol"].(string); ok {
		e.Protocol, e.Ports = protocolNumber(protocol), []int32{0, 65535}
		if port, ok := o.With["port"].(float64); ok {
			e.Ports = []int32{int32(port), int32(port)}
		}
	}
	n, first := 0, int32(32767)
	for _, other := range now {
		if other.Egress == e.Egress {
			n, first = n+1, min(first, other.Number)
		}
	}
	switch {
	case first <= 1:
		return e, &action.Refused{Reason: "network ACL " + ec2ID(o.ID) + ": its entry number 1 is taken, so that none can come before it", Tip: "give that entry a higher number, such as 10"}
	case n >= mostEntries:
		return e, &action.Refused{Reason: fmt.Sprintf("network ACL %s has %d entries already, and no more can be added", ec2ID(o.ID), n), Tip: "remove one"}
	}
	e.Number = first - 1
	return e, nil
}

func findACL(ctx context.Context, api aclAPI, region, name string) (string, error) {
	in := &ec2.DescribeNetworkAclsInput{}
	if short := ec2ID(name); strings.HasPrefix(short, "acl-") {
		in.NetworkAclIds = []string{short}
	} else {
		in.Filters = []types.Filter{{Name: aws.String("tag:Name"), Values: []string{name}}}
	}
	out, err := api.DescribeNetworkAcls(ctx, in)
	if err != nil && !hasCode(err, "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed") {
		return "", explain("network ACL "+name+": look it up", err)
	}
	var found []types.NetworkAcl
	if err == nil {
		found = out.NetworkAcls
	}
	if err := theOnly("network ACL", name, len(found)); err != nil {
		return "", err
	}
	return ec2ARN(region, aws.ToString(found[0].OwnerId), "network-acl/"+aws.ToString(found[0].NetworkAclId)), nil
}

func readEntries(ctx context.Context, api aclAPI, id string) ([]aclEntry, error) {
	short := ec2ID(id)
	out, err := api.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{NetworkAclIds: []string{short}})
	if err != nil {
		return nil, explain("network ACL "+short+": read its entries", err, "InvalidNetworkAclID.NotFound")
	}
	list := []aclEntry{}
	for _, acl := range out.NetworkAcls {
		for _, e := range acl.Entries {
			list = append(list, toACLEntry(e))
		}
	}
	sortEntries(list)
	return list, nil
}

func toACLEntry(e types.NetworkAclEntry) aclEntry {
	a := aclEntry{
		Egress: aws.ToBool(e.Egress), Number: aws.ToInt32(e.RuleNumber), Action: string(e.RuleAction), Protocol: aws.ToString(e.Protocol),
		IPv4: aws.ToString(e.CidrBlock), IPv6: aws.ToString(e.Ipv6CidrBlock),
	}
	if p := e.PortRange; p != nil && p.From != nil && p.To != nil {
		a.Ports = []int32{*p.From, *p.To}
	}
	if p := e.IcmpTypeCode; p != nil && p.Type != nil && p.Code != nil {
		a.ICMP = []int32{*p.Type, *p.Code}
	}
	return a
}

func createEntry(ctx context.Context, api aclAPI, id string, e aclEntry) error {
	short := ec2ID(id)
	in := &ec2.CreateNetworkAclEntryInput{NetworkAclId: &short, Egress: &e.Egress, RuleNumber: &e.Number, RuleAction: types.RuleAction(e.Action), Protocol: &e.Protocol}
	if e.IPv6 != "" {
		in.Ipv6CidrBlock = &e.IPv6
	} else {
		in.CidrBlock = &e.IPv4
	}
	if len(e.Ports) == 2 {
		in.PortRange = &types.PortRange{From: &e.Ports[0], To: &e.Ports[1]}
	}
	_, err := api.CreateNetworkAclEntry(ctx, in)
	if hasCode(err, "NetworkAclEntryAlreadyExists") {
		return fmt.Errorf("network ACL %s: %w: somebody has taken entry %d", short, errConflict, e.Number)
	}
	return explain(fmt.Sprintf("network ACL %s: add entry %d", short, e.Number), err, "InvalidNetworkAclID.NotFound")
}

func deleteEntry(ctx context.Context, api aclAPI, id string, e aclEntry) error {
	short := ec2ID(id)
	_, err := api.DeleteNetworkAclEntry(ctx, &ec2.DeleteNetworkAclEntryInput{NetworkAclId: &short, Egress: &e.Egress, RuleNumber: &e.Number})
	if hasCode(err, "InvalidNetworkAclEntry.NotFound") {
		return fmt.Errorf("network ACL %s: %w: somebody has removed entry %d", short, errConflict, e.Number)
	}
	return explain(fmt.Sprintf("network ACL %s: remove entry %d", short, e.Number), err, "InvalidNetworkAclID.NotFound")
}

func sortEntries(list []aclEntry) {
	slices.SortFunc(list, func(a, b aclEntry) int {
		if a.Egress != b.Egress && a.Egress {
			return 1
		} else if a.Egress != b.Egress {
			return -1
		}
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(text(a), text(b)))
	})
}

// protocolNumber is how network ACLs call a protocol.
func protocolNumber(name string) string { return map[string]string{"tcp": "6", "udp": "17"}[name] }

func protocolName(number string) string {
	return map[string]string{"6": "TCP", "17": "UDP"}[number]
}
