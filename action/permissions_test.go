package action

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

// written is permissions in lines.
func written(all []Permission) string {
	var lines []string
	for _, p := range all {
		line := strings.Join(p.Actions, ",") + " on " + strings.Join(p.Resources, ",")
		if p.Conditions != nil {
			line += fmt.Sprintf(" if %v", p.Conditions)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// TestPermissions: what each place needs, by exact names.
func TestPermissions(t *testing.T) {
	const region = "eu-west-1:123456789012:"
	const function = "lambda:GetFunctionConfiguration on arn:aws:lambda:" + region + "function:shop\nlogs:FilterLogEvents on arn:aws:logs:" + region + "log-group:/aws/lambda/shop:*\n"
	const parameter = "arn:aws:ssm:" + region + "parameter/shop/faults"
	for _, test := range []struct {
		name             string
		place            func(t *testing.T) place
		runner, function string
	}{
		{"environment", func(t *testing.T) place { return envPlace(t, "", variableConfig, "{}", true) },
			"lambda:GetFunctionConfiguration,lambda:UpdateFunctionConfiguration on arn:aws:lambda:" + region + "function:shop", ""},
		{"parameter", func(t *testing.T) place { return ssmPlace(t, "", ssmtypes.ParameterTypeString, "{}", true) },
			"ssm:GetParameter,ssm:GetParameterHistory,ssm:PutParameter on " + parameter, "ssm:GetParameter on " + parameter},
		{"no parameter", func(t *testing.T) place { return ssmPlace(t, "", ssmtypes.ParameterTypeString, "", false) },
			"ssm:GetParameter,ssm:GetParameterHistory,ssm:PutParameter,ssm:DeleteParameter on " + parameter, "ssm:GetParameter on " + parameter},
		{"secret parameter", func(t *testing.T) place { return ssmPlace(t, "", ssmtypes.ParameterTypeSecureString, "{}", true) },
			"ssm:GetParameter,ssm:GetParameterHistory,ssm:PutParameter,ssm:DeleteParameter on " + parameter +
				"\nkms:Decrypt,kms:Encrypt on arn:aws:kms:" + region + "key/* if map[ForAnyValue:StringEquals:map[kms:ResourceAliases:[alias/shop]]]",
			"ssm:GetParameter on " + parameter + "\nkms:Decrypt on arn:aws:kms:" + region + "key/* if map[ForAnyValue:StringEquals:map[kms:ResourceAliases:[alias/shop]]]"},
		{"object", func(t *testing.T) place { return s3Place(t, "", "{}", true) },
			"s3:GetObject,s3:GetObjectTagging,s3:PutObject,s3:PutObjectTagging on arn:aws:s3:::shop/a/faults.json\ns3:ListBucket on arn:aws:s3:::shop if map[StringEquals:map[s3:prefix:[a/faults.json]]]",
			"s3:GetObject on arn:aws:s3:::shop/a/faults.json\ns3:ListBucket on arn:aws:s3:::shop if map[StringEquals:map[s3:prefix:[a/faults.json]]]"},
		{"no object", func(t *testing.T) place { return s3Place(t, "", "", false) },
			"s3:DeleteObject,s3:GetObject,s3:PutObject on arn:aws:s3:::shop/a/faults.json\ns3:ListBucket on arn:aws:s3:::shop if map[StringEquals:map[s3:prefix:[a/faults.json]]]",
			"s3:GetObject on arn:aws:s3:::shop/a/faults.json\ns3:ListBucket on arn:aws:s3:::shop if map[StringEquals:map[s3:prefix:[a/faults.json]]]"},
		{"profile", func(t *testing.T) place { return appConfigPlace(t, "", "{}") },
			`appconfig:ListApplications,appconfig:ListDeploymentStrategies on *
appconfig:ListConfigurationProfiles,appconfig:ListEnvironments on APP
appconfig:GetDeployment,appconfig:ListDeployments on APP,APP/environment/e1,APP/environment/e1/deployment/*
appconfig:StartDeployment on APP,APP/environment/e1,APP/environment/e1/deployment/*,APP/configurationprofile/p1,arn:aws:appconfig:eu-west-1:123456789012:deploymentstrategy/*
appconfig:CreateHostedConfigurationVersion,appconfig:DeleteHostedConfigurationVersion,appconfig:GetHostedConfigurationVersion on APP,APP/configurationprofile/p1,APP/configurationprofile/p1/hostedconfigurationversion/*`,
			"appconfig:GetLatestConfiguration,appconfig:StartConfigurationSession on APP/environment/e1/configuration/p1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.place(t)
			a := p.action(t, p.factory(), p.latency())
			got, err := a.Permissions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			full := strings.NewReplacer("APP", "arn:aws:appconfig:"+region+"application/a1")
			if text := written(got.Runner); text != function+full.Replace(test.runner) {
				t.Errorf("runner:\n%s\nwant\n%s", text, function+full.Replace(test.runner))
			}
			if text := written(got.Function); text != full.Replace(test.function) {
				t.Errorf("function:\n%s\nwant\n%s", text, full.Replace(test.function))
			}
		})
	}
}

// TestPermissionsSuffice: no step asks the place for more than it was said to need.
func TestPermissionsSuffice(t *testing.T) {
	for _, exists := range []bool{true, false} {
		for _, p := range []place{
			ssmPlace(t, "ssm", ssmtypes.ParameterTypeString, "{}", exists), ssmPlace(t, "secret", ssmtypes.ParameterTypeSecureString, "{}", exists),
			s3Place(t, "s3", "{}", exists), appConfigPlace(t, "appconfig", "{}"),
		} {
			t.Run(fmt.Sprint(p.name, exists), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := p.factory()
					a := p.action(t, f, p.latency())
					needs, err := a.Permissions(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					var allowed []string
					for _, one := range needs.Runner {
						allowed = append(allowed, one.Actions...)
					}
					used := p.calls.watch()
					_, undo := p.applied(t, p.factory(), p.latency())
					if err := p.elsewhere(t, undo); err != nil {
						t.Fatal(err)
					}
					if len(*used) < 3 {
						t.Fatalf("only %q was seen", *used)
					}
					for _, call := range *used {
						if !slices.ContainsFunc(allowed, func(action string) bool { return strings.HasSuffix(action, ":"+call) }) {
							t.Errorf("%s is used and not among %q", call, allowed)
						}
					}
				})
			})
		}
	}
}

// TestNamedPermissions: versions and log groups of their own are named exactly.
func TestNamedPermissions(t *testing.T) {
	config := configured("pay:live", "7", variableConfig, "ssm:/x")
	config.LoggingConfig = &types.LoggingConfig{LogGroup: aws.String("/logs/pay")}
	f := NewFactory(Deps{Lambda: fleet{"pay:live": config}, Remote: true, SSM: func(context.Context, Service) (SSMAPI, error) { return &fakeSSM{calls: &faults{}}, nil }})
	a, _, err := one(f.FaultSets(t.Context(), experiment.Condition{Name: "c", Fault: "exception", Target: experiment.Target{Lambda: "pay:live"}}, params("RUN")))
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Permissions(t.Context())
	if text := written(got.Runner[:2]); err != nil || text != "lambda:GetFunctionConfiguration on "+arnPrefix+"pay,"+arnPrefix+"pay:live\nlogs:FilterLogEvents on arn:aws:logs:eu-west-1:123456789012:log-group:/logs/pay:*" {
		t.Errorf("%s, %v", text, err)
	}
	if name, err := f.FunctionARN(t.Context(), "pay:live"); name != arnPrefix+"pay:live" || err != nil {
		t.Errorf("%s, %v", name, err)
	}
}
