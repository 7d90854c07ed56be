package account

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// reconfigure is somebody else's change of a function.
func reconfigure(t *testing.T, w world, in lambda.UpdateFunctionConfigurationInput) {
	t.Helper()
	in.FunctionName = aws.String("inventory")
	if _, err := lambda.NewFromConfig(w.cfg).UpdateFunctionConfiguration(t.Context(), &in); err != nil {
		t.Fatal(err)
	}
}

func inventory(t *testing.T, w world) { makeFunction(t, w, "inventory") }

func lookAtInventory(t *testing.T, w world) any { return lookAtFunction(t, w, "inventory") }

func timeoutFixture() fixture {
	return fixture{
		kind: "lambda-timeout", target: experiment.Target{Lambda: "inventory"}, with: fault.Attributes{"timeout": 1000.0},
		setup: inventory, state: lookAtInventory, front: frontLambda,
		edit: func(t *testing.T, w world) {
			reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{Timeout: aws.Int32(7)})
		},
	}
}

func memoryFixture() fixture {
	return fixture{
		kind: "lambda-memory", target: experiment.Target{Lambda: "inventory"}, with: fault.Attributes{"memory": 128.0},
		setup: inventory, state: lookAtInventory, front: frontLambda,
		edit: func(t *testing.T, w world) {
			reconfigure(t, w, lambda.UpdateFunctionConfigurationInput{MemorySize: aws.Int32(256)})
		},
	}
}

// TestTimeoutsAreWholeSeconds, for AWS Lambda knows no others.
func TestTimeoutsAreWholeSeconds(t *testing.T) {
	for ms, problems := range map[float64]int{1000: 0, 900_000: 0, 1500: 1, 2001: 1} {
		if got := lambdaTimeout().Check(fault.Attributes{"timeout": ms}); len(got) != problems {
			t.Errorf("%g ms: %v", ms, got)
		}
	}
}

// TestSlowUpdates: AWS Lambda may take longer than a call may wait; what it has accepted is made, and not yet proven.
func TestSlowUpdates(t *testing.T) {
	never := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	broken := errors.New("the update failed")
	synctest.Test(t, func(t *testing.T) {
		if err := accepted(t.Context(), never); err != nil {
			t.Errorf("an update that takes long: %v", err)
		}
		if err := accepted(t.Context(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("an update that fails: %v", err)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := accepted(short, never); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call that has no more time: %v", err)
		}
	})
}
