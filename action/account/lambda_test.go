package account

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/aws/smithy-go/middleware"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// makeFunction makes a function with some configuration that no fault may touch.
func makeFunction(t *testing.T, w world, name string) {
	t.Helper()
	role, err := iam.NewFromConfig(w.cfg).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = lambda.NewFromConfig(w.cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: role.Role.Arn, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: emptyZip(t)}, Timeout: aws.Int32(30), MemorySize: aws.Int32(512),
		Environment: &types.Environment{Variables: map[string]string{"TABLE": "orders", "STAGE": "live"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lookAtFunction is the configuration of a function, but for what changes with each write.
func lookAtFunction(t *testing.T, w world, name string) any {
	t.Helper()
	out, err := lambda.NewFromConfig(w.cfg).GetFunctionConfiguration(t.Context(), &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	out.LastModified, out.RevisionId, out.LastUpdateStatus = nil, nil, ""
	out.ResultMetadata = middleware.Metadata{}
	return out
}

func emptyZip(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.Create("bootstrap"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func concurrencyFixture() fixture {
	reserve := func(t *testing.T, w world, n int32) {
		t.Helper()
		if _, err := lambda.NewFromConfig(w.cfg).PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("inventory"), ReservedConcurrentExecutions: &n}); err != nil {
			t.Fatal(err)
		}
	}
	return fixture{
		kind: "lambda-concurrency", target: experiment.Target{Lambda: "inventory"}, with: fault.Attributes{"reserved": 0.0},
		setup: func(t *testing.T, w world) { makeFunction(t, w, "inventory") },
		state: func(t *testing.T, w world) any {
			out, err := lambda.NewFromConfig(w.cfg).GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String("inventory")})
			if err != nil {
				t.Fatal(err)
			}
			return []any{out.ReservedConcurrentExecutions, lookAtFunction(t, w, "inventory")}
		},
		edit: func(t *testing.T, w world) { reserve(t, w, 7) },
	}
}

// TestConcurrencyIsNotRaised: more for this function is less for all others, which nobody asked for.
func TestConcurrencyIsNotRaised(t *testing.T) {
	w := newStand(t).world()
	f := concurrencyFixture()
	f.setup(t, w)
	f.edit(t, w)
	for wanted, ok := range map[float64]bool{8: false, 6: true} {
		list, err := w.factory().Changes(t.Context(), experiment.Condition{Name: "c", Fault: f.kind, Target: f.target, With: fault.Attributes{"reserved": wanted}, Percentage: 100}, params())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := list[0].Prepare(t.Context()); (err == nil) != ok {
			t.Errorf("%g reserved: %v", wanted, err)
		}
	}
}
