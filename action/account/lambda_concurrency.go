package account

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// concurrencyAPI is what the kind needs of AWS Lambda.
type concurrencyAPI interface {
	functionFinder
	GetFunctionConcurrency(ctx context.Context, in *lambda.GetFunctionConcurrencyInput, opts ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error)
	PutFunctionConcurrency(ctx context.Context, in *lambda.PutFunctionConcurrencyInput, opts ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error)
	DeleteFunctionConcurrency(ctx context.Context, in *lambda.DeleteFunctionConcurrencyInput, opts ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error)
}

// lambdaConcurrency limits how many invocations of a function run at the same time; 0 lets none run, so that every
// caller is throttled (AWS Lambda developer guide, "Configuring reserved concurrency").
func lambdaConcurrency() kind {
	return kind{
		Kind: experiment.Kind{
			KindInfo: fault.KindInfo{
				Kind: "lambda-concurrency", Doc: "Reserve so little concurrency for a function that callers are throttled",
				Attributes: []fault.Attribute{{Name: "reserved", Type: fault.TypeInteger, Max: 1000, Doc: "invocations at the same time; default 0: every one is throttled"}},
			},
			Target: function(),
		},
		service: "lambda",
		open:    func(cfg aws.Config) change { return concurrency(lambda.NewFromConfig(cfg)) },
		needs: func(id string) []action.Permission {
			return []action.Permission{{Resources: []string{id}, Actions: []string{
				"lambda:GetFunctionConfiguration", "lambda:GetFunctionConcurrency", "lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"}}}
		},
	}
}

// concurrency is a function's reserved concurrency; nil: none is reserved, and it shares the account's.
func concurrency(api concurrencyAPI) setting[*int32] {
	return setting[*int32]{
		what:   "reserved concurrency",
		lookup: func(ctx context.Context, name string) (string, error) { return findFunction(ctx, api, name) },
		read: func(ctx context.Context, id string) (*int32, error) {
			out, err := api.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &id})
			if err != nil {
				return nil, explain("function "+id+": read its reserved concurrency", err, "ResourceNotFoundException")
			}
			return out.ReservedConcurrentExecutions, nil
		},
		want: func(now *int32, o order) (*int32, error) {
			wanted, _ := o.With["reserved"].(float64)
			if now != nil && int32(wanted) > *now {
				return nil, &action.Refused{Reason: fmt.Sprintf("function %s: %g would be reserved for it, and it has %d now", o.ID, wanted, *now), Tip: "that throttles the account's other functions, not this one: reserve less"}
			}
			return aws.Int32(int32(wanted)), nil
		},
		write: func(ctx context.Context, id string, _, to *int32) error {
			var err error
			if to == nil {
				_, err = api.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &id})
			} else {
				_, err = api.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &id, ReservedConcurrentExecutions: to})
			}
			return explain("function "+id+": change its reserved concurrency", err, "ResourceNotFoundException")
		},
		say: func(before, after *int32) (string, string) {
			return fmt.Sprintf("reserve a concurrency of %d (now: %s)", *after, reserved(before)), "reserve " + reserved(before) + " again"
		},
	}
}

func reserved(n *int32) string {
	if n == nil {
		return "none"
	}
	return fmt.Sprint(*n)
}
