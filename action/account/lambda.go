package account

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/experiment"
)

// function is the target of faults on functions.
func function() experiment.Resource {
	return experiment.Resource{Key: experiment.ResourceFunction, Doc: "A Lambda function, by name or ARN", Tagged: "lambda:function", CloudFormation: "AWS::Lambda::Function"}
}

// functionFinder looks functions up.
type functionFinder interface {
	GetFunctionConfiguration(ctx context.Context, in *lambda.GetFunctionConfigurationInput, opts ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error)
}

// findFunction is the ARN of a function, without a version: what this package changes belongs to all of them.
func findFunction(ctx context.Context, api functionFinder, name string) (string, error) {
	out, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &name})
	if err != nil {
		err = explain("function "+name+": look it up", err, "ResourceNotFoundException")
		if errors.Is(err, errGone) {
			return "", missing("function", name, "this account and region", nil)
		}
		return "", err
	}
	id := aws.ToString(out.FunctionArn)
	if parts := strings.Split(id, ":"); len(parts) == 8 { // arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION
		return "", &action.Refused{Reason: "target " + name + " is one version of a function", Tip: "this fault belongs to the whole function: leave the version out"}
	}
	return id, nil
}
