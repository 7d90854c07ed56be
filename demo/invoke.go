package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// An invoker calls a function by name and decodes its answer.
type invoker func(ctx context.Context, function string, request, answer any) error

// A FunctionError is an invocation that ran and failed.
type FunctionError struct {
	Function string
	Detail   string // the error document that Lambda answered with
}

// Error implements error.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("function %s failed: %s", e.Function, e.Detail)
}

// newLambda returns an invoker for the Lambda API that the environment describes, as Lambda sets it. It never
// retries: the callers have a fallback, and a retry would make a slow neighbour busier.
func newLambda(getenv func(string) string) invoker {
	options := lambda.Options{
		Region:      getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")),
		HTTPClient:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}},
		Retryer:     aws.NopRetryer{},
	}
	for _, name := range []string{"AWS_ENDPOINT_URL_LAMBDA", "AWS_ENDPOINT_URL"} {
		if endpoint := getenv(name); endpoint != "" {
			options.BaseEndpoint = aws.String(endpoint)
			break
		}
	}
	client := lambda.New(options)
	return func(ctx context.Context, function string, request, answer any) error {
		payload, err := json.Marshal(request)
		if err != nil {
			return fmt.Errorf("invoke %s: %w", function, err)
		}
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(function), Payload: payload})
		if err != nil {
			return fmt.Errorf("invoke %s: %w", function, err)
		}
		if out.FunctionError != nil {
			return &FunctionError{Function: function, Detail: string(out.Payload)}
		}
		if err := json.Unmarshal(out.Payload, answer); err != nil {
			return fmt.Errorf("invoke %s: read its answer: %w", function, err)
		}
		return nil
	}
}
