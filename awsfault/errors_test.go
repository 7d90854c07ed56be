package awsfault_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	eventbridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	firehosetypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kinesistypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/firedrill-dev/firedrill/fault"
)

// calls are a call for each service, by its name in fault sets.
var calls = map[string]func(context.Context, aws.Config) error{
	"dynamodb": func(ctx context.Context, cfg aws.Config) error {
		_, err := dynamodb.NewFromConfig(cfg).GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("orders"),
			Key: map[string]dynamodbtypes.AttributeValue{"id": &dynamodbtypes.AttributeValueMemberS{Value: "1"}}})
		return err
	},
	"sqs": func(ctx context.Context, cfg aws.Config) error {
		_, err := sqs.NewFromConfig(cfg).SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String("https://sqs/q"), MessageBody: aws.String("x")})
		return err
	},
	"s3": func(ctx context.Context, cfg aws.Config) error {
		_, err := pathStyle(cfg).PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("b"), Key: aws.String("k"), Body: strings.NewReader("x")})
		return err
	},
	"s3 head": func(ctx context.Context, cfg aws.Config) error {
		_, err := pathStyle(cfg).HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		return err
	},
	"s3 get": func(ctx context.Context, cfg aws.Config) error {
		_, err := pathStyle(cfg).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("k")})
		return err
	},
	"lambda": func(ctx context.Context, cfg aws.Config) error {
		_, err := lambda.NewFromConfig(cfg).Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
		return err
	},
	"kinesis": func(ctx context.Context, cfg aws.Config) error {
		_, err := kinesis.NewFromConfig(cfg).PutRecord(ctx, &kinesis.PutRecordInput{StreamName: aws.String("s"), PartitionKey: aws.String("p"), Data: []byte("x")})
		return err
	},
	"eventbridge": func(ctx context.Context, cfg aws.Config) error {
		_, err := eventbridge.NewFromConfig(cfg).PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r")})
		return err
	},
	"firehose": func(ctx context.Context, cfg aws.Config) error {
		_, err := firehose.NewFromConfig(cfg).PutRecord(ctx, &firehose.PutRecordInput{DeliveryStreamName: aws.String("d"), Record: &firehosetypes.Record{Data: []byte("x")}})
		return err
	},
	"sns": func(ctx context.Context, cfg aws.Config) error {
		_, err := sns.NewFromConfig(cfg).Publish(ctx, &sns.PublishInput{TopicArn: aws.String("arn:aws:sns:eu-west-1:1:t"), Message: aws.String("x")})
		return err
	},
	"ssm": func(ctx context.Context, cfg aws.Config) error {
		_, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("p")})
		return err
	},
	"cloudwatch": func(ctx context.Context, cfg aws.Config) error {
		_, err := cloudwatch.NewFromConfig(cfg).ListMetrics(ctx, &cloudwatch.ListMetricsInput{})
		return err
	},
	"sts": func(ctx context.Context, cfg aws.Config) error {
		_, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	},
}

func pathStyle(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

// is makes a test for a modeled error.
func is[T error]() func(error) bool {
	return func(err error) bool { _, ok := errors.AsType[T](err); return ok }
}

// Every service's own error, as its own client sees it: type, code, status, fault, and the number of attempts.
func TestErrors(t *testing.T) {
	const once, thrice = 1, 3 // the SDK's standard retryer tries what can be retried three times
	generic := is[*smithy.GenericAPIError]()
	tests := []struct {
		call, err string
		modeled   func(error) bool
		code      string
		status    int
		fault     smithy.ErrorFault
		attempts  int
	}{
		{"dynamodb", "throttling", is[*dynamodbtypes.ThrottlingException](), "ThrottlingException", 400, smithy.FaultClient, thrice},
		{"dynamodb", "ProvisionedThroughputExceededException", is[*dynamodbtypes.ProvisionedThroughputExceededException](), "ProvisionedThroughputExceededException", 400, smithy.FaultClient, thrice},
		{"dynamodb", "RequestLimitExceeded", is[*dynamodbtypes.RequestLimitExceeded](), "RequestLimitExceeded", 400, smithy.FaultClient, thrice},
		{"dynamodb", "internal", is[*dynamodbtypes.InternalServerError](), "InternalServerError", 500, smithy.FaultServer, thrice},
		{"dynamodb", "access-denied", generic, "AccessDeniedException", 400, smithy.FaultUnknown, once},
		{"dynamodb", "ResourceNotFoundException", is[*dynamodbtypes.ResourceNotFoundException](), "ResourceNotFoundException", 400, smithy.FaultClient, once},
		{"dynamodb", "request-timeout", generic, "RequestTimeoutException", 408, smithy.FaultUnknown, thrice},
		{"dynamodb", "unavailable", generic, "ServiceUnavailable", 503, smithy.FaultUnknown, thrice},
		{"sqs", "throttling", is[*sqstypes.RequestThrottled](), "RequestThrottled", 400, smithy.FaultClient, thrice},
		{"sqs", "access-denied", generic, "AccessDenied", 403, smithy.FaultClient, once},
		{"sqs", "internal", generic, "InternalFailure", 500, smithy.FaultServer, thrice},
		{"s3", "throttling", generic, "SlowDown", 503, smithy.FaultUnknown, thrice},
		{"s3", "SlowDown", generic, "SlowDown", 503, smithy.FaultUnknown, thrice},
		{"s3", "access-denied", generic, "AccessDenied", 403, smithy.FaultUnknown, once},
		{"s3", "internal", generic, "InternalError", 500, smithy.FaultUnknown, thrice},
		{"s3", "request-timeout", generic, "RequestTimeout", 400, smithy.FaultUnknown, thrice},
		{"s3 get", "NoSuchKey", is[*s3types.NoSuchKey](), "NoSuchKey", 404, smithy.FaultClient, once},
		{"s3 head", "NoSuchKey", is[*s3types.NotFound](), "NotFound", 404, smithy.FaultClient, once}, // HEAD has no body, as in S3
		{"lambda", "throttling", is[*lambdatypes.TooManyRequestsException](), "TooManyRequestsException", 429, smithy.FaultClient, thrice},
		{"lambda", "internal", is[*lambdatypes.ServiceException](), "ServiceException", 500, smithy.FaultServer, thrice},
		{"lambda", "access-denied", generic, "AccessDeniedException", 403, smithy.FaultUnknown, once},
		{"kinesis", "throttling", is[*kinesistypes.ProvisionedThroughputExceededException](), "ProvisionedThroughputExceededException", 400, smithy.FaultClient, thrice},
		{"kinesis", "access-denied", is[*kinesistypes.AccessDeniedException](), "AccessDeniedException", 400, smithy.FaultClient, once},
		{"kinesis", "internal", is[*kinesistypes.InternalFailureException](), "InternalFailureException", 500, smithy.FaultServer, thrice},
		{"eventbridge", "internal", is[*eventbridgetypes.InternalException](), "InternalException", 500, smithy.FaultServer, thrice},
		{"eventbridge", "LimitExceededException", is[*eventbridgetypes.LimitExceededException](), "LimitExceededException", 400, smithy.FaultClient, thrice},
		{"firehose", "unavailable", is[*firehosetypes.ServiceUnavailableException](), "ServiceUnavailableException", 503, smithy.FaultServer, thrice},
		{"sns", "throttling", generic, "Throttling", 400, smithy.FaultUnknown, thrice},
		{"sns", "access-denied", is[*snstypes.AuthorizationErrorException](), "AuthorizationError", 403, smithy.FaultClient, once},
		{"sns", "internal", is[*snstypes.InternalErrorException](), "InternalError", 500, smithy.FaultServer, thrice},
		{"ssm", "internal", is[*ssmtypes.InternalServerError](), "InternalServerError", 500, smithy.FaultServer, thrice},
		{"ssm", "throttling", is[*ssmtypes.ThrottlingException](), "ThrottlingException", 400, smithy.FaultClient, thrice},
		{"cloudwatch", "throttling", generic, "ThrottlingException", 429, smithy.FaultClient, thrice},
		{"cloudwatch", "internal", generic, "InternalFailure", 500, smithy.FaultServer, thrice},
		{"sts", "throttling", generic, "Throttling", 400, smithy.FaultUnknown, thrice},
	}
	for _, test := range tests {
		t.Run(test.call+" "+test.err, func(t *testing.T) {
			service, _, _ := strings.Cut(test.call, " ")
			w := newWorld(t, member(t, fault.Attributes{"service": service, "error": test.err, "message": `on <purpose> & "so"`}))
			err := calls[test.call](t.Context(), w.cfg)
			api, ok := errors.AsType[smithy.APIError](err)
			if !ok || !test.modeled(err) {
				t.Fatalf("the error is %v", err)
			}
			if api.ErrorCode() != test.code || api.ErrorFault() != test.fault {
				t.Errorf("code %s, fault %s, want %s, %s", api.ErrorCode(), api.ErrorFault(), test.code, test.fault)
			}
			if message := api.ErrorMessage(); message != `on <purpose> & "so"` && test.call != "s3 head" {
				t.Errorf("message %q", message)
			}
			if response, ok := errors.AsType[*smithyhttp.ResponseError](err); !ok || response.HTTPStatusCode() != test.status {
				t.Errorf("status of %v, want %d", err, test.status)
			}
			if records := w.log.records(); len(records) != test.attempts || records[0].Fired != 1 {
				t.Errorf("%d attempts, want %d: %v", len(records), test.attempts, records)
			}
			if n := w.served.Load(); n != 0 {
				t.Errorf("the service saw %d requests", n)
			}
		})
	}
}

// A status of one's own goes with any code.
func TestStatus(t *testing.T) {
	w := newWorld(t, member(t, fault.Attributes{"service": "dynamodb", "error": "Weird.Error", "status": 502}))
	err := calls["dynamodb"](t.Context(), w.cfg)
	response, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok || response.HTTPStatusCode() != http.StatusBadGateway || len(w.log.records()) != 3 || !strings.Contains(err.Error(), "Injected Weird.Error") {
		t.Errorf("%v", err)
	}
}

// Calls that are not meant arrive.
func TestOthersArePassed(t *testing.T) {
	for _, attributes := range []fault.Attributes{
		{"service": "sqs", "error": "internal"},
		{"service": "dynamodb", "operation": "Put*, Update*", "error": "internal"},
	} {
		w := newWorld(t, member(t, attributes))
		if err := calls["dynamodb"](t.Context(), w.cfg); err != nil || w.served.Load() != 1 || len(w.log.records()) != 0 {
			t.Errorf("%v, served %d, recorded %v", err, w.served.Load(), w.log.records())
		}
	}
}
