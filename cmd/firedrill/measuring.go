package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/probe"
)

// measuring is the way of an experiment's measures, stop rules and guards into its accounts. Access is kept once it is found, since
// alarms are read every few seconds.
type measuring struct {
	s *session
	x *experiment.Experiment

	mu   sync.Mutex
	kept map[[3]string]aws.Config // by service, account and region
}

func newMeasuring(s *session, x *experiment.Experiment) *measuring {
	return &measuring{s: s, x: x, kept: map[[3]string]aws.Config{}}
}

// deps are what the probes of an experiment need.
func (m *measuring) deps() probe.Deps {
	return probe.Deps{Invoke: m.invoke, CloudWatch: m.cloudWatch, Logs: m.logs}
}

// place is where a service of an account is asked, by the account's name in the experiment.
func (m *measuring) place(ctx context.Context, service, name, region string) (account.Place, error) {
	var in *experiment.Account
	if name != "" {
		found, ok := m.x.FindAccount(name)
		if !ok {
			return account.Place{}, &failure{code: exitUsage, err: fmt.Errorf("there is no account %q", name), hint: "accounts: names the accounts of an experiment"}
		}
		in = &found
	}
	return m.s.place(ctx, service, in, region)
}

func (m *measuring) config(ctx context.Context, service, name, region string) (aws.Config, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [3]string{service, name, region}
	if cfg, ok := m.kept[key]; ok {
		return cfg, nil
	}
	at, err := m.place(ctx, service, name, region)
	if err != nil {
		return aws.Config{}, err
	}
	cfg, err := m.s.access(ctx, service, at, "measures")
	if err == nil {
		m.kept[key] = cfg
	}
	return cfg, err
}

func (m *measuring) cloudWatch(ctx context.Context, name, region string) (probe.CloudWatchAPI, error) {
	cfg, err := m.config(ctx, "cloudwatch", name, region)
	if err != nil {
		return nil, err
	}
	return cloudwatch.NewFromConfig(cfg), nil
}

func (m *measuring) logs(ctx context.Context, name, region string) (probe.LogsAPI, error) {
	cfg, err := m.config(ctx, "cloudwatch_logs", name, region)
	if err != nil {
		return nil, err
	}
	return cloudwatchlogs.NewFromConfig(cfg), nil
}

// invoke invokes a function for a measure.
func (m *measuring) invoke(ctx context.Context, f probe.Function, payload []byte) (probe.InvokeResult, error) {
	client, err := m.lambda(ctx, f)
	if err != nil {
		return probe.InvokeResult{}, err
	}
	out, err := m.s.invokeBy(ctx, client, f.Name, payload)
	if err != nil {
		return probe.InvokeResult{}, err
	}
	if out.status >= 300 {
		return probe.InvokeResult{}, &refusedCall{f.Name, out}
	}
	return probe.InvokeResult{Payload: out.payload, FunctionError: out.functionError, Version: out.version}, nil
}

// lambda is the session's client, or that of another account or region.
func (m *measuring) lambda(ctx context.Context, f probe.Function) (*lambda.Client, error) {
	if f.Account == "" && f.Region == "" {
		return m.s.lambda(ctx)
	}
	cfg, err := m.config(ctx, "lambda", f.Account, f.Region)
	if err != nil {
		return nil, err
	}
	return lambda.NewFromConfig(cfg, func(o *lambda.Options) {
		o.Retryer = aws.NopRetryer{} // a retry would hide what the measure is there to see
		o.HTTPClient = awshttp.NewBuildableClient()
	}), nil
}

// refusedCall is an answer of Lambda's that is none of the function's.
type refusedCall struct {
	function string
	invocation
}

// Error tells what Lambda said.
func (r *refusedCall) Error() string {
	return fmt.Sprintf("invoke %s: %d %s", r.function, r.status, r.payload)
}

// ErrorCode is the class of the observation: 429 for a throttled call.
func (r *refusedCall) ErrorCode() string { return strconv.Itoa(r.status) }

// permissions adds what the measures, stop rules and guards of an experiment need where they look.
func (m *measuring) permissions(ctx context.Context, all *needed) error {
	add := func(name string, permissions []probe.Permission) {
		for _, p := range permissions {
			all.runner[name] = append(all.runner[name], action.Permission{Actions: p.Actions, Resources: p.Resources})
		}
		if in, ok := m.x.FindAccount(name); ok {
			all.assume(in)
		}
	}
	for _, one := range m.x.Measures {
		here := one.Probe.Account == "" && one.Probe.Region == ""
		service := map[string]string{experiment.Logs: "cloudwatch_logs", experiment.Invoke: "lambda"}[one.Of]
		if one.Of == experiment.Invoke && here {
			continue // its name is looked up
		}
		var at account.Place
		var err error
		if service != "" {
			if at, err = m.place(ctx, service, one.Probe.Account, one.Probe.Region); err != nil {
				return err
			}
		}
		add(one.Probe.Account, probe.Permissions(one, at.Region, at.Account))
	}
	alarms := slices.Clone(m.x.Guards.NoAlarm)
	for _, rule := range m.x.Stop {
		alarms = append(alarms, rule.Alarm)
	}
	for _, a := range alarms {
		if a.Name != "" {
			add(a.Account, probe.AlarmPermissions())
		}
	}
	return nil
}
