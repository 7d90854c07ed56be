package account

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// healthCheckAPI is what the kind needs of Amazon Route 53.
type healthCheckAPI interface {
	GetHealthCheck(ctx context.Context, in *route53.GetHealthCheckInput, opts ...func(*route53.Options)) (*route53.GetHealthCheckOutput, error)
	UpdateHealthCheck(ctx context.Context, in *route53.UpdateHealthCheckInput, opts ...func(*route53.Options)) (*route53.UpdateHealthCheckOutput, error)
}

// route53HealthCheck makes Route 53 believe that what is healthy is not, or blinds it.
func route53HealthCheck() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "route53-health-check", Doc: "Invert a health check, so that Route 53 fails over, or disable it, so that it does not",
				Attributes: []fault.Attribute{{Name: "make", Type: fault.TypeText, Values: []string{"inverted", "disabled"},
					Doc: "inverted (default): healthy counts as unhealthy, and the other way round; disabled: nothing is checked, and always counts as healthy"}},
			},
			Target: experiment.Resource{Key: "health_check", Doc: "A health check of Route 53, by id or ARN", CloudFormation: "AWS::Route53::HealthCheck"},
		},
		service: "route53",
		open: func(cfg aws.Config) change {
			return healthCheck(route53.NewFromConfig(cfg), "arn:"+partition(cfg.Region)+":route53:::healthcheck/")
		},
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: []string{"route53:GetHealthCheck", "route53:UpdateHealthCheck"}}}
		},
	}
}

// belief is what a health check makes of what it sees.
type belief struct {
	Inverted bool `json:"inverted"`
	Disabled bool `json:"disabled"`

	version *int64 // of the health check as it was read, which a write names
}

// healthCheck says what a health check makes of what it sees.
func healthCheck(api healthCheckAPI, arn string) setting[belief] {
	get := func(ctx context.Context, id string) (*types.HealthCheck, error) {
		number := strings.TrimPrefix(id, arn)
		out, err := api.GetHealthCheck(ctx, &route53.GetHealthCheckInput{HealthCheckId: &number})
		if err != nil {
			return nil, explain("health check "+number+": read it", err, "NoSuchHealthCheck")
		}
		return out.HealthCheck, nil
	}
	return setting[belief]{
		what: "inversion",
		lookup: func(ctx context.Context, name string) (string, error) {
			found, err := get(ctx, name)
			switch {
			case errors.Is(err, errGone):
				return "", missing("health check", name, "Route 53", nil)
			case err != nil:
				return "", err
			case found.LinkedService != nil:
				return "", &action.Refused{Reason: fmt.Sprintf("health check %s belongs to %s", name, aws.ToString(found.LinkedService.ServicePrincipal)), Tip: "choose a health check of your own"}
			}
			return arn + strings.TrimPrefix(name, arn), nil
		},
		read: func(ctx context.Context, id string) (belief, error) {
			now, err := get(ctx, id)
			if err != nil {
				return belief{}, err
			}
			config := now.HealthCheckConfig
			return belief{Inverted: aws.ToBool(config.Inverted), Disabled: aws.ToBool(config.Disabled), version: now.HealthCheckVersion}, nil
		},
		want: func(now belief, o order) (belief, error) {
			if o.With["make"] == "disabled" {
				return belief{Inverted: now.Inverted, Disabled: true}, nil
			}
			return belief{Inverted: !now.Inverted, Disabled: now.Disabled}, nil
		},
		write: func(ctx context.Context, id string, from, to belief) error {
			number := strings.TrimPrefix(id, arn)
			_, err := api.UpdateHealthCheck(ctx, &route53.UpdateHealthCheckInput{
				HealthCheckId: &number, HealthCheckVersion: from.version, Inverted: &to.Inverted, Disabled: &to.Disabled})
			if hasCode(err, "HealthCheckVersionMismatch") {
				return fmt.Errorf("health check %s: %w: %w", number, errConflict, err)
			}
			return explain("health check "+number+": change it", err, "NoSuchHealthCheck")
		},
		take: takeBelief,
		say: func(before, after belief) (string, string) {
			if before.Inverted != after.Inverted {
				return "invert what it finds (now: " + before.String() + ")", "let it tell " + before.String() + " again"
			}
			return "check nothing, and call it healthy (now: " + before.String() + ")", "check again"
		},
	}
}

// String says what is told.
func (b belief) String() string {
	word := "what it finds"
	if b.Disabled {
		word = "always healthy"
	}
	if b.Inverted {
		return "the opposite of " + word
	}
	return word
}

// takeBelief puts back what we have changed, and leaves the other.
func takeBelief(now, before, after belief) (next belief, drift string) {
	next = now
	if after.Inverted != before.Inverted {
		next.Inverted = before.Inverted
	}
	if after.Disabled != before.Disabled {
		next.Disabled = before.Disabled
	}
	if next.Inverted != before.Inverted || next.Disabled != before.Disabled {
		return next, "it was changed to tell " + next.String()
	}
	return next, ""
}
