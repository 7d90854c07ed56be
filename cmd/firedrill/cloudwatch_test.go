package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/firedrill-dev/firedrill/internal/cloudwatch"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// TestScriptsOnCloudWatch runs the scripts that measure in AWS: CloudWatch is ours, the functions are on this machine.
func TestScriptsOnCloudWatch(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/cloudwatch",
		Setup: func(env *testscript.Env) error {
			server := httptest.NewServer(http.HandlerFunc(serve))
			env.Defer(server.Close)
			url := observe(env)
			for name, value := range map[string]string{
				"server": server.URL, "TERM": "dumb", "GORACE": "atexit_sleep_ms=0", "AWS_ENDPOINT_URL_CLOUDWATCH": url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": url,
				"AWS_REGION": moto.Region, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
			} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"waitfor": waitFor, "sub": substitute, "exits": exits, "alarm": setAlarm, "metric": putMetric, "logline": putLog,
		},
	})
}

// observatory is the key of a script's CloudWatch.
type observatory struct{}

// observe gives a script a CloudWatch of its own.
func observe(env *testscript.Env) (url string) {
	s := cloudwatch.New()
	listener := httptest.NewServer(s)
	env.Defer(listener.Close)
	s.URL = listener.URL
	env.Values[observatory{}] = s
	env.Setenv("cloudwatch", s.URL)
	return s.URL
}

func observatoryOf(ts *testscript.TestScript) *cloudwatch.Server {
	return ts.Value(observatory{}).(*cloudwatch.Server)
}

// setAlarm: alarm NAME STATE [ACCOUNT REGION] makes an alarm, if there is none, and sets its state.
func setAlarm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 4 {
		ts.Fatalf("usage: alarm NAME STATE [ACCOUNT REGION]")
	}
	cfg := observatoryOf(ts).Config()
	if len(args) == 4 {
		cfg = observatoryOf(ts).ConfigOf(args[2], args[3])
	}
	client, life := cw.NewFromConfig(cfg), context.Background()
	_, err := client.PutMetricAlarm(life, &cw.PutMetricAlarmInput{
		AlarmName: &args[0], Namespace: aws.String("Shop"), MetricName: aws.String("Nothing"), Statistic: types.StatisticSum, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1),
		Threshold: aws.Float64(0), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("ignore"),
	})
	ts.Check(err)
	_, err = client.SetAlarmState(life, &cw.SetAlarmStateInput{AlarmName: &args[0], StateValue: types.StateValue(args[1]), StateReason: aws.String("the script says so")})
	ts.Check(err)
}

// putMetric: metric NAME VALUE gives Shop/NAME a value each second, from a minute ago until long after the script;
// metric NAME VALUE WEEKS each minute of the hours around now, that many weeks ago.
func putMetric(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: metric NAME VALUE [WEEKS]")
	}
	value, err := strconv.ParseFloat(args[1], 64)
	ts.Check(err)
	from, step, times := time.Now().Add(-time.Minute), time.Second, 1800
	if len(args) == 3 {
		weeks, err := strconv.Atoi(args[2])
		ts.Check(err)
		from, step, times = time.Now().AddDate(0, 0, -7*weeks).Add(-time.Hour), time.Minute, 120
	}
	for i := range times {
		ts.Check(observatoryOf(ts).Add("Shop", types.MetricDatum{MetricName: &args[0], Value: &value, StorageResolution: aws.Int32(1), Timestamp: aws.Time(from.Add(time.Duration(i) * step))}))
	}
}

// putLog: logline GROUP TEXT writes a line each second, from a minute ago until long after the script.
func putLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: logline GROUP TEXT")
	}
	for i := range 1800 {
		observatoryOf(ts).Log(args[0], cloudwatch.LogEvent{At: time.Now().Add(time.Duration(i-60) * time.Second), Message: args[1]})
	}
}
