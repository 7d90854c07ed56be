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
	group string
}

func (l loggingLambda) GetFunctionConfiguration(context.Context, *lambda.GetFunctionConfigurationInput, ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	out := &lambda.GetFunctionConfigurationOutput{}
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
	l := NewLogs(loggingLambda{group: "/shops"}, func(context.Context) (LogsAPI, error) { return log, nil })
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
	l := NewLogs(loggingLambda{}, func(context.Context) (LogsAPI, error) { return log, nil })
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p.Known || err == nil || !strings.Contains(err.Error(), "/aws/lambda/shop") || !strings.Contains(err.Error(), "logs:FilterLogEvents") {
		t.Errorf("%+v, %v", p, err)
	}
	l.Tail(base64.StdEncoding.EncodeToString(records(time.Now())[0].AppendJSON(nil)))
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p != (Proof{Known: true, Planned: 1, Fired: 1, Late: true}) || err != nil {
		t.Errorf("the tail of an invocation's log proves it, too: %+v, %v", p, err)
	}
	nobody := errors.New("no access to AWS")
	l = NewLogs(loggingLambda{}, func(context.Context) (LogsAPI, error) { return nil, nobody })
	if p, err := l.Count(t.Context(), "shop", "R1", "latency"); p.Known || !errors.Is(err, nobody) {
		t.Errorf("%+v, %v", p, err)
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
	l := NewLogs(loggingLambda{}, open)
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
