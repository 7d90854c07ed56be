package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/appconfig"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/action/account"
	"github.com/firedrill-dev/firedrill/action/group"
	"github.com/firedrill-dev/firedrill/action/pace"
)

// services makes clients for services of AWS in one account and region, each when it is first needed.
type services struct {
	getenv func(string) string
	region string     // wins over the environment's; empty: as the environment says
	role   assumption // zero: the environment's own credentials
	pacer  *pace.Pacer

	mu      sync.Mutex
	account string
	assumed aws.CredentialsProvider
	configs map[configKey]aws.Config
}

// A configKey names the access to a service at a place.
type configKey struct {
	service string
	at      action.Service
}

// newServices makes services of the environment's own account. Those of other accounts share its pacer.
func newServices(getenv func(string) string, region string) *services {
	return &services{getenv: getenv, region: region, pacer: pace.New(pace.Options{})}
}

// home is where this process asks a service: what AWS's own variables and files say.
func (s *services) home(ctx context.Context, service string) (action.Service, error) {
	endpoint := ""
	if s.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") != "true" {
		endpoint = cmp.Or(s.getenv("AWS_ENDPOINT_URL_"+strings.ToUpper(service)), s.getenv("AWS_ENDPOINT_URL"))
	}
	if endpoint != "" {
		cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(s.region))
		if err == nil && cfg.Region == "" && service != "lambda" { // which firedrill local plays, in no region
			err = &failure{code: exitUsage, err: errors.New("no AWS region is set"), hint: "set AWS_REGION"}
		}
		return action.Service{Region: cfg.Region, Account: s.role.account(), Endpoint: endpoint}, err
	}
	cfg, err := awsConfig(ctx, s.region)
	if err != nil {
		var f *failure
		if errors.As(err, &f) && service != "lambda" {
			f.hint = signIn // nothing on this machine takes its place
		}
		return action.Service{}, err
	}
	if s.role.arn != "" {
		return action.Service{Region: cfg.Region, Account: s.role.account()}, nil
	}
	account, err := s.caller(ctx, cfg)
	return action.Service{Region: cfg.Region, Account: account}, err
}

// caller is the account that the credentials belong to. Asking needs no permission.
func (s *services) caller(ctx context.Context, cfg aws.Config) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.account != "" {
		return s.account, nil
	}
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", &failure{code: exitUsage, err: fmt.Errorf("find out which account this is: %w", err), hint: account.Hint(err)}
	}
	s.account = aws.ToString(out.Account)
	return s.account, nil
}

// config is for a client that asks at one place, and nowhere else: what has the same name in another account, region or
// stand-in is something else. It is made once: a recovery asks for it again with every change. Its clients keep to the
// rates that AWS allows the account.
func (s *services) config(ctx context.Context, service string, at action.Service) (aws.Config, error) {
	key := configKey{service, at}
	s.mu.Lock()
	cfg, ok := s.configs[key]
	s.mu.Unlock()
	if ok {
		return cfg, nil
	}
	cfg, err := s.ownConfig(ctx, service, at)
	if err == nil && s.role.arn != "" {
		cfg.Credentials, err = s.assume(ctx)
	}
	if err != nil {
		return cfg, err
	}
	cfg = s.paced(cfg)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.configs == nil {
		s.configs = map[configKey]aws.Config{}
	}
	s.configs[key] = cfg
	return cfg, nil
}

// paced is a configuration whose clients keep to the rates of this account. The environment's own has no number here,
// because its first calls come before that is known.
func (s *services) paced(cfg aws.Config) aws.Config { return s.pacer.Configure(cfg, s.role.account()) }

// ownConfig is config with the environment's own credentials.
func (s *services) ownConfig(ctx context.Context, service string, at action.Service) (aws.Config, error) {
	if isLoopback(at.Endpoint) {
		return aws.Config{Region: at.Region, BaseEndpoint: aws.String(at.Endpoint), Credentials: aws.CredentialsProviderFunc(s.loopback), HTTPClient: impatient()}, nil
	}
	here, err := s.home(ctx, service)
	if err != nil {
		return aws.Config{}, err
	}
	if here.Endpoint != at.Endpoint {
		return aws.Config{}, elsewhere(service, at, here)
	}
	if at.Account != "" && here.Account != "" && at.Account != here.Account {
		return aws.Config{}, &failure{code: exitUsage, err: fmt.Errorf("the target is in account %s, and these credentials are for account %s", at.Account, here.Account), hint: "sign in to account " + at.Account}
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion(at.Region), config.WithHTTPClient(impatient()))
	if at.Endpoint != "" {
		cfg.BaseEndpoint = aws.String(at.Endpoint)
	}
	return cfg, err
}

// callTimeout bounds one attempt of a call. It is far below the time that an undo has, so that a connection that
// died unnoticed costs an attempt and not the undo.
const callTimeout = 5 * time.Second

func impatient() aws.HTTPClient { return awshttp.NewBuildableClient().WithTimeout(callTimeout) }

// elsewhere says that this process would ask somebody else than the one who has the target.
func elsewhere(service string, at, here action.Service) error {
	variable := "AWS_ENDPOINT_URL_" + strings.ToUpper(service)
	hint := "it is in AWS: leave " + variable + " and AWS_ENDPOINT_URL out"
	if at.Endpoint != "" {
		hint = "ask where it is: " + variable + "=" + at.Endpoint
	}
	return &failure{code: exitUsage, err: fmt.Errorf("the target is at %s, and %s would be asked", cmp.Or(at.Endpoint, "AWS"), cmp.Or(here.Endpoint, "AWS")), hint: hint}
}

// loopback are the credentials for a service on this machine, which asks for some and checks none.
func (s *services) loopback(context.Context) (aws.Credentials, error) {
	id, secret := s.getenv("AWS_ACCESS_KEY_ID"), s.getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		id, secret = "local", "local"
	}
	return aws.Credentials{AccessKeyID: id, SecretAccessKey: secret, SessionToken: s.getenv("AWS_SESSION_TOKEN"), Source: "firedrill"}, nil
}

// ssm makes a client for parameters.
func (s *services) ssm(ctx context.Context, at action.Service) (action.SSMAPI, error) {
	cfg, err := s.config(ctx, "ssm", at)
	if err != nil {
		return nil, err
	}
	return ssm.NewFromConfig(cfg), nil
}

// s3 makes a client for objects.
func (s *services) s3(ctx context.Context, at action.Service) (action.S3API, error) {
	cfg, err := s.config(ctx, "s3", at)
	if err != nil {
		return nil, err
	}
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = at.Endpoint != "" }), nil
}

// appConfig makes a client for AppConfig's control side.
func (s *services) appConfig(ctx context.Context, at action.Service) (action.AppConfigAPI, error) {
	cfg, err := s.config(ctx, "appconfig", at)
	if err != nil {
		return nil, err
	}
	return appconfig.NewFromConfig(cfg), nil
}

// functionsTagged finds the functions that have a tag.
func (s *services) functionsTagged(ctx context.Context, key, value string) ([]string, error) {
	cfg, err := s.here(ctx, "resource_groups_tagging_api")
	if err != nil {
		return nil, err
	}
	return group.Tagged(ctx, tagging.NewFromConfig(cfg), "lambda:function", key, value)
}

// functionsInStack finds the functions of a CloudFormation stack.
func (s *services) functionsInStack(ctx context.Context, stack string) ([]string, error) {
	cfg, err := s.here(ctx, "cloudformation")
	if err != nil {
		return nil, err
	}
	return group.InStack(ctx, cloudformation.NewFromConfig(cfg), "AWS::Lambda::Function", stack)
}

// here is config for where home is.
func (s *services) here(ctx context.Context, service string) (aws.Config, error) {
	at, err := s.home(ctx, service)
	if err != nil {
		return aws.Config{}, err
	}
	return s.config(ctx, service, at)
}

// logs makes a client for CloudWatch Logs, which reads what functions have logged.
func (s *services) logs(ctx context.Context) (action.LogsAPI, error) {
	cfg, err := s.here(ctx, "cloudwatch_logs")
	if err != nil {
		return nil, err
	}
	return cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { o.RetryMaxAttempts = logAttempts }), nil
}

// metrics makes a client for CloudWatch, which has made metrics of what functions have logged.
func (s *services) metrics(ctx context.Context) (action.MetricsAPI, error) {
	cfg, err := s.here(ctx, "cloudwatch")
	if err != nil {
		return nil, err
	}
	return cloudwatch.NewFromConfig(cfg), nil
}

// logAttempts is how often a request to CloudWatch Logs is made before its error counts. FilterLogEvents is throttled
// at a few requests a second, which other readers of the account's logs share.
const logAttempts = 6
