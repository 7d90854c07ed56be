package probe_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firedrill-dev/firedrill/internal/cloudwatch"
	"github.com/firedrill-dev/firedrill/probe"
)

// A function's usual use is that of the same hour, one and two weeks ago, and of that function alone.
func TestInvocations(t *testing.T) {
	client := cw.NewFromConfig(cloudwatch.Start(t).Config())
	now := time.Now().Add(2 * time.Hour).Truncate(5 * time.Minute) // CloudWatch takes nothing that is older than two weeks
	put := func(function string, ago time.Duration, n float64) {
		t.Helper()
		_, err := client.PutMetricData(t.Context(), &cw.PutMetricDataInput{Namespace: aws.String("AWS/Lambda"), MetricData: []types.MetricDatum{{
			MetricName: aws.String("Invocations"), Value: &n, Timestamp: aws.Time(now.Add(-ago)),
			Dimensions: []types.Dimension{{Name: aws.String("FunctionName"), Value: &function}},
		}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	const week = 7 * 24 * time.Hour
	for i := range 12 {
		at := time.Duration(i-5) * 5 * time.Minute
		put("inventory", week+at, 600+30*float64(i)) // 2/s to 3.1/s
		put("inventory", 2*week+at, 900)             // 3/s
		put("other", week+at, 30000)
	}
	put("inventory", week+3*time.Hour, 90000) // another hour
	put("quiet", week, 3)
	for function, want := range map[string][2]float64{"inventory": {2, 3.1}, "quiet": {0, 0.01}, "never": {0, 0}} {
		least, most, err := probe.Invocations(t.Context(), client, function, now)
		if err != nil || least != want[0] || most < want[1]-1e-9 || most > want[1]+1e-9 {
			t.Errorf("%s: %g to %g a second, %v; want %v", function, least, most, err, want)
		}
	}
}
