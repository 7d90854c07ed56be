package action

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/fault"
)

// loggingLambda is functions whose log is in a group.
type loggingLambda struct {
	LambdaAPI
	group   string
	metrics string // FIREDRILL_METRICS
}

func (l loggingLambda) GetFunctionConfiguration(context.Context, *lambda.GetFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	out := &lambda.GetFunctionConfigurationOutput{Environment: &lambdatypes.EnvironmentResponse{Variables: map[string]string{fault.MetricsVariable: l.metrics}}}
	if l.group != "" {
		out.LoggingConfig = &lambdatypes.LoggingConfig{LogGroup: &l.group}
	}
	return out, nil
}

// pagedLogs is a log that comes in pages of one event, whatever the pattern.
type pagedLogs struct {
	group  string
	events []types.FilteredLogEvent
	fail   error
	asked  int
}

func (l *pagedLogs) FilterLogEvents(_ context.Context, in *cloudwatchlogs.FilterLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error) {
	l.asked++
	if l.fail != nil {
		return nil, l.fail
	}
	if *in.LogGroupName != l.group || *in.FilterPattern != `"R1"` {
		return nil, fmt.Errorf("asked for %s, %s", *in.LogGroupName, *in.FilterPattern)
	}
	var page int
	if in.NextToken != nil {
		if _, err := fmt.Sscan(*in.NextToken, &page); err != nil {
			return nil, err
		}
	}
	out := &cloudwatchlogs.FilterLogEventsOutput{}
	for n := page; n < len(l.events); n++ {
		if aws.ToInt64(l.events[n].Timestamp) >= *in.StartTime {
			out.Events = l.events[n : n+1]
			out.NextToken = aws.String(fmt.Sprint(n + 1))
			break
		}
	}
	return out, nil
}

// logged is a line of a function's log.
func logged(r fault.Record) types.FilteredLogEvent {
	return types.FilteredLogEvent{Message: aws.String(string(r.AppendJSON(nil))), Timestamp: aws.Int64(r.Time.UnixMilli())}
}

func records(at time.Time) []fault.Record {
	one := func(n int, function, run string, kind fault.Kind, planned, fired int64) fault.Record {
		return fault.Record{Time: at.Add(time.Duration(n) * time.Second), Run: run, Kind: kind, Function: function, RequestID: fmt.Sprint("r-", n), Planned: planned, Fired: fired}
	}
	return []fault.Record{
		one(0, "shop", "R1", fault.Latency, 1, 1), one(1, "shop", "R1", fault.Latency, 1, 0), one(2, "shop", "R1", fault.Latency, 2, 2),
		one(3, "shop", "R0", fault.Latency, 9, 9), one(4, "shop", "R1", fault.Exception, 9, 9), one(5, "other", "R1", fault.Latency, 9, 9),
	}
}

func TestLogsAreCounted(t *testing.T) {
	all := records(time.Now())
	log := &pagedLogs{group: "/shops"}
	for _, r := range all {
		log.events = append(log.events, logged(r))
	}
	log.events = append(log.events, types.FilteredLogEvent{Message: aws.String("START RequestId: R1"), Timestamp: aws.Int64(time.Now().UnixMilli())}, log.events[0]) // twice
	l := NewLogs(loggingLambda{group: "/shops"}, func(context.Context) (LogsAPI, error) { return log, nil }, nil)
	var tail []byte
	for _, r := range all[1:3] {
		tail = r.AppendJSON(tail)
	}
	l.Tail(base64.StdEncoding.EncodeToString(tail[10:])) // the beginning is cut off
	l.Tail("no base64")
	want := Proof{Known: true, Planned: 4, Fired: 3, Late: true}
	for _, function := range []string{"shop", "arn:aws:lambda:eu-west-1:123456789012:function:shop:live", "shop:live"} {
		if p, err := l.Count(t.Context(), function, "R1", "latency"); p != want || err != nil {
			t.Errorf("%s: %+v, %v, want %+v", function, p, err, want)
		}
	}
	later := all[0]
	later.RequestID, later.Time = "late", later.Time.Add(-time.Minute) // it was written earlier, and arrives later
	log.events = append(log.events, logged(later))
	want.Planned, want.Fired = 5, 4
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p != want || err != nil {
		t.Errorf("%+v, %v, want %+v", p, err, want)
	}
	if p, err := l.Count(t.Context(), "shop", "R1", "cpu"); p != (Proof{Known: true, Late: true}) || err != nil {
		t.Errorf("a fault that hit nothing: %+v, %v", p, err)
	}
}

func TestLogsThatCannotBeRead(t *testing.T) {
	log := &pagedLogs{fail: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}}
	l := NewLogs(loggingLambda{}, func(context.Context) (LogsAPI, error) { return log, nil }, nil)
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p.Known || err == nil || !strings.Contains(err.Error(), "/aws/lambda/shop") || !strings.Contains(err.Error(), "logs:FilterLogEvents") {
		t.Errorf("%+v, %v", p, err)
	}
	l.Tail(base64.StdEncoding.EncodeToString(records(time.Now())[0].AppendJSON(nil)))
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p != (Proof{Known: true, Planned: 1, Fired: 1, Late: true}) || err != nil {
		t.Errorf("the tail of an invocation's log proves it, too: %+v, %v", p, err)
	}
	nobody := errors.New("no access to AWS")
	l = NewLogs(loggingLambda{}, func(context.Context) (LogsAPI, error) { return nil, nobody }, nil)
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p.Known || !errors.Is(err, nobody) {
		t.Errorf("%+v, %v", p, err)
	}
}

// sums is CloudWatch with a datum a minute, in pages of one metric each.
type sums map[string][]float64

func (s sums) GetMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error) {
	if s == nil {
		return nil, errors.New("metrics are denied, too")
	}
	n := 0
	if in.NextToken != nil {
		n = 1
	}
	q := in.MetricDataQueries[n]
	key := *q.MetricStat.Metric.Namespace + " " + *q.MetricStat.Metric.MetricName
	for _, d := range q.MetricStat.Metric.Dimensions {
		key += " " + *d.Name + "=" + *d.Value
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []cloudwatchtypes.MetricDataResult{{Id: q.Id, Values: s[key]}}}
	if n+1 < len(in.MetricDataQueries) {
		out.NextToken = aws.String("more")
	}
	return out, nil
}

func TestMetricsWhereLogsAreDenied(t *testing.T) {
	denied := func(context.Context) (LogsAPI, error) {
		return &pagedLogs{fail: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, nil
	}
	const of = " function=shop kind=latency run=R1"
	for _, c := range []struct {
		name, switched string
		metrics        sums
		want           Proof
		problems       []string
	}{
		{"counted", "emf", sums{"Firedrill planned" + of: {2, 3}, "Firedrill fired" + of: {2, 1}}, Proof{Known: true, Planned: 5, Fired: 3, Late: true}, nil},
		{"another run's", "emf", sums{"Firedrill planned function=shop kind=latency run=R0": {2}}, Proof{Late: true}, []string{"logs:FilterLogEvents", "no metric of the run"}},
		{"denied", "emf", nil, Proof{Late: true}, []string{"logs:FilterLogEvents", "cloudwatch:GetMetricData"}},
		{"not switched on", "", sums{"Firedrill planned" + of: {2}}, Proof{Late: true}, []string{"logs:FilterLogEvents"}},
	} {
		l := NewLogs(loggingLambda{metrics: c.switched}, denied, func(context.Context) (MetricsAPI, error) { return c.metrics, nil })
		p, err := l.Count(t.Context(), "shop", "R1", "latency")
		if p != c.want || (err != nil) != (len(c.problems) > 0) {
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
		for _, problem := range c.problems {
			if err != nil && !strings.Contains(err.Error(), problem) {
				t.Errorf("%s: %v does not say %s", c.name, err, problem)
			}
		}
	}
}

// A run's id comes from a document of ours, but nothing that it holds may end the pattern.
func TestLogPattern(t *testing.T) {
	if got := pattern("a\"\\ b\n"); got != "a b" {
		t.Errorf("%q", got)
	}
}

// TestLogsOnMoto reads what was put into AWS's stand-in, by its own client.
func TestLogsOnMoto(t *testing.T) {
	client := cloudwatchlogs.NewFromConfig(onMoto(t))
	open := func(context.Context) (LogsAPI, error) { return client, nil }
	l := NewLogs(loggingLambda{}, open, nil)
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p.Known || err == nil || !strings.Contains(err.Error(), "has never logged") {
		t.Errorf("no log group: %+v, %v", p, err)
	}
	group, stream := aws.String("/aws/lambda/shop"), aws.String("2026/11/21/[$LATEST]0")
	if _, err := client.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	var events []types.InputLogEvent
	for n, r := range records(time.Now().Add(-10 * time.Second)) {
		text := string(r.AppendJSON(nil))
		if n == 2 { // in the envelope of Lambda's JSON format
			envelope, err := json.Marshal(map[string]string{"level": "INFO", "message": text})
			if err != nil {
				t.Fatal(err)
			}
			text = string(envelope)
		}
		events = append(events, types.InputLogEvent{Message: &text, Timestamp: aws.Int64(r.Time.UnixMilli())})
	}
	if _, err := client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: events}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p != (Proof{Known: true, Planned: 4, Fired: 3, Late: true}) || err != nil {
			t.Errorf("%+v, %v", p, err)
		}
	}
}
