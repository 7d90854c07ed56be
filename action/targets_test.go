package action

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

// fleet is several functions by name, each with the configuration that it was given.
type fleet map[string]*lambda.GetFunctionConfigurationOutput

func (f fleet) GetFunctionConfiguration(_ context.Context, in *lambda.GetFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	out, ok := f[*in.FunctionName]
	if !ok {
		return nil, &types.ResourceNotFoundException{}
	}
	return out, nil
}

func (f fleet) UpdateFunctionConfiguration(context.Context, *lambda.UpdateFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	panic("nothing may be changed")
}

const arnPrefix = "arn:aws:lambda:eu-west-1:123456789012:function:"

// configured is a function's, or a version's, configuration.
func configured(arn, version string, env ...string) *lambda.GetFunctionConfigurationOutput {
	variables := map[string]string{}
	for i := 0; i < len(env); i += 2 {
		variables[env[i]] = env[i+1]
	}
	return &lambda.GetFunctionConfigurationOutput{FunctionArn: aws.String(arnPrefix + arn), Version: &version, Environment: &types.EnvironmentResponse{Variables: variables}}
}

// TestTargets: what an experiment names, and which fault sets that means.
func TestTargets(t *testing.T) {
	functions := fleet{
		"cart":            configured("cart", "$LATEST", variableConfig, "{}"),
		"stock":           configured("stock", "$LATEST", variableConfig, "ssm:/shop/faults"),
		"pay":             configured("pay", "$LATEST", variableConfig, "ssm:/shop/faults"),
		"pay:live":        configured("pay:live", "7", variableConfig, "ssm:/pay/7"),
		"cart:live":       configured("cart:live", "3", variableConfig, "{}"),
		"cart:$LATEST":    configured("cart:$LATEST", "$LATEST", variableConfig, "{}"),
		"plain":           configured("plain", "$LATEST"),
		"failure":         configured("failure", "$LATEST", variableFailureParam, "failures", variableChaosParam, "chaos"),
		"chaos":           configured("chaos", "$LATEST", variableChaosParam, "chaos"),
		arnPrefix + "pay": configured("pay", "$LATEST", variableConfig, "ssm:/shop/faults"),
	}
	var tags []string
	deps := Deps{Lambda: functions, Remote: true,
		SSM:  func(context.Context, Service) (SSMAPI, error) { return &fakeSSM{calls: &faults{}}, nil },
		Home: func(context.Context, string) (Service, error) { return Service{"eu-west-1", "123456789012", ""}, nil },
		Tagged: func(_ context.Context, key, value string) ([]string, error) {
			if key+"="+value != "team=a=b" {
				t.Errorf("asked for %s=%s", key, value)
			}
			return slices.Clone(tags), nil
		},
		InStack: func(context.Context, string) ([]string, error) { return slices.Clone(tags), nil },
	}
	const parameter = "ssm:eu-west-1:123456789012:"
	for _, test := range []struct {
		name   string
		target experiment.Target
		tags   []string
		want   string // keys with what each counts
		err    string
	}{
		{"one", experiment.Target{Lambda: "cart"}, nil, "lambda:" + arnPrefix + "cart:FIREDRILL_CONFIG (cart)", ""},
		{"two", experiment.Target{Functions: []string{"cart", "stock"}}, nil, "lambda:" + arnPrefix + "cart:FIREDRILL_CONFIG (cart); " + parameter + "/shop/faults (stock)", ""},
		{"two that share a fault set", experiment.Target{Functions: []string{"pay", "stock"}}, nil, parameter + "/shop/faults (pay, stock)", ""},
		{"one of two is missing", experiment.Target{Functions: []string{"cart", "none"}}, nil, "", "none was not found"},
		{"an alias", experiment.Target{Lambda: "pay:live"}, nil, parameter + "/pay/7 (pay:live)", ""},
		{"an alias with its fault set in its environment", experiment.Target{Lambda: "cart:live"}, nil, "", "never changes"},
		{"the newest version by its name", experiment.Target{Lambda: "cart:$LATEST"}, nil, "lambda:" + arnPrefix + "cart:FIREDRILL_CONFIG (cart:$LATEST)", ""},
		{"other tools' variables", experiment.Target{Lambda: "failure"}, nil, parameter + "failures (failure)", ""},
		{"the oldest tool's variable", experiment.Target{Lambda: "chaos"}, nil, parameter + "chaos (chaos)", ""},
		{"a tag", experiment.Target{Tag: "team=a=b"}, []string{"stock", "cart", "stock"}, "lambda:" + arnPrefix + "cart:FIREDRILL_CONFIG (cart); " + parameter + "/shop/faults (stock)", ""},
		{"a tag that nothing has", experiment.Target{Tag: "team=a=b"}, nil, "", "there are none"},
		{"a tag on too much", experiment.Target{Tag: "team=a=b", Max: 1}, []string{"cart", "stock"}, "", "at most 1"},
		{"a tag on a function that did not opt in", experiment.Target{Tag: "team=a=b"}, []string{"cart", "plain"}, "", "opted in"},
		{"a share of a tag", experiment.Target{Tag: "team=a=b", Percent: 50}, []string{"stock", "cart"}, "lambda:" + arnPrefix + "cart:FIREDRILL_CONFIG (cart)", ""},
		{"some of a list", experiment.Target{Functions: []string{"cart", "stock"}, Count: 1}, nil, "lambda:" + arnPrefix + "cart:FIREDRILL_CONFIG (cart)", ""},
		{"a stack", experiment.Target{Stack: "shop"}, []string{"stock"}, parameter + "/shop/faults (stock)", ""},
		{"another region", experiment.Target{Lambda: "cart", Region: "eu-north-1"}, nil, "", "other account or region"},
		{"a parameter", experiment.Target{SSM: "/shop/faults"}, nil, parameter + "/shop/faults (parameter /shop/faults)", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tags = test.tags
			sets, err := NewFactory(deps).FaultSets(t.Context(), experiment.Condition{Name: "c", Fault: "exception", Target: test.target}, params("RUN"))
			var got []string
			for _, a := range sets {
				got = append(got, a.Key()+" ("+a.Label()+")")
			}
			if text := strings.Join(got, "; "); text != test.want || (err != nil) != (test.err != "") {
				t.Errorf("got %s, %v\nwant %s", text, err, test.want)
			}
			if err != nil && (!strings.Contains(err.Error(), test.err) || hint(err) == "") {
				t.Errorf("got %v (hint %q), want ...%s...", err, hint(err), test.err)
			}
		})
	}
}

// TestSharedProof: the injections of functions that share a fault set count together, and only if all are known.
func TestSharedProof(t *testing.T) {
	functions := fleet{"pay:live": configured("pay:live", "7", variableConfig, "ssm:/x"), arnPrefix + "stock": configured("stock", "$LATEST", variableConfig, "ssm:/x")}
	known := map[string]bool{"pay": true, "stock": true}
	f := NewFactory(Deps{Lambda: functions, Remote: true, Injections: func(_ context.Context, function, run, kind string) (Proof, error) {
		if run != "RUN" || kind != "exception" {
			t.Errorf("asked for %s, %s", run, kind)
		}
		return Proof{known[function], 3, 2, function == "pay"}, nil
	}})
	a, _, err := one(f.FaultSets(t.Context(), experiment.Condition{Name: "c", Fault: "exception", Target: experiment.Target{Functions: []string{"pay:live", arnPrefix + "stock"}}}, params("RUN")))
	if err != nil {
		t.Fatal(err)
	}
	if p, err := a.Proof(t.Context()); p != (Proof{true, 6, 4, true}) || err != nil {
		t.Errorf("%+v, %v", p, err)
	}
	known["stock"] = false
	if p, _ := a.Proof(t.Context()); p.Known {
		t.Error("one function is not counted, and the sum is called known")
	}
	if names := strings.Join(a.Names(), " "); !strings.Contains(names, "stock") || !strings.Contains(names, "/x") || !strings.Contains(names, "pay:live") {
		t.Errorf("names %s", names)
	}
}

// TestFunctionOnThisMachine: its own environment says where it reads, and the run writes there.
func TestFunctionOnThisMachine(t *testing.T) {
	for _, test := range []struct {
		name string
		env  []string
		home string
		want string // endpoint, or error
	}{
		{"its own endpoint", []string{"AWS_ENDPOINT_URL", "http://a", "AWS_ENDPOINT_URL_SSM", "http://b"}, "http://c", "http://b"},
		{"one for all services", []string{"AWS_ENDPOINT_URL", "http://a"}, "http://c", "http://a"},
		{"the run's", nil, "http://c", "http://c"},
		{"none", nil, "", "no address"},
		{"its own endpoint, and a run without access to AWS", []string{"AWS_ENDPOINT_URL_SSM", "http://b"}, "none", "http://b"},
		{"no endpoint, and a run without access to AWS", nil, "none", "no address"},
	} {
		functions := fleet{"pay": configured("pay", "$LATEST", append(test.env, variableConfig, "ssm:/x")...)}
		f := NewFactory(Deps{Lambda: functions, Home: func(context.Context, string) (Service, error) {
			if test.home == "none" {
				return Service{}, errors.New("no credentials")
			}
			return Service{Endpoint: test.home}, nil
		}})
		place, err := f.locate(t.Context(), experiment.Target{Lambda: "pay"})
		if err != nil && !strings.Contains(err.Error(), test.want) || err == nil && place.service() != (Service{"eu-west-1", "", test.want}) {
			t.Errorf("%s: %+v, %v", test.name, place, err)
		}
	}
}

// TestProofOfAliases: a function under two names is counted once.
func TestProofOfAliases(t *testing.T) {
	p := ssmPlace(t, "ssm", ssmtypes.ParameterTypeString, "{}", true)
	p.deps.Injections = func(_ context.Context, function, _, _ string) (Proof, error) {
		return Proof{Known: true, Planned: 3, Fired: 2}, nil
	}
	p.target = experiment.Target{Functions: []string{"shop", "shop:live", "arn:aws:lambda:eu-west-1:123456789012:function:shop"}}
	a := p.action(t, p.factory(), p.latency())
	if got, err := a.Proof(t.Context()); err != nil || got != (Proof{Known: true, Planned: 3, Fired: 2}) {
		t.Errorf("%+v, %v", got, err)
	}
}
