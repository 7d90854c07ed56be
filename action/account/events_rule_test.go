package account

import (
	"cmp"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill/experiment"
)

const placedPattern = `{"source":["shop"],"detail-type":["OrderPlaced"]}`

// makeRule makes the rule placed of the bus shop, and one of that name beside it at the default bus.
func makeRule(t *testing.T, w world) {
	t.Helper()
	api := eventbridge.NewFromConfig(w.cfg)
	if _, err := api.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("shop")}); err != nil {
		t.Fatal(err)
	}
	for _, bus := range []string{"shop", "default"} {
		if _, err := api.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String("placed"), EventBusName: &bus, EventPattern: aws.String(placedPattern)}); err != nil {
			t.Fatal(err)
		}
	}
}

func lookAtRules(t *testing.T, w world) any {
	t.Helper()
	var all []any
	for _, bus := range []string{"shop", "default"} {
		out, err := eventbridge.NewFromConfig(w.cfg).DescribeRule(t.Context(), &eventbridge.DescribeRuleInput{Name: aws.String("placed"), EventBusName: &bus})
		if err != nil {
			t.Fatal(err)
		}
		out.ResultMetadata = middleware.Metadata{}
		all = append(all, out)
	}
	return all
}

func ruleFixture() fixture {
	return fixture{
		kind: "events-rule", target: experiment.Target{Resources: []string{"shop/placed"}},
		setup: makeRule, state: lookAtRules,
		beside: func(t *testing.T, w world) {
			if _, err := eventbridge.NewFromConfig(w.cfg).PutRule(t.Context(), &eventbridge.PutRuleInput{
				Name: aws.String("placed"), EventBusName: aws.String("default"), EventPattern: aws.String(placedPattern), State: types.RuleStateDisabled,
			}); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestSplitRule(t *testing.T) {
	for name, want := range map[string][2]string{
		"placed":      {"default", "placed"},
		"shop/placed": {"shop", "placed"},
		"shop|placed": {"shop", "placed"},
		"arn:aws:events:eu-west-1:123456789012:rule/placed":                             {"default", "placed"},
		"arn:aws:events:eu-west-1:123456789012:rule/shop/placed":                        {"shop", "placed"},
		"arn:aws:events:eu-west-1:123456789012:rule/aws.partner/example.com/bus/placed": {"aws.partner/example.com/bus", "placed"},
	} {
		bus, rule := splitRule(name)
		if got := [2]string{cmp.Or(aws.ToString(bus), "default"), *rule}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestRuleIsRefused(t *testing.T) {
	stand := newStand(t)
	w := stand.world()
	makeRule(t, w)
	refused(t, w, "events-rule", "other/placed", nil, "no rule other/placed")
	if _, err := eventbridge.NewFromConfig(w.cfg).PutRule(t.Context(), &eventbridge.PutRuleInput{
		Name: aws.String("placed"), EventPattern: aws.String(placedPattern), State: types.RuleStateEnabledWithAllCloudtrailManagementEvents,
	}); err != nil {
		t.Fatal(err)
	}
	refused(t, w, "events-rule", "placed", nil, "CLOUDTRAIL")
	if _, err := eventbridge.NewFromConfig(w.cfg).DisableRule(t.Context(), &eventbridge.DisableRuleInput{Name: aws.String("placed")}); err != nil {
		t.Fatal(err)
	}
	refused(t, w, "events-rule", "placed", nil, "already what the fault")
}
