package action

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/fault"
)

// MetricsAPI is the part of CloudWatch that adds metrics up.
type MetricsAPI interface {
	GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// measuresItself says whether a function makes metrics of its records.
func measuresItself(config *lambda.GetFunctionConfigurationOutput) bool {
	return config != nil && config.Environment != nil &&
		strings.EqualFold(strings.TrimSpace(config.Environment.Variables[fault.MetricsVariable]), fault.MetricsEMF)
}

// errNoMetrics says that there is nothing to count.
var errNoMetrics = errors.New("CloudWatch has no metric of the run")

// countMetrics adds up the metrics that a function made of its records for a run. No metric is no proof of anything: it may
// be minutes late.
func countMetrics(ctx context.Context, api MetricsAPI, key logKey, from time.Time) (p Proof, err error) {
	dimensions := []types.Dimension{
		{Name: aws.String("function"), Value: aws.String(key.function)},
		{Name: aws.String("kind"), Value: aws.String(string(key.kind))},
		{Name: aws.String("run"), Value: aws.String(key.run)},
	}
	query := func(name string) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &name, MetricStat: &types.MetricStat{
			Metric: &types.Metric{Namespace: aws.String(fault.MetricsNamespace), MetricName: &name, Dimensions: dimensions},
			Period: aws.Int32(60), Stat: aws.String("Sum"),
		}}
	}
	in := &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(from.Truncate(time.Minute)), EndTime: aws.Time(time.Now().Add(time.Minute)),
		MetricDataQueries: []types.MetricDataQuery{query("planned"), query("fired")},
	}
	sums := map[string]float64{}
	for {
		out, err := api.GetMetricData(ctx, in)
		if err != nil {
			return Proof{}, fmt.Errorf("read the metrics of function %s (needs cloudwatch:GetMetricData): %w", key.function, err)
		}
		for _, r := range out.MetricDataResults {
			for _, x := range r.Values {
				sums[aws.ToString(r.Id)] += x
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	if sums["planned"] == 0 {
		return Proof{}, errNoMetrics
	}
	return Proof{Known: true, Planned: int64(sums["planned"]), Fired: int64(sums["fired"]), Late: true}, nil
}
