package probe

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// LogsAPI is the part of CloudWatch Logs that answers queries. AWS's client is one.
type LogsAPI interface {
	StartQuery(ctx context.Context, in *cloudwatchlogs.StartQueryInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.StartQueryOutput, error)
	GetQueryResults(ctx context.Context, in *cloudwatchlogs.GetQueryResultsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetQueryResultsOutput, error)
	StopQuery(ctx context.Context, in *cloudwatchlogs.StopQueryInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.StopQueryOutput, error)
}

// Insights asks Logs Insights for a number, over the log of a time.
type Insights struct {
	client  func(ctx context.Context, account, region string) (LogsAPI, error)
	measure experiment.Measure
}

const (
	logsPause     = 250 * time.Millisecond // between two looks at a query under way, and twice that the next time
	logsPauseMost = 2 * time.Second
	stopTimeout   = 5 * time.Second // of telling that nobody waits for a query any more
	unasked       = time.Minute     // the log that Read looks at
)

func newInsights(m experiment.Measure, d Deps) (Probe, error) {
	if d.Logs == nil {
		return nil, errors.New("a measure of logs needs access to AWS")
	}
	if m.Probe.Query == "" || m.Probe.Field == "" || len(m.Probe.LogGroups) == 0 {
		return nil, errors.New("a measure of logs needs log_group, query and field")
	}
	return &Insights{d.Logs, m}, nil
}

// Read asks about the last minute.
func (p *Insights) Read(ctx context.Context) (verdict.Observation, error) {
	now := time.Now()
	return p.ReadBetween(ctx, now.Add(-unasked), now)
}

// ReadBetween asks about the log from one instant to another, by whole seconds that lie between them.
func (p *Insights) ReadBetween(ctx context.Context, from, until time.Time) (verdict.Observation, error) {
	r := &reader{ask: window{p, from, until}, timeout: p.measure.Timeout}
	return r.Read(ctx)
}

// window is a query over the log of a time.
type window struct {
	*Insights
	from, until time.Time
}

func (p window) ask(ctx context.Context) (reading, error) {
	spec := p.measure.Probe
	api, err := p.client(ctx, spec.Account, spec.Region)
	if err != nil {
		return reading{}, err
	}
	start, end := roundUp(p.from, time.Second).Unix(), p.until.Unix()-1 // both are whole seconds that belong to the query
	started, err := api.StartQuery(ctx, &cloudwatchlogs.StartQueryInput{
		LogGroupNames: spec.LogGroups, QueryString: aws.String(spec.Query), Limit: aws.Int32(2),
		StartTime: &start, EndTime: aws.Int64(max(start, end)),
	})
	if err != nil {
		return reading{}, fmt.Errorf("start the query (needs logs:StartQuery): %w", err)
	}
	rows, err := await(ctx, api, started.QueryId)
	if err != nil {
		return reading{}, err
	}
	return p.number(rows)
}

// await waits for the answer to a query. One that nobody waits for any more is stopped: an account has few at a time.
func await(ctx context.Context, api LogsAPI, id *string) ([][]types.ResultField, error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for pause := logsPause; ; pause = min(2*pause, logsPauseMost) {
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), stopQuery(ctx, api, id))
		}
		out, err := api.GetQueryResults(ctx, &cloudwatchlogs.GetQueryResultsInput{QueryId: id})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read the query's result (needs logs:GetQueryResults): %w", err), stopQuery(ctx, api, id))
		}
		switch out.Status {
		case types.QueryStatusScheduled, types.QueryStatusRunning, types.QueryStatusUnknown:
			timer.Reset(pause)
		case types.QueryStatusComplete:
			return out.Results, nil
		default:
			return nil, fmt.Errorf("the query ended as %s", out.Status)
		}
	}
}

// stopQuery tells that nobody waits. A query that has ended meanwhile needs no end.
func stopQuery(ctx context.Context, api LogsAPI, id *string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	_, err := api.StopQuery(ctx, &cloudwatchlogs.StopQueryInput{QueryId: id})
	var ended *types.InvalidParameterException
	if err == nil || errors.As(err, &ended) {
		return nil
	}
	return fmt.Errorf("stop the query (needs logs:StopQuery): %w", err)
}

// number finds the measured field in the only row.
func (p window) number(rows [][]types.ResultField) (reading, error) {
	spec := p.measure.Probe
	got := reading{class: classNoNumber, number: math.NaN()}
	switch {
	case len(rows) == 0 && spec.Missing != "":
		return reading{class: classNoData}, nil
	case len(rows) == 0:
		return reading{class: classNoData, number: math.NaN()}, errors.New("the query found nothing")
	case len(rows) > 1:
		return got, errors.New("the query yields several rows, not one: aggregate them, such as by stats count(*) as errors")
	}
	var names []string
	for _, f := range rows[0] {
		if aws.ToString(f.Field) == spec.Field {
			x, err := finite(aws.ToString(f.Value))
			if err != nil {
				return got, err
			}
			return reading{class: "200", number: x}, nil
		}
		names = append(names, aws.ToString(f.Field))
	}
	return got, fmt.Errorf("the query yields no field %q, only %s", spec.Field, strings.Join(names, ", "))
}
