package cloudwatch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go"
)

// noon is a minute of the recent past.
var noon = time.Now().Add(-time.Hour).Truncate(10 * time.Minute)

// read asks for one metric or expression over ten minutes from noon, minute by minute.
func read(t *testing.T, client *cloudwatch.Client, stat, expression string) string {
	t.Helper()
	metric := func(id, name, stat string, show bool) types.MetricDataQuery {
		return types.MetricDataQuery{Id: &id, ReturnData: &show, MetricStat: &types.MetricStat{Metric: &types.Metric{Namespace: aws.String("Shop"), MetricName: &name}, Period: aws.Int32(60), Stat: &stat}}
	}
	queries := []types.MetricDataQuery{metric("a", "A", stat, expression == ""), metric("b", "B", stat, false)}
	if expression != "" {
		queries = append(queries, types.MetricDataQuery{Id: aws.String("x"), Expression: &expression})
	}
	var out []string
	pages := cloudwatch.NewGetMetricDataPaginator(client, &cloudwatch.GetMetricDataInput{
		StartTime: aws.Time(noon), EndTime: aws.Time(noon.Add(4 * time.Minute)), MetricDataQueries: queries, ScanBy: types.ScanByTimestampAscending,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		var refused smithy.APIError
		if errors.As(err, &refused) {
			return refused.ErrorCode()
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.MetricDataResults {
			for i, at := range r.Timestamps {
				out = append(out, fmt.Sprintf("%d:%g", int(at.Sub(noon).Minutes()), r.Values[i]))
			}
		}
	}
	return strings.Join(out, " ")
}

// TestMetrics: statistics, percentiles and metric math, whole and by pages.
func TestMetrics(t *testing.T) {
	for _, page := range []int{0, 1} {
		s := Start(t)
		s.Page = page
		client := cloudwatch.NewFromConfig(s.Config())
		put := func(name string, minute int, values ...float64) {
			if _, err := client.PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{Namespace: aws.String("Shop"), MetricData: []types.MetricDatum{
				{MetricName: &name, Timestamp: aws.Time(noon.Add(time.Duration(minute)*time.Minute + 7*time.Second)), Values: values},
			}}); err != nil {
				t.Fatal(err)
			}
		}
		put("A", 0, 1, 2, 3, 4)
		put("A", 1, 10)
		put("A", 1, 20)
		put("B", 0, 5)
		put("B", 2, 0)
		for _, test := range []struct{ stat, expression, want string }{
			{"Sum", "", "0:10 1:30"}, {"Average", "", "0:2.5 1:15"}, {"Minimum", "", "0:1 1:10"}, {"Maximum", "", "0:4 1:20"}, {"SampleCount", "", "0:4 1:2"},
			{"p50", "", "0:2 1:10"}, {"p99.9", "", "0:4 1:20"}, {"tm99", "", "InvalidParameterValue"},
			{"Sum", "b / a * 100", "0:50"}, {"Sum", "100 - (a + 2) * 2", "0:76 1:36"}, {"Sum", "a / b", "0:2"}, {"Sum", "-a", "0:-10 1:-30"},
			{"Sum", "SUM([a, b])", "0:15 1:30 2:0"}, {"Sum", "AVG([a,b])", "0:7.5 1:30 2:0"}, {"Sum", "a - a + SUM(a)", "0:40 1:40"},
			{"Sum", "FILL(a, 0)", "0:10 1:30 2:0 3:0"}, {"Sum", "FILL(b, REPEAT)", "0:5 1:5 2:0 3:0"}, {"Sum", "FILL(a, 0) / FILL(a, 0)", "0:1 1:1"},
			{"Sum", "x + 1", "ValidationError"}, {"Sum", "c", "ValidationError"}, {"Sum", "1 + 2", "ValidationError"}, {"Sum", "a +", "ValidationError"}, {"Sum", "SUM([a,b)", "ValidationError"},
		} {
			if got := read(t, client, test.stat, test.expression); got != test.want {
				t.Errorf("page %d: %s %q gives %q, want %q", page, test.stat, test.expression, got, test.want)
			}
		}
	}
}

// TestDelayAndRetention: what was put a moment ago is not seen yet, and old datapoints are coarse.
func TestDelayAndRetention(t *testing.T) {
	s := Start(t)
	s.Delay = time.Hour
	client := cloudwatch.NewFromConfig(s.Config())
	if err := s.Add("Shop", types.MetricDatum{MetricName: aws.String("A"), Timestamp: aws.Time(noon), Value: aws.Float64(1)}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, client, "Sum", ""); got != "" {
		t.Errorf("seen before its time: %s", got)
	}
	for age, period := range map[time.Duration]time.Duration{time.Hour: time.Second, 4 * time.Hour: time.Minute, 16 * 24 * time.Hour: 5 * time.Minute, 64 * 24 * time.Hour: time.Hour} {
		if !kept(age, period) || age > 3*time.Hour && kept(age, period/2) {
			t.Errorf("after %s, datapoints of %s", age, period)
		}
	}
}

// TestAlarms: M of N datapoints, missing ones as told, and a composite of alarms.
func TestAlarms(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		values  []float64 // of the last minutes; negative: none
		m, n    int32
		missing string
		want    types.StateValue
	}{
		{[]float64{1, 1, 9}, 1, 1, "", types.StateValueAlarm},
		{[]float64{9, 9, 1}, 1, 1, "", types.StateValueOk},
		{[]float64{9, 1, 9}, 2, 3, "", types.StateValueAlarm},
		{[]float64{9, 1, 1}, 2, 3, "", types.StateValueOk},
		{[]float64{-1, -1, -1}, 1, 1, "", types.StateValueInsufficientData},
		{[]float64{-1, -1, -1}, 1, 1, "notBreaching", types.StateValueOk},
		{[]float64{-1, -1, -1}, 1, 1, "breaching", types.StateValueAlarm},
		{[]float64{-1, -1, -1}, 1, 1, "ignore", types.StateValueInsufficientData}, // as it was made
	} {
		s := New()
		w := s.world(Account, Region)
		for i, x := range test.values {
			at := now.Truncate(time.Minute).Add(time.Duration(i-len(test.values)) * time.Minute)
			if x >= 0 {
				if err := w.add("Shop", types.MetricDatum{MetricName: aws.String("A"), Value: &x}, at, at); err != nil {
					t.Fatal(err)
				}
			}
		}
		if _, err := w.putMetricAlarm(&cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("a"), Namespace: aws.String("Shop"), MetricName: aws.String("A"), Statistic: types.StatisticSum,
			Period: aws.Int32(60), EvaluationPeriods: &test.n, DatapointsToAlarm: &test.m, Threshold: aws.Float64(5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: &test.missing}); err != nil {
			t.Fatal(err)
		}
		w.evaluate(w.alarms["a"], now)
		if got := w.alarms["a"].state; got != test.want {
			t.Errorf("%v, %d of %d, missing %q: %s, want %s", test.values, test.m, test.n, test.missing, got, test.want)
		}
		if _, err := w.putCompositeAlarm(&cloudwatch.PutCompositeAlarmInput{AlarmName: aws.String("c"), AlarmRule: aws.String(`NOT (OK("a") OR INSUFFICIENT_DATA("a")) AND TRUE`)}); err != nil {
			t.Fatal(err)
		}
		w.evaluate(w.alarms["c"], now)
		if firing := w.alarms["c"].state == types.StateValueAlarm; firing != (test.want == types.StateValueAlarm) {
			t.Errorf("the composite of %s is %s", test.want, w.alarms["c"].state)
		}
	}
	w := New().world(Account, Region)
	for _, rule := range []string{"", "ALARM(gone)", "TRUE AND", "(TRUE", "TRUE FALSE"} {
		if _, err := w.evaluateRule(rule); err == nil {
			t.Errorf("%q is understood", rule)
		}
	}
}

// TestAccounts: each account and region is a world of its own.
func TestAccounts(t *testing.T) {
	for key, want := range map[string]string{"ASIARTX3GSDSTWEN2PRL": "111122223333", "AKIARZPUZDIKI3FXE7SK": "123456789012", "ASIAQAAAAAAA3RAIBEDK": "000000000001", "test": Account, "ASIA1": Account} {
		if got := accountOf(key); got != want {
			t.Errorf("%s belongs to account %s, want %s", key, got, want)
		}
	}
	for _, account := range []string{"111122223333", Account, "000000000001", "999999999999"} {
		if got := accountOf(keyOf(account)); got != account || len(keyOf(account)) != 20 {
			t.Errorf("the key of %s, %s, belongs to %s", account, keyOf(account), got)
		}
	}
	s := Start(t)
	here, there := cloudwatch.NewFromConfig(s.Config()), cloudwatch.NewFromConfig(s.ConfigOf("111122223333", Region))
	if _, err := here.PutMetricAlarm(t.Context(), &cloudwatch.PutMetricAlarmInput{AlarmName: aws.String("a"), Namespace: aws.String("Shop"), MetricName: aws.String("A"), Statistic: types.StatisticSum,
		Period: aws.Int32(60), EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(5), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold}); err != nil {
		t.Fatal(err)
	}
	for client, want := range map[*cloudwatch.Client]int{here: 1, there: 0} {
		out, err := client.DescribeAlarms(t.Context(), &cloudwatch.DescribeAlarmsInput{})
		if err != nil || len(out.MetricAlarms) != want {
			t.Errorf("%v, %v; want %d", out, err, want)
		}
	}
	if calls := s.Calls(); len(calls) != 3 || !slices.ContainsFunc(calls, func(c Call) bool { return c.Account != Account }) {
		t.Errorf("%v", calls)
	}
}

// TestInsights: filters and stats, and a query that is stopped.
func TestInsights(t *testing.T) {
	s := Start(t)
	client := cloudwatchlogs.NewFromConfig(s.Config())
	now := time.Now()
	for i, line := range []string{`{"level":"ERROR","ms":30}`, `{"level":"INFO","ms":10}`, `{"level":"ERROR","ms":50}`, "START"} {
		s.Log("/aws/lambda/shop", LogEvent{At: now.Add(-time.Duration(i) * time.Minute), Message: line})
	}
	for query, want := range map[string]string{
		`filter level = "ERROR" | stats count(*) as errors`:        "errors=2",
		`filter ms >= 20 | filter level != "INFO" | stats avg(ms)`: "avg(ms)=40",
		`filter @message like /ERR/ | stats max(ms) as most`:       "most=50",
		`filter @message like "STA" | stats count(*) as starts`:    "starts=1",
		`filter level = "FATAL" | stats count(*) as errors`:        "",
		`fields @timestamp | stats count(*) as errors`:             "MalformedQueryException",
		`filter level = "ERROR"`:                                   "MalformedQueryException",
	} {
		if got := ask(t, client, query, now); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	out, err := client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupNames: []string{"/aws/lambda/shop"}, QueryString: aws.String("stats count(*) as n"), StartTime: aws.Int64(0), EndTime: aws.Int64(now.Unix())})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.StopQuery(t.Context(), &cloudwatchlogs.StopQueryInput{QueryId: out.QueryId}); err != nil || s.Stopped() != 1 {
		t.Errorf("%v, %d stopped", err, s.Stopped())
	}
}

func ask(t *testing.T, client *cloudwatchlogs.Client, query string, now time.Time) string {
	t.Helper()
	started, err := client.StartQuery(t.Context(), &cloudwatchlogs.StartQueryInput{LogGroupNames: []string{"/aws/lambda/shop"}, QueryString: &query, StartTime: aws.Int64(now.Add(-time.Hour).Unix()), EndTime: aws.Int64(now.Unix())})
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	for {
		got, err := client.GetQueryResults(t.Context(), &cloudwatchlogs.GetQueryResultsInput{QueryId: started.QueryId})
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != "Complete" {
			continue
		}
		var fields []string
		for _, row := range got.Results {
			for _, f := range row {
				fields = append(fields, *f.Field+"="+*f.Value)
			}
		}
		return strings.Join(fields, " ")
	}
}

// TestUnknown: what the server does not do, it refuses by name.
func TestUnknown(t *testing.T) {
	s := Start(t)
	_, err := cloudwatch.NewFromConfig(s.Config()).ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{})
	if err == nil || !strings.Contains(err.Error(), "does not know cloudwatch:ListMetrics") {
		t.Error(err)
	}
}
