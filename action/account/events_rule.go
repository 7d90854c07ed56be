package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// ruleAPI is what the kind needs of Amazon EventBridge.
type ruleAPI interface {
	DescribeRule(ctx context.Context, in *eventbridge.DescribeRuleInput, opts ...func(*eventbridge.Options)) (*eventbridge.DescribeRuleOutput, error)
	DisableRule(ctx context.Context, in *eventbridge.DisableRuleInput, opts ...func(*eventbridge.Options)) (*eventbridge.DisableRuleOutput, error)
	EnableRule(ctx context.Context, in *eventbridge.EnableRuleInput, opts ...func(*eventbridge.Options)) (*eventbridge.EnableRuleOutput, error)
}

// eventsRule disables a rule, so that events and schedules reach nobody.
func eventsRule() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{Kind: "events-rule", Doc: "Disable an EventBridge rule, so that its events reach nobody"},
			Target:   experiment.Resource{Key: "rule", Doc: "An EventBridge rule: NAME, BUS/NAME or ARN", Tagged: "events:rule", CloudFormation: "AWS::Events::Rule"},
		},
		service: "eventbridge",
		open:    func(cfg aws.Config) change { return ruleState(eventbridge.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: []string{"events:DescribeRule", "events:DisableRule", "events:EnableRule"}}}
		},
	}
}

// splitRule tells the bus from the rule, in a name, an ARN, or what CloudFormation calls it; the bus is nil if it is the
// default one.
func splitRule(id string) (bus, rule *string) {
	if _, path, ok := strings.Cut(id, ":rule/"); ok {
		id = path
	}
	at := strings.LastIndexAny(id, "/|") // the buses of partners have slashes in their names, rules have not
	if at < 0 {
		return nil, &id
	}
	before, after := id[:at], id[at+1:]
	return &before, &after
}

// ruleState says whether a rule is enabled.
func ruleState(api ruleAPI) setting[types.RuleState] {
	describe := func(ctx context.Context, id string) (*eventbridge.DescribeRuleOutput, error) {
		bus, rule := splitRule(id)
		out, err := api.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: rule, EventBusName: bus})
		return out, explain("rule "+id+": describe it", err, "ResourceNotFoundException")
	}
	return setting[types.RuleState]{
		what: "state",
		lookup: func(ctx context.Context, name string) (string, error) {
			out, err := describe(ctx, name)
			switch {
			case errors.Is(err, errGone):
				return "", missing("rule", name, "this account and region", nil)
			case err != nil:
				return "", err
			case aws.ToString(out.ManagedBy) != "":
				return "", &action.Refused{Reason: fmt.Sprintf("rule %s belongs to %s", name, *out.ManagedBy), Tip: "choose a rule of your own"}
			}
			return aws.ToString(out.Arn), nil
		},
		read: func(ctx context.Context, id string) (types.RuleState, error) {
			out, err := describe(ctx, id)
			if err != nil {
				return "", err
			}
			return out.State, nil
		},
		want: func(now types.RuleState, o order) (types.RuleState, error) {
			if now != types.RuleStateEnabled && now != types.RuleStateDisabled {
				return "", &action.Refused{Reason: fmt.Sprintf("rule %s is %s, which cannot be put back without writing the whole rule anew", o.ID, now), Tip: "choose a rule that is ENABLED"}
			}
			return types.RuleStateDisabled, nil
		},
		write: func(ctx context.Context, id string, _, to types.RuleState) error {
			bus, rule := splitRule(id)
			var err error
			if to == types.RuleStateEnabled {
				_, err = api.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: rule, EventBusName: bus})
			} else {
				_, err = api.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: rule, EventBusName: bus})
			}
			if hasCode(err, "ConcurrentModificationException") {
				return fmt.Errorf("rule %s: %w: %w", id, errConflict, err)
			}
			return explain("rule "+id+": enable or disable it", err, "ResourceNotFoundException")
		},
		say: func(types.RuleState, types.RuleState) (string, string) {
			return "disable the rule", "enable it again"
		},
	}
}
