package action

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

// LambdaAPI is what the package needs of AWS Lambda. *lambda.Client has it.
type LambdaAPI interface {
	GetFunctionConfiguration(ctx context.Context, in *lambda.GetFunctionConfigurationInput, opts ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
	UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, opts ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error)
}

const (
	envLease    = 5 * time.Minute        // every write restarts the function's environments, so leases are long
	envAttempts = 8                      // to get a write in between those of others
	envSize     = 4 << 10                // bytes of all variables together
	envPause    = 250 * time.Millisecond // between attempts, and between looks at an update under way
)

// envStore keeps a fault set in an environment variable of a Lambda function. Only that variable is ever
// changed; a revision id keeps the others' edits from being lost.
type envStore struct {
	api      LambdaAPI
	place    location
	endpoint string // that api talks to
}

func (s envStore) lease(wanted time.Duration) time.Duration { return max(wanted, envLease) }

func (s envStore) read(ctx context.Context) (snapshot, error) {
	out, err := s.configuration(ctx)
	if err != nil {
		return snapshot{}, err
	}
	return s.snapshot(out), nil
}

func (s envStore) snapshot(out *lambda.GetFunctionConfigurationOutput) snapshot {
	if out.Environment == nil {
		return snapshot{}
	}
	text, ok := out.Environment.Variables[s.place.Variable]
	return snapshot{data: []byte(text), exists: ok}
}

// configuration reads the function. A function, or a host of this process, that is no more is errGone.
func (s envStore) configuration(ctx context.Context) (*lambda.GetFunctionConfigurationOutput, error) {
	if s.api == nil {
		if s.place.Embedded {
			return nil, fmt.Errorf("function %s: its host is %w", s.place.Function, errGone)
		}
		return nil, &Refused{Reason: "function " + s.place.Function + ": no access to AWS Lambda is configured", Tip: "set AWS_REGION and credentials, or AWS_ENDPOINT_URL_LAMBDA for a local host"}
	}
	out, err := s.api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &s.place.Function})
	if err == nil {
		return out, nil
	}
	var missing *types.ResourceNotFoundException
	if s.endpoint != s.place.Endpoint {
		return nil, s.elsewhere(err)
	}
	var dial *net.OpError
	if errors.As(err, &missing) || (s.place.Embedded && errors.As(err, &dial) && dial.Op == "dial") {
		return nil, fmt.Errorf("function %s: %w: %w", s.place.Function, errGone, err)
	}
	return nil, fmt.Errorf("function %s: read its configuration: %w", s.place.Function, err)
}

// elsewhere says that a function may be missing, or out of reach, only because somebody else was asked for it.
func (s envStore) elsewhere(err error) error {
	asked, tip := "AWS", "ask where it was: --endpoint-url "+s.place.Endpoint
	if s.endpoint != "" {
		asked = s.endpoint
	}
	if s.place.Endpoint == "" {
		tip = "it was in AWS: leave --endpoint-url and AWS_ENDPOINT_URL_LAMBDA out"
	}
	return &Refused{Reason: fmt.Sprintf("function %s could not be read at %s", s.place.Function, asked), Err: err, Tip: tip}
}

func (s envStore) update(ctx context.Context, change func(snapshot) (snapshot, bool, error)) error {
	var last error
	for range envAttempts {
		out, err := s.configuration(ctx)
		if err != nil {
			return err
		}
		next, write, err := change(s.snapshot(out))
		if err != nil || !write {
			return err
		}
		if last = s.write(ctx, out, next); last == nil {
			return s.settle(ctx)
		}
		var stale *types.PreconditionFailedException
		var busy *types.ResourceConflictException
		if !errors.As(last, &stale) && !errors.As(last, &busy) {
			break
		}
		if err := pause(ctx, envPause); err != nil {
			return err
		}
	}
	return fmt.Errorf("function %s: change variable %s: %w", s.place.Function, s.place.Variable, last)
}

// write sends the whole environment, as the API wants it, with one variable changed, unless the function was
// changed since it was read.
func (s envStore) write(ctx context.Context, out *lambda.GetFunctionConfigurationOutput, next snapshot) error {
	variables := map[string]string{}
	if out.Environment != nil {
		if out.Environment.Error != nil {
			return fmt.Errorf("its environment cannot be read: %s", aws.ToString(out.Environment.Error.Message))
		}
		maps.Copy(variables, out.Environment.Variables)
	}
	delete(variables, s.place.Variable)
	if next.exists {
		variables[s.place.Variable] = string(next.data)
	}
	_, err := s.api.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &s.place.Function, RevisionId: out.RevisionId,
		Environment: &types.Environment{Variables: variables},
	})
	return err
}

// fits implements bounded: Lambda takes so much of all variables together.
func (s envStore) fits(ctx context.Context, next snapshot) error {
	if s.endpoint != "" { // other hosts know no limit
		return nil
	}
	out, err := s.configuration(ctx)
	if err != nil {
		return err
	}
	size := len(s.place.Variable) + len(next.data)
	if out.Environment != nil {
		for name, value := range out.Environment.Variables {
			if name != s.place.Variable {
				size += len(name) + len(value)
			}
		}
	}
	if size <= envSize {
		return nil
	}
	return &Refused{Reason: fmt.Sprintf("function %s: its environment would have %d bytes, and Lambda takes %d", s.place.Function, size, envSize), Tip: "keep the fault set in a parameter or an object: FIREDRILL_CONFIG=ssm:NAME"}
}

// settle waits until the function runs with its new environment.
func (s envStore) settle(ctx context.Context) error {
	for {
		out, err := s.configuration(ctx)
		if err != nil {
			return err
		}
		switch out.LastUpdateStatus {
		case types.LastUpdateStatusInProgress:
		case types.LastUpdateStatusFailed:
			return fmt.Errorf("function %s: the update failed: %s", s.place.Function, aws.ToString(out.LastUpdateStatusReason))
		default:
			return nil
		}
		if err := pause(ctx, envPause); err != nil {
			return fmt.Errorf("function %s: its update is still under way: %w", s.place.Function, err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
