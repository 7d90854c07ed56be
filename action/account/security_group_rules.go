package account

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// rulesAPI is what rules of security groups need of EC2, which has each call once for each direction.
type rulesAPI interface {
	ruleReader
	ruleWriter
}

type ruleReader interface {
	DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, opts ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	DescribeSecurityGroupRules(ctx context.Context, in *ec2.DescribeSecurityGroupRulesInput, opts ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error)
}

type ruleWriter interface {
	RevokeSecurityGroupEgress(ctx context.Context, in *ec2.RevokeSecurityGroupEgressInput, opts ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error)
	RevokeSecurityGroupIngress(ctx context.Context, in *ec2.RevokeSecurityGroupIngressInput, opts ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error)
	AuthorizeSecurityGroupEgress(ctx context.Context, in *ec2.AuthorizeSecurityGroupEgressInput, opts ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupEgressOutput, error)
	AuthorizeSecurityGroupIngress(ctx context.Context, in *ec2.AuthorizeSecurityGroupIngressInput, opts ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error)
}

// anyProtocol is EC2's word for every protocol.
const anyProtocol = "-1"

// A groupRule is a rule of a security group, without its id, which is another one when the rule is made again.
type groupRule struct {
	Egress      bool              `json:"egress"`
	Protocol    string            `json:"protocol"`
	From        int32             `json:"from"` // ports, or type and code of ICMP; -1: any
	To          int32             `json:"to"`
	IPv4        string            `json:"ipv4,omitempty"`
	IPv6        string            `json:"ipv6,omitempty"`
	PrefixList  string            `json:"prefix_list,omitempty"`
	Group       string            `json:"group,omitempty"`
	Owner       string            `json:"owner,omitempty"` // of Group
	VPC         string            `json:"vpc,omitempty"`   // of Group, through
	Connection  string            `json:"connection,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`

	id      string // as it was read
	peering string // the state of Connection
}

// String is the rule in words.
func (r groupRule) String() string {
	way, ports := "ingress from", ""
	if r.Egress {
		way = "egress to"
	}
	switch {
	case r.Protocol == anyProtocol:
		ports = " of any protocol"
	case r.From == r.To:
		ports = fmt.Sprintf(" of %s %d", r.Protocol, r.From)
	default:
		ports = fmt.Sprintf(" of %s %d-%d", r.Protocol, r.From, r.To)
	}
	return way + " " + cmp.Or(r.IPv4, r.IPv6, r.PrefixList, r.Group) + ports
}

// sameTraffic says that two rules are for the same traffic: EC2 takes only one of them.
func (r groupRule) sameTraffic(other groupRule) bool {
	r.Description, r.Tags = other.Description, other.Tags
	return text(r) == text(other)
}

func sortRules(list []groupRule) {
	slices.SortFunc(list, func(a, b groupRule) int { return cmp.Compare(text(a), text(b)) })
}

func readRules(ctx context.Context, api rulesAPI, id string) ([]groupRule, error) {
	short, out := ec2ID(id), []groupRule{}
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(api, &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{short}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explain("security group "+short+": read its rules", err, "InvalidGroup.NotFound")
		}
		for _, r := range page.SecurityGroupRules {
			out = append(out, toGroupRule(r))
		}
	}
	if len(out) == 0 { // has it none, or is it gone?
		if _, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{short}}); err != nil {
			return nil, explain("security group "+short+": look it up", err, "InvalidGroup.NotFound", "InvalidGroupId.NotFound")
		}
	}
	sortRules(out)
	return out, nil
}

func toGroupRule(r types.SecurityGroupRule) groupRule {
	g := groupRule{
		Egress: aws.ToBool(r.IsEgress), Protocol: aws.ToString(r.IpProtocol), From: -1, To: -1, IPv4: aws.ToString(r.CidrIpv4), IPv6: aws.ToString(r.CidrIpv6),
		PrefixList: aws.ToString(r.PrefixListId), Description: aws.ToString(r.Description), id: aws.ToString(r.SecurityGroupRuleId),
	}
	if g.Protocol != anyProtocol && r.FromPort != nil && r.ToPort != nil {
		g.From, g.To = *r.FromPort, *r.ToPort
	}
	if to := r.ReferencedGroupInfo; to != nil {
		g.Group, g.Owner, g.VPC = aws.ToString(to.GroupId), aws.ToString(to.UserId), aws.ToString(to.VpcId)
		g.Connection, g.peering = aws.ToString(to.VpcPeeringConnectionId), aws.ToString(to.PeeringStatus)
	}
	for _, tag := range r.Tags {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		g.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return g
}

// permission is the rule as EC2 wants it to be made.
func (r groupRule) permission() types.IpPermission {
	optional := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	p := types.IpPermission{IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To}
	switch said := optional(r.Description); {
	case r.IPv4 != "":
		p.IpRanges = []types.IpRange{{CidrIp: &r.IPv4, Description: said}}
	case r.IPv6 != "":
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &r.IPv6, Description: said}}
	case r.PrefixList != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &r.PrefixList, Description: said}}
	default:
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &r.Group, UserId: optional(r.Owner), VpcId: optional(r.VPC), VpcPeeringConnectionId: optional(r.Connection), Description: said}}
	}
	return p
}

// revokeRules takes rules away that were just read; all of one direction, or none.
func revokeRules(ctx context.Context, api rulesAPI, id string, list []groupRule, dry bool) error {
	short := ec2ID(id)
	for _, egress := range []bool{true, false} {
		var ids []string
		for _, r := range list {
			if r.Egress == egress {
				ids = append(ids, r.id)
			}
		}
		if len(ids) == 0 {
			continue
		}
		var err error
		if egress {
			_, err = api.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &short, SecurityGroupRuleIds: ids, DryRun: &dry})
		} else {
			_, err = api.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &short, SecurityGroupRuleIds: ids, DryRun: &dry})
		}
		if err := ruleAnswer("security group "+short+": take rules away", err, dry); err != nil {
			return err
		}
	}
	return nil
}

// authorizeRules makes rules, one by one: tags are given to all rules of a call.
func authorizeRules(ctx context.Context, api rulesAPI, id string, list []groupRule, dry bool) error {
	short := ec2ID(id)
	for _, r := range list {
		var tags []types.TagSpecification
		if len(r.Tags) > 0 {
			tags = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule}}
			for key, value := range r.Tags {
				tags[0].Tags = append(tags[0].Tags, types.Tag{Key: &key, Value: &value})
			}
		}
		var err error
		if permissions := []types.IpPermission{r.permission()}; r.Egress {
			_, err = api.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &short, IpPermissions: permissions, TagSpecifications: tags, DryRun: &dry})
		} else {
			_, err = api.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &short, IpPermissions: permissions, TagSpecifications: tags, DryRun: &dry})
		}
		if err := ruleAnswer("security group "+short+": make the rule for "+r.String(), err, dry); err != nil {
			return err
		}
	}
	return nil
}

func ruleAnswer(doing string, err error, dry bool) error {
	switch {
	case dry:
		return dryRun(doing, err)
	case hasCode(err, "InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound"):
		return fmt.Errorf("%s: %w: %w", doing, errConflict, err)
	}
	return explain(doing, err, "InvalidGroup.NotFound")
}
