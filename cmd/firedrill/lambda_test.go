package main

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	answers "github.com/firedrill-dev/firedrill/delivery/codedeploy"
	"github.com/firedrill-dev/firedrill/internal/codedeploy"
	"github.com/firedrill-dev/firedrill/local"
)

// deployedExperiment asks of a new version of page that it is not much slower than the one before while stock is slow.
const deployedExperiment = `version: 1
title: The new page survives a slow stock
objective: Pages of the new version wait no longer for a slow stock than those of the version before
load:
  canary:   {lambda: "${function}:${canary}", rate: 4/s, timeout: 20s}
  baseline: {lambda: "${function}:${baseline}", rate: 4/s, timeout: 20s}
measures:
  - {name: latency, of: load.canary, against: load.baseline, expect: p50 <= +1500ms}
  - {name: errors, of: load.canary, expect: error_rate < 50%}
conditions:
  - {name: slow stock, fault: latency, target: {lambda: stock}, with: {min: 4s}}
phases: {baseline: 4s, baseline_max: 30s, fault: 6s, recovery: 20s}
`

// startDeployed starts a host with a function that has three versions, of which the third is careless, and a hook that verifies them.
func startDeployed(t *testing.T, codeDeploy string) *lambda.Client {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "slow-stock.yaml"), []byte(deployedExperiment), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	as := `environment: {` + asFiredrill + `: "1"}`
	text := `{version: 1, lambda: {listen: "127.0.0.1:0"}, functions: {
  stock: {command: [` + strconv.Quote(self) + `, demo, function, stock], timeout: 20s, ` + as + `},
  page:  {command: [` + strconv.Quote(self) + `, demo, function, page-careful], timeout: 20s, ` + as + `, aliases: {live: 1}, versions: {
    1: {}, 2: {}, 3: {command: [` + strconv.Quote(self) + `, demo, function, page-careless]}}},
  hook:  {command: [` + strconv.Quote(self) + `], handler: codedeploy, timeout: 900s, environment: {` + asFiredrill + `: "1",
    AWS_ENDPOINT_URL_CODEDEPLOY: ` + codeDeploy + `, FIREDRILL_EXPERIMENTS: ` + strconv.Quote(dir) + `, FIREDRILL_STATE: ` + strconv.Quote(filepath.Join(dir, "state")) + `}}}}`
	cfg, err := local.ParseFile("functions.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	host, err := local.Start(ctx, *cfg, local.Options{StateDir: t.TempDir(), BaseEnv: os.Environ(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = host.Close(ctx) })
	client, err := newLambda(ctx, "http://"+host.LambdaAddr(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestCodeDeploy deploys a good version and a bad one, which works as long as nothing is slow. The whole chain is real but for
// CodeDeploy itself: the hook is a function, and the deployments move an alias.
func TestCodeDeploy(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	web := httptest.NewUnstartedServer(nil) // its address comes first: the hook's function is to ask there
	client := startDeployed(t, "http://"+web.Listener.Addr().String())
	server := codedeploy.New(client, time.Millisecond)
	web.Config.Handler = server
	web.Start()
	defer web.Close()
	tests := []struct {
		name, target, before, after string
		status, live                string
	}{
		{"a good version", "2", "hook", "", "Succeeded", "2"},
		{"a bad version", "3", "hook", "", "Failed", "2"},
	}
	current := "1"
	for _, tt := range tests {
		outcome, err := server.Wait(ctx, server.Begin(ctx, codedeploy.Deployment{
			Function: "page", Alias: "live", Current: current, Target: tt.target, Before: tt.before, After: tt.after, CanaryPercent: 10, HookTimeout: 4 * time.Minute,
		}))
		if err != nil {
			t.Fatal(err)
		}
		if outcome.Status != tt.status {
			t.Errorf("%s: %+v", tt.name, outcome)
		}
		if tt.status != "Succeeded" && len(outcome.Weights) > 0 {
			t.Errorf("%s had traffic: %v %%", tt.name, outcome.Weights)
		}
		alias, err := client.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: aws.String("page"), Name: aws.String("live")})
		if err != nil {
			t.Fatal(err)
		}
		if current = aws.ToString(alias.FunctionVersion); current != tt.live || alias.RoutingConfig != nil && len(alias.RoutingConfig.AdditionalVersionWeights) > 0 {
			t.Errorf("%s: the alias leads to %s, %+v", tt.name, current, alias.RoutingConfig)
		}
	}
	server.Close()
}

func TestAsFunction(t *testing.T) {
	env := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	inLambda := env(map[string]string{variableRuntime: "127.0.0.1:9001"})
	for _, tt := range []struct {
		args   []string
		getenv func(string) string
		want   string
	}{
		{nil, env(nil), `null`},
		{nil, inLambda, `["lambda"]`},
		{[]string{"verify", "x"}, inLambda, `["verify","x"]`},
	} {
		if got, err := json.Marshal(asFunction(tt.args, tt.getenv)); err != nil || string(got) != tt.want {
			t.Errorf("%v: %s, %v; want %s", tt.args, got, err, tt.want)
		}
	}
}

// TestCodeDeployTemplate: the template allows what the hook calls, and nothing else.
func TestCodeDeployTemplate(t *testing.T) {
	text, err := os.ReadFile("../../deploy/codedeploy/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type function struct {
		Properties struct {
			Handler  string `yaml:"Handler"`
			Timeout  int    `yaml:"Timeout"`
			Policies []struct {
				Statement []struct {
					Action []string `yaml:"Action"`
				} `yaml:"Statement"`
			} `yaml:"Policies"`
		} `yaml:"Properties"`
	}
	var template struct {
		Resources map[string]function `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	p := template.Resources["Verify"].Properties
	if p.Handler != "codedeploy" || p.Timeout != 900 || len(p.Policies) != 1 || len(p.Policies[0].Statement) != 1 {
		t.Fatalf("%+v", p)
	}
	if diff := cmp.Diff(answers.Actions(), p.Policies[0].Statement[0].Action); diff != "" {
		t.Error(diff)
	}
}
