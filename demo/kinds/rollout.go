package kinds

import (
	"context"
	"fmt"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// rollout plays the deployment pipeline.
type rollout struct{ client *lambda.Client }

type rolloutEvent struct {
	Function string `json:"function"` // gets a new configuration, so that its environments start anew
	Then     string `json:"then"`     // is called next, as the first user after the deployment would
}

// deploy changes the configuration of a function and calls another one.
func (r rollout) deploy(ctx context.Context, e rolloutEvent) (answer view, err error) {
	release := "release"
	if call, ok := lambdacontext.FromContext(ctx); ok {
		release += " " + call.AwsRequestID
	}
	_, err = r.client.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &e.Function, Description: aws.String(release),
	})
	if err != nil {
		return view{}, fmt.Errorf("deploy %s: %w", e.Function, err)
	}
	return answer, invokeBy(r.client)(ctx, e.Then, nil, &answer)
}
