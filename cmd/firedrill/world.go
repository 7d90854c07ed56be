package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// maxIdlePerHost keeps enough connections for an open-model load to reuse.
const maxIdlePerHost = 256

// credentialsTimeout bounds the search for AWS credentials, which may ask services on the network.
const credentialsTimeout = 5 * time.Second

// newLambda makes a Lambda client for the AWS account of the environment or, with an endpoint, for that address.
// A loopback endpoint needs no credentials and no region: the local host asks for neither.
func newLambda(ctx context.Context, endpoint, region string, paced func(aws.Config) aws.Config) (*lambda.Client, error) {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		MaxIdleConnsPerHost: maxIdlePerHost,
	}
	options := func(o *lambda.Options) {
		o.HTTPClient = &http.Client{Transport: transport}
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
		}
	}
	if isLoopback(endpoint) {
		transport.Proxy = nil
		none := aws.NopRetryer{} // a retry would hide what the measure is there to see
		return lambda.New(lambda.Options{Region: "local", Credentials: localCredentials{}, Retryer: none}, options), nil
	}
	cfg, err := awsConfig(ctx, region)
	if err != nil {
		return nil, err
	}
	return lambda.NewFromConfig(paced(cfg), options), nil // which tries no invocation again
}

// newLambda makes the session's client.
func (s *session) newLambda(ctx context.Context) (*lambda.Client, error) {
	if s.services.role.arn == "" {
		return newLambda(ctx, s.endpoint, s.region, s.services.paced)
	}
	cfg, err := s.services.here(ctx, "lambda")
	if err != nil {
		return nil, err
	}
	return lambda.NewFromConfig(cfg), nil // which tries no invocation again
}

// signIn is what to do about access to AWS that is missing.
const signIn = "sign in to AWS and set AWS_REGION"

// awsConfig is the environment's access to AWS. It is asked for credentials at once, so that a laptop without
// any hears so in a sentence, not from the first call that needs them. A region wins over the environment's.
func awsConfig(ctx context.Context, region string) (aws.Config, error) {
	const hint = "run the functions on this machine: --local FILE; name a running host: --endpoint-url URL; or " + signIn
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{}), config.WithRegion(region))
	if err != nil {
		return cfg, &failure{code: exitUsage, err: fmt.Errorf("load AWS configuration: %w", err), hint: hint}
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return cfg, &failure{code: exitUsage, err: fmt.Errorf("no access to AWS: %w", err), hint: hint}
	}
	if cfg.Region == "" {
		return cfg, &failure{code: exitUsage, err: errors.New("no AWS region is set"), hint: hint}
	}
	return cfg, nil
}

// localCredentials sign requests to the local host, which does not check them.
type localCredentials struct{}

// Retrieve implements aws.CredentialsProvider.
func (localCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local", Source: "firedrill local"}, nil
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// An invocation is what came of invoking a function.
type invocation struct {
	status        int
	functionError string
	version       string // that ran, empty if none did
	payload       []byte
}

// invoke calls a function and waits. The end of its log comes back, too, and is searched for records of injections
// where nobody else counts them. A refusal by Lambda (throttled, not found) is an answer with its
// status, not an error; an error means that there was no answer.
func (s *session) invoke(ctx context.Context, name string, payload []byte) (invocation, error) {
	client, err := s.lambda(ctx)
	if err != nil {
		return invocation{}, err
	}
	return s.invokeBy(ctx, client, name, payload)
}

// invokeBy is invoke with another client than the session's.
func (s *session) invokeBy(ctx context.Context, client *lambda.Client, name string, payload []byte) (invocation, error) {
	in := &lambda.InvokeInput{FunctionName: aws.String(name), Payload: payload, LogType: lambdatypes.LogTypeNone}
	if s.host == nil {
		in.LogType = lambdatypes.LogTypeTail
	}
	out, err := client.Invoke(ctx, in)
	if err != nil {
		var refused interface{ HTTPStatusCode() int }
		var api smithy.APIError
		if errors.As(err, &refused) && errors.As(err, &api) {
			return invocation{status: refused.HTTPStatusCode(), functionError: "", payload: []byte(api.ErrorMessage())}, nil
		}
		return invocation{}, err
	}
	if s.host == nil && s.logs != nil {
		s.logs.Tail(aws.ToString(out.LogResult))
	}
	return invocation{status: int(out.StatusCode), functionError: aws.ToString(out.FunctionError), version: aws.ToString(out.ExecutedVersion), payload: out.Payload}, nil
}

// lazyLambda makes the session's client when an action first needs it.
type lazyLambda struct{ s *session }

// GetFunctionConfiguration implements action.LambdaAPI.
func (l lazyLambda) GetFunctionConfiguration(ctx context.Context, in *lambda.GetFunctionConfigurationInput, opts ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	client, err := l.s.lambda(ctx)
	if err != nil {
		return nil, err
	}
	return client.GetFunctionConfiguration(ctx, in, opts...)
}

// UpdateFunctionConfiguration implements action.LambdaAPI.
func (l lazyLambda) UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, opts ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	client, err := l.s.lambda(ctx)
	if err != nil {
		return nil, err
	}
	return client.UpdateFunctionConfiguration(ctx, in, opts...)
}
