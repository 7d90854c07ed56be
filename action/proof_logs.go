package action

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/firedrill-dev/firedrill/fault"
)

// LogsAPI is the part of CloudWatch Logs that finds records.
type LogsAPI interface {
	FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
}

// Logs counts the injections of functions in AWS, from the records in their logs: those that came back with an
// invocation, as the last 4 KB of its log, and those in CloudWatch Logs; or, where that must not be read, from the
// metrics that a function made of them. It is safe for concurrent use.
type Logs struct {
	lambda  LambdaAPI
	open    func(ctx context.Context) (LogsAPI, error)
	metrics func(ctx context.Context) (MetricsAPI, error)
	from    time.Time

	mu     sync.Mutex
	counts map[logKey]Proof
	seen   map[logRecord]bool // a record may come back with an invocation, and once more from the log
	until  map[string]time.Time
}

// logKey is what is counted together.
type logKey struct {
	function, run string
	kind          fault.Kind
}

// logRecord tells one record from another.
type logRecord struct {
	logKey
	request        string
	at             int64
	planned, fired int64
}

// maxSeen bounds the records that are remembered, and with them what is counted: the rest of a run that has hit so
// many times proves nothing more.
const maxSeen = 500_000

// clockSkew is how far apart the clocks of this machine and of a function may be, and how late an older record
// may come beside a newer one.
const clockSkew = 5 * time.Minute

// NewLogs reads the records of runs that begin from now on. open and metrics make the clients when they are needed.
func NewLogs(api LambdaAPI, open func(ctx context.Context) (LogsAPI, error), metrics func(ctx context.Context) (MetricsAPI, error)) *Logs {
	return &Logs{lambda: api, open: open, metrics: metrics, from: time.Now().Add(-clockSkew),
		counts: map[logKey]Proof{}, seen: map[logRecord]bool{}, until: map[string]time.Time{}}
}

// Tail takes the records in the log that came back with an invocation, as Lambda encodes it: X-Amz-Log-Result.
func (l *Logs) Tail(encoded string) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return // whatever it is, it proves nothing
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(text)) {
		l.add(line)
	}
}

// add counts a line that is a record and is new.
func (l *Logs) add(line string) {
	r, ok := fault.ParseRecord([]byte(line))
	if !ok || len(l.seen) >= maxSeen {
		return
	}
	key := logKey{r.Function, r.Run, r.Kind}
	one := logRecord{key, r.RequestID, r.Time.UnixNano(), r.Planned, r.Fired}
	if l.seen[one] {
		return
	}
	l.seen[one] = true
	p := l.counts[key]
	l.counts[key] = Proof{Known: true, Late: true, Planned: p.Planned + r.Planned, Fired: p.Fired + r.Fired}
}

// Count counts the injections of a kind in a function, for a run. If the log cannot be read, its metrics and what came
// back with invocations still count; the error is returned only where those are nothing.
func (l *Logs) Count(ctx context.Context, function, run, kind string) (Proof, error) {
	key := logKey{plainName(function), run, fault.Kind(kind)}
	config, err := l.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &function})
	if err != nil {
		err = fmt.Errorf("find the log of function %s: %w", function, err)
	} else {
		err = l.read(ctx, key.function, config, run)
	}
	l.mu.Lock()
	p := l.counts[key]
	l.mu.Unlock()
	p.Late = true
	switch {
	case err == nil:
		p.Known = true
	case p.Fired > 0:
		return p, nil
	case measuresItself(config) && l.metrics != nil:
		return l.measured(ctx, key, err)
	}
	return p, err
}

// measured counts by metrics, because of what kept the log from being read.
func (l *Logs) measured(ctx context.Context, key logKey, because error) (Proof, error) {
	api, err := l.metrics(ctx)
	var p Proof
	if err == nil {
		p, err = countMetrics(ctx, api, key, l.from)
	}
	p.Late = true
	if err != nil {
		err = fmt.Errorf("%w; %w", because, err)
	}
	return p, err
}

// read takes what the function's log has of a run.
func (l *Logs) read(ctx context.Context, name string, config *lambda.GetFunctionConfigurationOutput, run string) error {
	group := "/aws/lambda/" + name
	if config.LoggingConfig != nil && aws.ToString(config.LoggingConfig.LogGroup) != "" {
		group = *config.LoggingConfig.LogGroup
	}
	api, err := l.open(ctx)
	if err != nil {
		return err
	}
	return l.readGroup(ctx, api, group, run)
}

// readGroup reads a log group's events of a run, those that were there before excepted. The pattern is one word, so
// that it also finds records that a log format has put into a document of its own; what it finds is parsed
// and counted here, whatever it is.
func (l *Logs) readGroup(ctx context.Context, api LogsAPI, group, run string) error {
	where := group + "\x00" + run
	l.mu.Lock()
	from := l.until[where]
	l.mu.Unlock()
	if from.IsZero() {
		from = l.from
	}
	newest := from
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &group, StartTime: aws.Int64(from.UnixMilli()), FilterPattern: aws.String(`"` + pattern(run) + `"`)}
	for {
		out, err := api.FilterLogEvents(ctx, in)
		if err != nil {
			return logsError(group, err)
		}
		l.mu.Lock()
		for _, e := range out.Events {
			l.add(aws.ToString(e.Message))
			if at := time.UnixMilli(aws.ToInt64(e.Timestamp)); at.After(newest) {
				newest = at
			}
		}
		l.mu.Unlock()
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if late := newest.Add(-clockSkew); late.After(from) {
		l.until[where] = late
	}
	return nil
}

// pattern leaves of a run's id what cannot end a quoted word.
func pattern(run string) string {
	return strings.Map(func(c rune) rune {
		if c == '"' || c == '\\' || c < ' ' {
			return -1
		}
		return c
	}, run)
}

func logsError(group string, err error) error {
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "ResourceNotFoundException":
			return fmt.Errorf("there is no log group %s: the function has never logged, or may not", group)
		case "AccessDeniedException", "AccessDenied":
			return fmt.Errorf("read log group %s: %w: the credentials need logs:FilterLogEvents on it", group, err)
		}
	}
	return fmt.Errorf("read log group %s: %w", group, err)
}
