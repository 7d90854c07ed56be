package awsfault_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	lambdaservice "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill"
	"github.com/firedrill-dev/firedrill/awsfault"
)

// A function that invokes another one, which answers that it is throttled. The variable stands in the function's
// environment; nothing is sent.
func ExampleInstall() {
	env := map[string]string{"FIREDRILL_CONFIG": `{"awscall": {"enabled": true,
		"service": "lambda", "operation": "Invoke", "error": "throttling"}}`}
	getenv := firedrill.WithGetenv(func(name string) string { return env[name] })

	cfg := aws.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} }} // so that the example is quick
	awsfault.Install(&cfg, getenv)
	payment := lambdaservice.NewFromConfig(cfg)

	purchase := func(ctx context.Context) (string, error) {
		_, err := payment.Invoke(ctx, &lambdaservice.InvokeInput{FunctionName: aws.String("payment")})
		if throttled, ok := errors.AsType[*types.TooManyRequestsException](err); ok {
			return "try again later: " + throttled.ErrorMessage(), nil
		}
		return "bought", err
	}
	answer, err := lambda.NewHandler(firedrill.Wrap(purchase, getenv)).Invoke(context.Background(), nil)
	fmt.Println(string(answer), err)
	// Output: "try again later: Injected TooManyRequestsException" <nil>
}
