// Package codedeploy answers the lifecycle hooks of AWS CodeDeploy: it is asked, in a Lambda function, whether the new version of
// another one may have traffic, and says so once the version was verified.
//
// What CodeDeploy sends and wants is in its user guide, "AppSpec 'hooks' section for an AWS Lambda deployment": an event with two ids, and
// a call of PutLifecycleEventHookExecutionStatus with Succeeded or Failed. Everything but Succeeded makes it roll back, no answer
// only after an hour. So whatever goes wrong here is answered, with Failed.
package codedeploy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// API is what the hook asks CodeDeploy.
type API interface {
	ListDeploymentTargets(ctx context.Context, in *codedeploy.ListDeploymentTargetsInput, opts ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error)
	BatchGetDeploymentTargets(ctx context.Context, in *codedeploy.BatchGetDeploymentTargetsInput, opts ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentTargetsOutput, error)
	PutLifecycleEventHookExecutionStatus(ctx context.Context, in *codedeploy.PutLifecycleEventHookExecutionStatusInput, opts ...func(*codedeploy.Options)) (*codedeploy.PutLifecycleEventHookExecutionStatusOutput, error)
}

// Actions are the IAM actions of API.
func Actions() []string {
	return []string{"codedeploy:BatchGetDeploymentTargets", "codedeploy:ListDeploymentTargets", "codedeploy:PutLifecycleEventHookExecutionStatus"}
}

// The hooks of a Lambda deployment.
const (
	BeforeAllowTraffic = "BeforeAllowTraffic"
	AfterAllowTraffic  = "AfterAllowTraffic"
)

// An Event is what CodeDeploy invokes the function with.
type Event struct {
	Deployment string `json:"DeploymentId"`
	Execution  string `json:"LifecycleEventHookExecutionId"`
}

// A Deployment is what is deployed, and where it has got to.
type Deployment struct {
	Function string
	Alias    string
	Baseline string // the version that has the alias's traffic
	Canary   string // the version that is to have it
	Hook     string // BeforeAllowTraffic or AfterAllowTraffic
}

// A Hook answers events. Its fields must not change while it does.
type Hook struct {
	API API
	// Verify returns nil if, and only if, the new version may have traffic. Its context ends Margin before the function would be killed.
	Verify func(ctx context.Context, d Deployment) error
	// Margin is the time kept for putting everything back and for the answer.
	Margin time.Duration
	// Again is how long to wait before asking CodeDeploy again, where it shows no hook in progress: it may not show yet what it
	// has just begun. Default 2s.
	Again time.Duration
}

// Handle answers one event, and returns what was answered. An error means that CodeDeploy has no answer from here.
func (h *Hook) Handle(ctx context.Context, text json.RawMessage) (Answer, error) {
	var e Event
	if err := json.Unmarshal(text, &e); err != nil || e.Deployment == "" || e.Execution == "" {
		return Answer{}, errors.New(`this is no event of CodeDeploy: it has no "DeploymentId" and "LifecycleEventHookExecutionId"; name the function under hooks: of the AppSpec file`)
	}
	d, err := h.find(ctx, e.Deployment)
	for n := 1; n < looks && errors.Is(err, errOver); n++ {
		select {
		case <-time.After(cmp.Or(h.Again, 2*time.Second)):
			d, err = h.find(ctx, e.Deployment)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
	}
	switch {
	case errors.Is(err, errOver): // Lambda tries an invocation again that it lost
		return Answer{Status: string(types.LifecycleEventStatusSkipped), Reason: err.Error()}, nil
	case err == nil:
		err = h.verify(ctx, d)
	}
	answer := Answer{Status: string(types.LifecycleEventStatusSucceeded), Hook: d.Hook}
	if err != nil {
		answer.Status, answer.Reason = string(types.LifecycleEventStatusFailed), err.Error()
	}
	return answer, h.put(context.WithoutCancel(ctx), e, types.LifecycleEventStatus(answer.Status))
}

// An Answer is what the hook told CodeDeploy, for the function's log.
type Answer struct {
	Status string `json:"status"` // Succeeded, Failed; Skipped if nobody waits for an answer any more
	Hook   string `json:"hook,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// verify is Verify with its time, and with a panic of its turned into an error: it must be answered.
func (h *Hook) verify(ctx context.Context, d Deployment) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the verification panicked: %v", p)
		}
	}()
	if deadline, ok := ctx.Deadline(); ok {
		end := deadline.Add(-h.Margin)
		if time.Until(end) <= 0 {
			return fmt.Errorf("the function's timeout leaves no time: it must be longer than %s", h.Margin)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end)
		defer cancel()
	}
	return h.Verify(ctx, d)
}

// looks is how often CodeDeploy is asked before an event counts as one that nobody waits for any more.
const looks = 4

// errOver says that no hook of the deployment is waited for.
var errOver = errors.New("no lifecycle hook of this deployment is in progress")

// find asks what is deployed. The event does not say.
func (h *Hook) find(ctx context.Context, id string) (Deployment, error) {
	listed, err := h.API.ListDeploymentTargets(ctx, &codedeploy.ListDeploymentTargetsInput{DeploymentId: aws.String(id)})
	if err != nil {
		return Deployment{}, fmt.Errorf("find the targets of deployment %s: %w", id, err)
	}
	if len(listed.TargetIds) == 0 {
		return Deployment{}, fmt.Errorf("deployment %s has no targets", id)
	}
	out, err := h.API.BatchGetDeploymentTargets(ctx, &codedeploy.BatchGetDeploymentTargetsInput{DeploymentId: aws.String(id), TargetIds: listed.TargetIds})
	if err != nil {
		return Deployment{}, fmt.Errorf("read the targets of deployment %s: %w", id, err)
	}
	var found []*types.LambdaTarget
	for _, t := range out.DeploymentTargets {
		if t.LambdaTarget != nil && t.LambdaTarget.LambdaFunctionInfo != nil {
			found = append(found, t.LambdaTarget)
		}
	}
	if len(found) != 1 {
		return Deployment{}, fmt.Errorf("deployment %s has %d functions as its targets; one is verified at a time", id, len(found))
	}
	return deploymentOf(found[0])
}

func deploymentOf(t *types.LambdaTarget) (Deployment, error) {
	info := t.LambdaFunctionInfo
	d := Deployment{Function: aws.ToString(info.FunctionName), Alias: aws.ToString(info.FunctionAlias), Baseline: aws.ToString(info.CurrentVersion), Canary: aws.ToString(info.TargetVersion)}
	i := slices.IndexFunc(t.LifecycleEvents, func(e types.LifecycleEvent) bool {
		name := aws.ToString(e.LifecycleEventName)
		return e.Status == types.LifecycleEventStatusInProgress && (name == BeforeAllowTraffic || name == AfterAllowTraffic)
	})
	if i < 0 {
		return d, errOver
	}
	d.Hook = aws.ToString(t.LifecycleEvents[i].LifecycleEventName)
	if d.Function == "" || d.Alias == "" || d.Baseline == "" || d.Canary == "" {
		return d, fmt.Errorf("CodeDeploy does not say what it deploys: function %q, alias %q, from version %q to %q", d.Function, d.Alias, d.Baseline, d.Canary)
	}
	return d, nil
}

// putTimeout bounds the answer. The SDK tries it again within.
const putTimeout = 20 * time.Second

func (h *Hook) put(ctx context.Context, e Event, status types.LifecycleEventStatus) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	_, err := h.API.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
		DeploymentId: aws.String(e.Deployment), LifecycleEventHookExecutionId: aws.String(e.Execution), Status: status,
	})
	var done *types.LifecycleEventAlreadyCompletedException
	if errors.As(err, &done) { // an answer that got there although its reply was lost
		return nil
	}
	if err != nil {
		return fmt.Errorf("tell CodeDeploy %s: %w", status, err)
	}
	return nil
}
