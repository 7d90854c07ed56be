package account

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// securityGroup takes away the rules of a group that let something through, so that functions and instances with that
// group reach it no more, or are reached no more.
func securityGroup() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "security-group", Doc: "Take away the rules of a security group that let something through",
				Attributes: []fault.Attribute{
					{Name: "direction", Type: fault.TypeText, Values: []string{"egress", "ingress"}, Doc: "which way; default egress"},
					{Name: "protocol", Type: fault.TypeText, Values: []string{"tcp", "udp", "icmp", "icmpv6"}, Doc: "only rules that let this through; default any"},
					{Name: "port", Type: fault.TypeInteger, Max: 65535, Doc: "only rules that let this port through; default any"},
					{Name: "peer", Type: fault.TypeText, Doc: "only rules for exactly this range of addresses, prefix list or security group; default any"},
				},
			},
			Target: experiment.Resource{Key: "security_group", Doc: "A security group, by id, ARN, or the name that it alone has", Tagged: "ec2:security-group", CloudFormation: "AWS::EC2::SecurityGroup"},
		},
		service: "ec2",
		open:    func(cfg aws.Config) change { return rules(ec2.NewFromConfig(cfg), cfg.Region) },
		needs: func(id string) []action.Permission {
			rule := strings.Replace(id, ":security-group/"+ec2ID(id), ":security-group-rule/*", 1)
			return []action.Permission{
				{Resources: []string{"*"}, Actions: []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules"}},
				{Resources: []string{id, rule}, Actions: []string{"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
					"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"}},
				{Resources: []string{rule}, Actions: []string{"ec2:CreateTags"}}, // rules come back with their tags
			}
		},
	}
}

// rules are all rules of a group, in order.
func rules(api rulesAPI, region string) setting[[]groupRule] {
	return setting[[]groupRule]{
		what: "list of rules",
		lookup: func(ctx context.Context, name string) (string, error) {
			return findSecurityGroup(ctx, api, region, name)
		},
		read: func(ctx context.Context, id string) ([]groupRule, error) { return readRules(ctx, api, id) },
		want: func(now []groupRule, o order) ([]groupRule, error) {
			f := filterOf(o.With)
			after := slices.DeleteFunc(slices.Clone(now), f.takes)
			gone := minus(now, after)
			if len(gone) == 0 {
				return nil, &action.Refused{Reason: "security group " + ec2ID(o.ID) + " has no rule that lets this through", Tip: "compare direction, protocol, port and peer with its rules"}
			}
			for _, r := range gone {
				if r.peering != "" && r.peering != "active" {
					return nil, &action.Refused{Reason: fmt.Sprintf("security group %s: the rule %s is stale, so that it could not be made again", ec2ID(o.ID), r.id), Tip: "remove stale rules, or aim past them with peer"}
				}
			}
			return after, nil
		},
		write: func(ctx context.Context, id string, from, to []groupRule) error {
			if err := revokeRules(ctx, api, id, minus(from, to), false); err != nil {
				return err
			}
			return authorizeRules(ctx, api, id, minus(to, from), false)
		},
		say: func(before, after []groupRule) (string, string) {
			var list []string
			for _, r := range minus(before, after) {
				list = append(list, r.String())
			}
			ours := strings.Join(list, "; ")
			return "take away " + ours, "make these rules again, with their descriptions and tags, and new ids"
		},
		take: takeRules,
		try: func(ctx context.Context, id string, now []groupRule) error {
			if err := revokeRules(ctx, api, id, now, true); err != nil {
				return err
			}
			return authorizeRules(ctx, api, id, now, true)
		},
		holds: func(now, after []groupRule) bool { return len(minus(now, after)) == 0 },
	}
}

// takeRules makes the rules again that the fault took away, unless somebody has made one for the same traffic.
func takeRules(now, before, after []groupRule) ([]groupRule, string) {
	ours := minus(before, after)
	drift := othersChanged(minus(now, ours), after)
	next := slices.Clone(now)
	for _, r := range minus(ours, now) {
		if !slices.ContainsFunc(now, r.sameTraffic) {
			next = append(next, r)
		}
	}
	sortRules(next)
	return next, drift
}

// A ruleFilter says which rules are taken away.
type ruleFilter struct {
	egress         bool
	protocol, peer string
	port           int32 // -1: any
}

func filterOf(with fault.Attributes) ruleFilter {
	f := ruleFilter{egress: with["direction"] != "ingress", port: -1}
	f.protocol, _ = with["protocol"].(string)
	f.peer, _ = with["peer"].(string)
	if port, ok := with["port"].(float64); ok {
		f.port = int32(port)
	}
	return f
}

// takes says that a rule lets through what the filter means.
func (f ruleFilter) takes(r groupRule) bool {
	switch {
	case r.Egress != f.egress:
		return false
	case f.protocol != "" && r.Protocol != f.protocol && r.Protocol != anyProtocol:
		return false
	case f.port >= 0 && r.Protocol != anyProtocol && !(r.From <= f.port && f.port <= r.To && (r.Protocol == "tcp" || r.Protocol == "udp")):
		return false
	}
	return f.peer == "" || f.peer == r.IPv4 || f.peer == r.IPv6 || f.peer == r.PrefixList || f.peer == r.Group
}

func findSecurityGroup(ctx context.Context, api rulesAPI, region, name string) (string, error) {
	in := &ec2.DescribeSecurityGroupsInput{}
	if short := ec2ID(name); strings.HasPrefix(short, "sg-") {
		in.GroupIds = []string{short}
	} else {
		in.Filters = []types.Filter{{Name: aws.String("group-name"), Values: []string{name}}}
	}
	out, err := api.DescribeSecurityGroups(ctx, in)
	if err != nil && !hasCode(err, "InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidGroupId.NotFound") {
		return "", explain("security group "+name+": look it up", err)
	}
	var found []types.SecurityGroup
	if err == nil {
		found = out.SecurityGroups
	}
	if err := theOnly("security group", name, len(found)); err != nil {
		return "", err
	}
	return ec2ARN(region, aws.ToString(found[0].OwnerId), "security-group/"+aws.ToString(found[0].GroupId)), nil
}
