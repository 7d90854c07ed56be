package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/internal/moto"
)

// What there is in the accounts.
const (
	bucket   = "shop-invoices"
	invoice1 = "invoice/1"
	function = "mail"
	alarm    = "shop-critical"
)

// An account is access to one account of the stand-in.
type account struct {
	cfg         aws.Config
	metrics     *cloudwatch.Client
	objects     *s3.Client
	environment []string // for processes
}

// enter gets credentials for an account; the stand-in gives them to anybody.
func enter(ctx context.Context, address, monitoring, number string) (account, error) {
	cfg := aws.Config{Region: moto.Region, BaseEndpoint: &address, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	out, err := sts.NewFromConfig(cfg).AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + number + ":role/admin"), RoleSessionName: aws.String("demo")})
	if err != nil {
		return account{}, err
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return account{
		cfg:     cfg,
		metrics: cloudwatch.NewFromConfig(cfg, func(o *cloudwatch.Options) { o.BaseEndpoint = &monitoring }),
		objects: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
		environment: []string{
			"AWS_ENDPOINT_URL=" + address, "AWS_ENDPOINT_URL_CLOUDWATCH=" + monitoring, "AWS_REGION=" + cfg.Region, "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ACCESS_KEY_ID=" + *c.AccessKeyId, "AWS_SECRET_ACCESS_KEY=" + *c.SecretAccessKey, "AWS_SESSION_TOKEN=" + *c.SessionToken,
		},
	}, nil
}

// makeMail makes the function that sends mail.
func (a account) makeMail(ctx context.Context) error {
	role, err := iam.NewFromConfig(a.cfg).CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(function), AssumeRolePolicyDocument: aws.String("{}")})
	if err != nil {
		return err
	}
	_, err = lambda.NewFromConfig(a.cfg).CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: aws.String(function), Role: role.Role.Arn,
		Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Code: &types.FunctionCode{ZipFile: []byte("nothing runs here")}})
	return err
}

// makeShop makes the bucket with an invoice, and the alarm on the shop's errors.
func (a account) makeShop(ctx context.Context) error {
	_, err := a.objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(a.cfg.Region)}})
	if err != nil {
		return err
	}
	if _, err := a.objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(invoice1), Body: strings.NewReader("12.50")}); err != nil {
		return err
	}
	_, err = a.metrics.PutMetricAlarm(ctx, &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String(alarm), Namespace: aws.String("Shop"), MetricName: aws.String("Errors"),
		Statistic: cwtypes.StatisticSum, Period: aws.Int32(10), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(10),
		ComparisonOperator: cwtypes.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("notBreaching")})
	return err
}

// invoice is the shop's only page. It has nothing to say without its bucket, and counts how often that is.
func (a account) invoice(w http.ResponseWriter, r *http.Request) {
	failed := 0.0
	out, err := a.objects.GetObject(r.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(strings.TrimPrefix(r.URL.Path, "/"))})
	if err != nil {
		failed = 1
		http.Error(w, "there is no invoice just now", http.StatusBadGateway)
	} else {
		defer out.Body.Close()
		_, _ = io.Copy(w, out.Body)
	}
	_, _ = a.metrics.PutMetricData(r.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []cwtypes.MetricDatum{{MetricName: aws.String("Errors"), Value: &failed, StorageResolution: aws.Int32(1)}}}) // the shop goes on without its metrics
}

// look is what the experiment may change.
func look(ctx context.Context, a, b account) (string, error) {
	policy := "none"
	out, err := b.objects.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(bucket)})
	var api smithy.APIError
	switch {
	case err == nil:
		policy = *out.Policy
	case !errors.As(err, &api) || api.ErrorCode() != "NoSuchBucketPolicy":
		return "", err
	}
	limit, err := lambda.NewFromConfig(a.cfg).GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: aws.String(function)})
	if err != nil {
		return "", err
	}
	reserved := "none"
	if n := limit.ReservedConcurrentExecutions; n != nil {
		reserved = fmt.Sprint(*n)
	}
	return fmt.Sprintf("account %s: policy of the bucket %s; account %s: concurrency reserved for mail %s", accountShop, policy, accountRunner, reserved), nil
}
