package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/probe"
)

// forecasts is who can be asked how much functions are used: CloudWatch, unless the Lambda API is a stand-in on this machine and CloudWatch is not.
func (s *session) forecasts() bool {
	return !isLoopback(s.endpoint) || slices.ContainsFunc([]string{"AWS_ENDPOINT_URL_CLOUDWATCH", "AWS_ENDPOINT_URL"}, func(name string) bool {
		return isLoopback(s.services.getenv(name))
	})
}

// Usual implements engine.Forecaster.
func (a faultSet) Usual(ctx context.Context) (engine.Usual, error) { return a.usual(ctx) }

// usualOf asks how much the functions behind a fault set are used, and what they cost.
func (s *session) usualOf(a *action.FaultSet) func(context.Context) (engine.Usual, error) {
	return func(ctx context.Context) (engine.Usual, error) {
		var functions []arn.ARN
		for _, text := range a.Resources() {
			if id, err := arn.Parse(text); err == nil && id.Service == "lambda" {
				functions = append(functions, id)
			}
		}
		if len(functions) == 0 {
			return engine.Usual{}, errors.New("the functions that read it are not known")
		}
		if !s.forecasts() {
			return engine.Usual{}, errors.New("there is no CloudWatch here")
		}
		in := s.within(a.Access(), "forecast")
		var out engine.Usual
		for _, id := range functions {
			if err := in.addUsual(ctx, id, &out); err != nil {
				return engine.Usual{}, err
			}
		}
		out.From = "CloudWatch's invocations of the same hour in the last two weeks"
		return out, nil
	}
}

// addUsual adds one function: its use, and the most that any of them costs.
func (s *session) addUsual(ctx context.Context, id arn.ARN, out *engine.Usual) error {
	name, _, _ := strings.Cut(strings.TrimPrefix(id.Resource, "function:"), ":")
	cfg, err := s.services.here(ctx, "cloudwatch")
	if err != nil {
		return err
	}
	least, most, err := probe.Invocations(ctx, cloudwatch.NewFromConfig(cfg), name, time.Now())
	if err != nil {
		return err
	}
	out.Rate = engine.Range{Least: out.Rate.Least + least, Most: out.Rate.Most + most}
	client, err := s.lambda(ctx)
	if err != nil {
		return err
	}
	f, err := client.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(name)})
	if err != nil {
		return fmt.Errorf("read the configuration of function %s: %w", name, err)
	}
	price := or(s.price, priceOf(id.Region, slices.Contains(f.Architectures, types.ArchitectureArm64)))
	out.Memory = max(out.Memory, float64(aws.ToInt32(f.MemorySize))/1024)
	out.Timeout = max(out.Timeout, time.Duration(aws.ToInt32(f.Timeout))*time.Second)
	out.Price.GBSecond, out.Price.Request = max(out.Price.GBSecond, price.GBSecond), max(out.Price.Request, price.Request)
	return nil
}
