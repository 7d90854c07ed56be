package codedeploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/delivery/codedeploy"
	standin "github.com/firedrill-dev/firedrill/internal/codedeploy"
)

// lambdas is Lambda: it has one alias, and hands the hook's events to the hook.
type lambdas struct {
	handle func(payload []byte)

	mu      sync.Mutex
	updates []string
	work    sync.WaitGroup
}

func (l *lambdas) GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error) {
	return &lambda.GetAliasOutput{}, nil
}

func (l *lambdas) UpdateAlias(_ context.Context, in *lambda.UpdateAliasInput, _ ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.updates = append(l.updates, aws.ToString(in.FunctionVersion))
	return &lambda.UpdateAliasOutput{}, nil
}

func (l *lambdas) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	l.work.Go(func() { l.handle(in.Payload) })
	return &lambda.InvokeOutput{}, nil
}

// play deploys once, with a hook that verifies so, and returns how it ended and what the hook answered.
func play(t *testing.T, d standin.Deployment, change func(*codedeploy.Hook, *standin.Server)) (standin.Outcome, []codedeploy.Answer, []error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	l := &lambdas{}
	s := standin.New(l, 0)
	web := httptest.NewServer(s)
	defer web.Close()
	api := sdk.New(sdk.Options{Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 2})
	hook := &codedeploy.Hook{API: api, Margin: time.Millisecond, Verify: func(context.Context, codedeploy.Deployment) error { return nil }}
	change(hook, s)
	var mu sync.Mutex
	var answers []codedeploy.Answer
	var errs []error
	l.handle = func(payload []byte) {
		answer, err := hook.Handle(ctx, payload)
		mu.Lock()
		defer mu.Unlock()
		answers, errs = append(answers, answer), append(errs, err)
	}
	d.Function, d.Alias, d.Current, d.Target = "shop", "live", "1", "2"
	if d.HookTimeout == 0 {
		d.HookTimeout = 30 * time.Second
	}
	outcome, err := s.Wait(ctx, s.Begin(ctx, d))
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	l.work.Wait()
	return outcome, answers, errs
}

func TestHook(t *testing.T) {
	both := standin.Deployment{Before: "hook", After: "hook", CanaryPercent: 10}
	bad := func(when string) func(*codedeploy.Hook, *standin.Server) {
		return func(h *codedeploy.Hook, _ *standin.Server) {
			h.Verify = func(_ context.Context, d codedeploy.Deployment) error {
				if d.Hook == when {
					return errors.New("version 2 is bad")
				}
				return nil
			}
		}
	}
	tests := []struct {
		name    string
		change  func(*codedeploy.Hook, *standin.Server)
		status  string
		weights []float64
	}{
		{"good", bad("never"), "Succeeded", []float64{10, 100}},
		{"bad before it has traffic", bad(codedeploy.BeforeAllowTraffic), "Failed", nil},
		{"bad once it has", bad(codedeploy.AfterAllowTraffic), "Failed", []float64{10, 100, 0}},
		{"a verification that panics", func(h *codedeploy.Hook, _ *standin.Server) {
			h.Verify = func(context.Context, codedeploy.Deployment) error { panic("oh") }
		}, "Failed", nil},
		{"CodeDeploy does not list", func(_ *codedeploy.Hook, s *standin.Server) { s.Break("ListDeploymentTargets", 2) }, "Failed", nil},
		{"CodeDeploy does not describe", func(_ *codedeploy.Hook, s *standin.Server) { s.Break("BatchGetDeploymentTargets", 2) }, "Failed", nil},
		{"CodeDeploy does not show its hook yet", func(h *codedeploy.Hook, s *standin.Server) { h.Again = time.Millisecond; s.Hide(2) }, "Succeeded", []float64{10, 100}},
		{"the first answer is lost", func(_ *codedeploy.Hook, s *standin.Server) { s.Break("PutLifecycleEventHookExecutionStatus", 1) }, "Succeeded", []float64{10, 100}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outcome, answers, errs := play(t, both, tt.change)
			if outcome.Status != tt.status || cmp.Diff(tt.weights, outcome.Weights) != "" || errors.Join(errs...) != nil {
				t.Errorf("%+v, answers %+v, errors %v; want %s with weights %v", outcome, answers, errs, tt.status, tt.weights)
			}
		})
	}
}

// TestHookWithoutAnswer: an answer that did not get there is an error, so that Lambda invokes the function again.
func TestHookWithoutAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan error, 1)
	l := &lambdas{}
	s := standin.New(l, 0)
	web := httptest.NewServer(s)
	defer web.Close()
	s.Break("PutLifecycleEventHookExecutionStatus", 2)
	api := sdk.New(sdk.Options{Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), RetryMaxAttempts: 2})
	hook := &codedeploy.Hook{API: api, Verify: func(context.Context, codedeploy.Deployment) error { return nil }}
	l.handle = func(payload []byte) {
		_, err := hook.Handle(ctx, payload)
		heard <- err
	}
	id := s.Begin(ctx, standin.Deployment{Function: "f", Alias: "a", Current: "1", Target: "2", Before: "hook", HookTimeout: time.Hour})
	if err := <-heard; err == nil || !strings.Contains(err.Error(), "tell CodeDeploy Succeeded") {
		t.Error(err)
	}
	cancel()
	if outcome, err := s.Wait(t.Context(), id); err != nil || outcome.Status != "Failed" || len(outcome.Weights) > 0 {
		t.Errorf("%+v, %v", outcome, err)
	}
	s.Close()
}

// TestHookSaysWhatIsDeployed: the event does not, CodeDeploy does.
func TestHookSaysWhatIsDeployed(t *testing.T) {
	var got []codedeploy.Deployment
	play(t, standin.Deployment{Before: "hook", After: "hook"}, func(h *codedeploy.Hook, _ *standin.Server) {
		h.Verify = func(_ context.Context, d codedeploy.Deployment) error {
			got = append(got, d)
			return nil
		}
	})
	want := []codedeploy.Deployment{
		{Function: "shop", Alias: "live", Baseline: "1", Canary: "2", Hook: codedeploy.BeforeAllowTraffic},
		{Function: "shop", Alias: "live", Baseline: "1", Canary: "2", Hook: codedeploy.AfterAllowTraffic},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestHookKeepsTimeForItsAnswer(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	l := &lambdas{}
	s := standin.New(l, 0)
	web := httptest.NewServer(s)
	defer web.Close()
	api := sdk.New(sdk.Options{Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	for _, tt := range []struct {
		margin time.Duration
		want   string
	}{{time.Minute, "Succeeded"}, {2 * time.Hour, "Failed"}} {
		var left time.Duration
		hook := &codedeploy.Hook{API: api, Margin: tt.margin, Verify: func(ctx context.Context, _ codedeploy.Deployment) error {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return nil
		}}
		l.handle = func(payload []byte) {
			if a, err := hook.Handle(ctx, payload); a.Status != tt.want || err != nil {
				t.Errorf("margin %s: %+v, %v", tt.margin, a, err)
			}
		}
		if _, err := s.Wait(ctx, s.Begin(ctx, standin.Deployment{Function: "f", Alias: "a", Current: "1", Target: "2", Before: "hook", HookTimeout: time.Minute})); err != nil {
			t.Fatal(err)
		}
		l.work.Wait()
		if tt.want == "Succeeded" && left > time.Hour-tt.margin {
			t.Errorf("it has %s of an hour, with a margin of %s", left, tt.margin)
		}
	}
	s.Close()
}

func TestHookRefusesOtherEvents(t *testing.T) {
	hook := &codedeploy.Hook{}
	for _, text := range []string{"", "{}", "[]", "null", `{"DeploymentId":"d-1"}`, `{"DeploymentId":1,"LifecycleEventHookExecutionId":2}`, `{"Records":[]}`} {
		if _, err := hook.Handle(t.Context(), json.RawMessage(text)); err == nil || !strings.Contains(err.Error(), "AppSpec") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestHookIsNotWaitedFor: Lambda may invoke a function again whose answer got there.
func TestHookIsNotWaitedFor(t *testing.T) {
	var hook *codedeploy.Hook
	var event []byte
	ctx := t.Context()
	l := &lambdas{}
	s := standin.New(l, 0)
	web := httptest.NewServer(s)
	defer web.Close()
	verified := 0
	hook = &codedeploy.Hook{Again: time.Millisecond, API: sdk.New(sdk.Options{Region: "eu-west-1", BaseEndpoint: aws.String(web.URL), Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}),
		Verify: func(context.Context, codedeploy.Deployment) error { verified++; return nil }}
	l.handle = func(payload []byte) {
		event = payload
		if _, err := hook.Handle(ctx, payload); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Wait(ctx, s.Begin(ctx, standin.Deployment{Function: "f", Alias: "a", Current: "1", Target: "2", Before: "hook", HookTimeout: time.Minute})); err != nil {
		t.Fatal(err)
	}
	l.work.Wait()
	if a, err := hook.Handle(ctx, event); err != nil || a.Status != "Skipped" || verified != 1 {
		t.Errorf("%+v, %v, verified %d times", a, err, verified)
	}
	s.Close()
}
