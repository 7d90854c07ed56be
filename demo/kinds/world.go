package kinds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/awsfault"
)

// world is what a function knows of where it runs: its environment variables.
type world struct{ getenv func(string) string }

// client returns a client of the Lambda API that the environment describes. awsfault.Install is the one line that
// lets faults of the kind awscall reach it; where nothing is armed it changes nothing.
func (w world) client(retryer func() aws.Retryer) *lambda.Client {
	cfg := aws.Config{
		Region:      w.getenv("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(w.getenv("AWS_ACCESS_KEY_ID"), w.getenv("AWS_SECRET_ACCESS_KEY"), w.getenv("AWS_SESSION_TOKEN")),
		Retryer:     retryer,
	}
	if endpoint := w.getenv("AWS_ENDPOINT_URL"); endpoint != "" {
		cfg.BaseEndpoint = aws.String(endpoint)
	}
	awsfault.Install(&cfg)
	return lambda.NewFromConfig(cfg)
}

// neverRetry leaves it to the caller what a failed call means.
func neverRetry() aws.Retryer { return aws.NopRetryer{} }

// retryBriefly is AWS's standard: three attempts, with a growing and random pause between them.
func retryBriefly() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = 200 * time.Millisecond })
}

// An invoker calls a function and decodes its answer. A function that fails is an error, too.
type invoker func(ctx context.Context, function string, event, answer any) error

func (w world) invoker(retryer func() aws.Retryer) invoker { return invokeBy(w.client(retryer)) }

func invokeBy(client *lambda.Client) invoker {
	return func(ctx context.Context, function string, event, answer any) error {
		payload, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("invoke %s: %w", function, err)
		}
		out, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
		switch {
		case err != nil:
			return fmt.Errorf("invoke %s: %w", function, err)
		case out.FunctionError != nil:
			return fmt.Errorf("function %s failed: %w", function, errors.New(string(out.Payload)))
		}
		if err := json.Unmarshal(out.Payload, answer); err != nil {
			return fmt.Errorf("read the answer of %s: %w", function, err)
		}
		return nil
	}
}
