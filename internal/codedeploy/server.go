// Package codedeploy is a stand-in for AWS CodeDeploy in tests, as far as deployments of Lambda functions go: it calls the hooks, shifts
// the alias as the deployment configuration says, and rolls back. It works on a real Lambda API, which is given to it.
package codedeploy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// The statuses of deployments and lifecycle events.
const (
	pending    = "Pending"
	inProgress = "InProgress"
	succeeded  = "Succeeded"
	failed     = "Failed"
	skipped    = "Skipped"
)

// LambdaAPI is what deployments need of Lambda.
type LambdaAPI interface {
	GetAlias(ctx context.Context, in *lambda.GetAliasInput, opts ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
	UpdateAlias(ctx context.Context, in *lambda.UpdateAliasInput, opts ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error)
	Invoke(ctx context.Context, in *lambda.InvokeInput, opts ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// A Server deploys. Make it with New.
type Server struct {
	lambda   LambdaAPI
	interval time.Duration // between the steps of a canary, which AWS counts in minutes

	mu          sync.Mutex
	deployments map[string]*deployment
	broken      map[string]int // operations that fail so many times more
	hidden      int            // how many times more a deployment is described as it was before its hook
	work        sync.WaitGroup
}

// Hide lets the next descriptions of deployments not show yet what is in progress.
func (s *Server) Hide(times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hidden = times
}

// A Deployment says what to deploy.
type Deployment struct {
	Function, Alias  string
	Current, Target  string
	Before, After    string        // the functions that the hooks name; empty: none
	CanaryPercent    float64       // 0: all at once
	HookTimeout      time.Duration // AWS waits an hour
	WithoutRollback  bool
	lifecycle        []*event
	status, reason   string
	execution, token string
}

type deployment struct {
	Deployment
	answers chan string
	weights []float64 // of the target, in percent, as they were set
	done    chan struct{}
}

type event struct{ name, status string }

// New makes a server whose deployments work on a Lambda API.
func New(api LambdaAPI, interval time.Duration) *Server {
	return &Server{lambda: api, interval: interval, deployments: map[string]*deployment{}, broken: map[string]int{}}
}

// Break lets the next calls of an operation fail.
func (s *Server) Break(operation string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[operation] = times
}

// Begin begins a deployment, whose id it returns. It goes on until ctx ends.
func (s *Server) Begin(ctx context.Context, d Deployment) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprintf("d-%09d", len(s.deployments)+1)
	d.status = inProgress
	d.lifecycle = []*event{{"Start", succeeded}, {"BeforeAllowTraffic", pending}, {"AllowTraffic", pending}, {"AfterAllowTraffic", pending}, {"End", pending}}
	run := &deployment{Deployment: d, answers: make(chan string, 1), done: make(chan struct{})}
	s.deployments[id] = run
	s.work.Go(func() { s.deploy(ctx, id, run) })
	return id
}

// An Outcome is how a deployment ended.
type Outcome struct {
	Status, Reason string
	Weights        []float64 // that the target had, in percent, one after the other
}

// Wait waits for a deployment's end.
func (s *Server) Wait(ctx context.Context, id string) (Outcome, error) {
	s.mu.Lock()
	d := s.deployments[id]
	s.mu.Unlock()
	select {
	case <-d.done:
	case <-ctx.Done():
		return Outcome{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return Outcome{d.status, d.reason, d.weights}, nil
}

// Close waits for all deployments, whose contexts have ended.
func (s *Server) Close() { s.work.Wait() }

// deploy goes through the lifecycle.
func (s *Server) deploy(ctx context.Context, id string, d *deployment) {
	defer close(d.done)
	steps := []struct {
		name string
		do   func() error
	}{
		{"BeforeAllowTraffic", func() error { return s.hook(ctx, id, d, d.Before) }},
		{"AllowTraffic", func() error { return s.shift(ctx, d) }},
		{"AfterAllowTraffic", func() error { return s.hook(ctx, id, d, d.After) }},
	}
	for i, step := range steps {
		s.set(d, i+1, inProgress)
		err := step.do()
		if err == nil {
			s.set(d, i+1, succeeded)
			continue
		}
		s.set(d, i+1, failed)
		for later := i + 2; later < len(d.lifecycle); later++ {
			s.set(d, later, skipped)
		}
		if !d.WithoutRollback && i > 0 {
			err = joined(err, s.route(context.WithoutCancel(ctx), d, 0))
		}
		s.end(d, failed, err.Error())
		return
	}
	s.set(d, len(d.lifecycle)-1, succeeded)
	s.end(d, succeeded, "")
}

func joined(err, other error) error {
	if other == nil {
		return err
	}
	return fmt.Errorf("%w; and the rollback: %w", err, other)
}

func (s *Server) set(d *deployment, i int, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.lifecycle[i].status = status
}

func (s *Server) end(d *deployment, status, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.status, d.reason = status, reason
}

// hook invokes a function, and waits for what it says.
func (s *Server) hook(ctx context.Context, id string, d *deployment, function string) error {
	if function == "" {
		return nil
	}
	s.mu.Lock()
	d.execution = fmt.Sprintf("hook-%s-%d", id, time.Now().UnixNano())
	payload, err := json.Marshal(map[string]string{"DeploymentId": id, "LifecycleEventHookExecutionId": d.execution})
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if _, err := s.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(function), InvocationType: lambdatypes.InvocationTypeEvent, Payload: payload}); err != nil {
		return fmt.Errorf("invoke hook %s: %w", function, err)
	}
	late := time.NewTimer(d.HookTimeout)
	defer late.Stop()
	select {
	case status := <-d.answers:
		if status != succeeded {
			return fmt.Errorf("hook %s answered %s", function, status)
		}
		return nil
	case <-late.C:
		return fmt.Errorf("hook %s did not answer within %s", function, d.HookTimeout)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shift leads the alias to the target, at once or with a step between.
func (s *Server) shift(ctx context.Context, d *deployment) error {
	if d.CanaryPercent > 0 {
		if err := s.route(ctx, d, d.CanaryPercent); err != nil {
			return err
		}
		select {
		case <-time.After(s.interval):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return s.route(ctx, d, 100)
}

func (s *Server) route(ctx context.Context, d *deployment, percent float64) error {
	in := &lambda.UpdateAliasInput{FunctionName: aws.String(d.Function), Name: aws.String(d.Alias), FunctionVersion: aws.String(d.Current), RoutingConfig: &lambdatypes.AliasRoutingConfiguration{}}
	switch {
	case percent == 100:
		in.FunctionVersion = aws.String(d.Target)
	case percent > 0:
		in.RoutingConfig.AdditionalVersionWeights = map[string]float64{d.Target: percent / 100}
	}
	if _, err := s.lambda.UpdateAlias(ctx, in); err != nil {
		return fmt.Errorf("route %g %% to version %s: %w", percent, d.Target, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.weights = append(d.weights, percent)
	return nil
}

// ServeHTTP implements http.Handler: the three operations that a hook asks for, in AWS's JSON 1.1.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "CodeDeploy_20141006.")
	var in struct {
		DeploymentID string   `json:"deploymentId"`
		Execution    string   `json:"lifecycleEventHookExecutionId"`
		Status       string   `json:"status"`
		Targets      []string `json:"targetIds"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, "InvalidInputException", err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken[operation] > 0 {
		s.broken[operation]--
		refuse(w, "ThrottlingException", "Rate exceeded")
		return
	}
	d := s.deployments[in.DeploymentID]
	if d == nil {
		refuse(w, "DeploymentDoesNotExistException", "The deployment "+in.DeploymentID+" could not be found")
		return
	}
	switch operation {
	case "ListDeploymentTargets":
		answer(w, map[string]any{"targetIds": []string{d.Function + ":" + d.Alias}})
	case "BatchGetDeploymentTargets":
		answer(w, map[string]any{"deploymentTargets": []any{d.describe(in.DeploymentID, s.hidden > 0)}})
		s.hidden = max(0, s.hidden-1)
	case "PutLifecycleEventHookExecutionStatus":
		s.hear(w, d, in.Execution, in.Status)
	default:
		refuse(w, "UnsupportedOperation", operation)
	}
}

// hear takes a hook's answer.
func (s *Server) hear(w http.ResponseWriter, d *deployment, execution, status string) {
	switch {
	case status != succeeded && status != failed:
		refuse(w, "InvalidLifecycleEventHookExecutionStatusException", status)
	case execution == "" || execution != d.execution:
		refuse(w, "InvalidLifecycleEventHookExecutionIdException", execution)
	case d.token == execution:
		refuse(w, "LifecycleEventAlreadyCompletedException", execution)
	default:
		d.token = execution
		d.answers <- status
		answer(w, map[string]any{"lifecycleEventHookExecutionId": execution})
	}
}

func (d *deployment) describe(id string, hidden bool) map[string]any {
	var events []any
	for _, e := range d.lifecycle {
		status := e.status
		if hidden && status == inProgress {
			status = pending
		}
		events = append(events, map[string]any{"lifecycleEventName": e.name, "status": status})
	}
	return map[string]any{"deploymentTargetType": "LambdaTarget", "lambdaTarget": map[string]any{
		"deploymentId": id, "targetId": d.Function + ":" + d.Alias, "status": d.status, "lifecycleEvents": events,
		"lambdaFunctionInfo": map[string]any{"functionName": d.Function, "functionAlias": d.Alias, "currentVersion": d.Current, "targetVersion": d.Target, "targetVersionWeight": 0},
	}}
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(body) // whoever does not read it any more knows why
}

func refuse(w http.ResponseWriter, code, message string) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.WriteHeader(http.StatusBadRequest)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": code, "message": message})
}
