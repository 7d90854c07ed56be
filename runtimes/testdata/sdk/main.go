// Sdk is the same function with the Go SDK.
package main

import (
	"context"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/awsfault"
	"github.com/firedrill-dev/firedrill/runtimes/testdata/shop"
)

func main() {
	cfg := aws.Config{
		Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")), RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	}
	awsfault.Install(&cfg)
	client := awslambda.NewFromConfig(cfg)
	s := &shop.Shop{
		HTTP: &http.Client{Transport: firedrill.Transport(nil)},
		Dial: firedrill.DialContext(nil),
		AWS: func(ctx context.Context) error {
			_, err := client.GetAccountSettings(ctx, &awslambda.GetAccountSettingsInput{})
			return err
		},
	}
	lambda.Start(firedrill.Wrap(s.Handle))
}
