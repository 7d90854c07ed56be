package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// MetricsAPI is the part of CloudWatch that tells datapoints.
type MetricsAPI interface {
	GetMetricData(ctx context.Context, in *cloudwatch.GetMetricDataInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// CloudWatchAPI is the part of CloudWatch that measures use. AWS's client is one.
type CloudWatchAPI interface {
	MetricsAPI
	AlarmsAPI
}

// classNoData is the class of a datapoint that there is not.
const classNoData = "no-data"

// Datapoints follows a metric, or an expression of several, in CloudWatch. Each datapoint is an observation at its own time, once it is
// whole: it sums up a period, and the data of a period may come in for some time after its end.
type Datapoints struct {
	client    func(ctx context.Context, account, region string) (CloudWatchAPI, error)
	measure   experiment.Measure
	reference float64 // what datapoints are divided by; 0: nothing
}

// Read tells the latest datapoint that is whole.
func (p *Datapoints) Read(ctx context.Context) (verdict.Observation, error) {
	spec := p.measure.Probe
	end := time.Now().Add(-spec.Lag).Truncate(spec.Period)
	ctx, cancel := context.WithTimeout(ctx, p.measure.Timeout)
	defer cancel()
	points, err := p.read(ctx, end.Add(-recent*spec.Period), end, spec.Period)
	if err != nil {
		return verdict.Observation{At: time.Now(), Value: math.NaN(), Failed: true, Class: classOf(err)}, err
	}
	if len(points) == 0 {
		return verdict.Observation{At: time.Now(), Value: math.NaN(), Failed: true, Class: classNoData}, fmt.Errorf("CloudWatch has no datapoint of the last %s", recent*spec.Period)
	}
	latest := slices.Max(slices.Collect(maps.Keys(points)))
	return p.observation(time.Unix(latest, 0), points[latest]), nil
}

// recent is how many periods Read looks back.
const recent = 10

// observation is one datapoint that there is.
func (p *Datapoints) observation(at time.Time, value float64) verdict.Observation {
	if p.reference != 0 {
		value /= p.reference
	}
	return verdict.Observation{At: at, Span: p.measure.Probe.Period, Value: value, Class: "200"}
}

// Follow tells the datapoints of the periods that begin at from or later and are known by now, in their order, and from where to ask
// next. A period without a datapoint is waited for until twice the lag has passed since its end. Then it is zero, if the measure says
// that no data means that nothing happened, or else a failed observation. While CloudWatch cannot be read nothing is told, until
// that time has passed for a period, too.
func (p *Datapoints) Follow(ctx context.Context, from time.Time) (obs []verdict.Observation, next time.Time, err error) {
	spec, now := p.measure.Probe, time.Now()
	first, end := roundUp(from, spec.Period), now.Add(-spec.Lag).Truncate(spec.Period)
	if !first.Before(end) {
		return nil, from, nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.measure.Timeout)
	defer cancel()
	points, err := p.read(ctx, first, end, spec.Period)
	for next = first; next.Before(end); next = next.Add(spec.Period) {
		value, there := points[next.Unix()]
		o := p.observation(next, value)
		switch {
		case there:
		case now.Sub(next.Add(spec.Period)) < 2*spec.Lag:
			return obs, next, err // it may yet come
		case err != nil:
			o.Value, o.Failed, o.Class = math.NaN(), true, classOf(err)
		case spec.Missing == "":
			o.Value, o.Failed, o.Class = math.NaN(), true, classNoData
		default:
			o.Class = classNoData
		}
		obs = append(obs, o)
	}
	return obs, next, err
}

// roundUp is the first beginning of a period that is not before t.
func roundUp(t time.Time, period time.Duration) time.Time {
	if down := t.Truncate(period); down.Before(t) {
		return down.Add(period)
	}
	return t.Truncate(period)
}

// read asks for all datapoints in [from, to), by their Unix time.
func (p *Datapoints) read(ctx context.Context, from, to time.Time, period time.Duration) (map[int64]float64, error) {
	spec := p.measure.Probe
	api, err := p.client(ctx, spec.Account, spec.Region)
	if err != nil {
		return nil, err
	}
	queries := queriesOf(spec, period)
	wanted := aws.ToString(queries[len(queries)-1].Id)
	in := &cloudwatch.GetMetricDataInput{StartTime: &from, EndTime: &to, MetricDataQueries: queries, ScanBy: types.ScanByTimestampAscending}
	points := map[int64]float64{}
	for {
		out, err := api.GetMetricData(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("read metrics (needs cloudwatch:GetMetricData): %w", err)
		}
		for _, r := range out.MetricDataResults {
			if aws.ToString(r.Id) != wanted || len(r.Values) != len(r.Timestamps) {
				continue
			}
			if r.StatusCode == types.StatusCodeInternalError || r.StatusCode == types.StatusCodeForbidden {
				return nil, fmt.Errorf("read metrics: CloudWatch says %s", r.StatusCode)
			}
			for i, at := range r.Timestamps {
				if !math.IsNaN(r.Values[i]) && !math.IsInf(r.Values[i], 0) {
					points[at.Unix()] = r.Values[i]
				}
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return points, nil
		}
	}
}

// queriesOf are the metrics of a measure; the last query is what is measured.
func queriesOf(spec experiment.ProbeSpec, period time.Duration) []types.MetricDataQuery {
	var out []types.MetricDataQuery
	id := "result"
	for _, m := range spec.Metrics {
		if m.ID == id {
			id += "_"
		}
		var dimensions []types.Dimension
		for name, value := range m.Dimensions {
			dimensions = append(dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
		}
		out = append(out, types.MetricDataQuery{
			Id: aws.String(m.ID), ReturnData: aws.Bool(spec.Expression == ""),
			MetricStat: &types.MetricStat{
				Metric: &types.Metric{Namespace: aws.String(m.Namespace), MetricName: aws.String(m.Name), Dimensions: dimensions},
				Period: aws.Int32(int32(period / time.Second)), Stat: aws.String(m.Stat),
			},
		})
	}
	if spec.Expression != "" {
		out = append(out, types.MetricDataQuery{Id: &id, Expression: aws.String(spec.Expression), Period: aws.Int32(int32(period / time.Second))})
	}
	return out
}

// week is how far apart the hours of a history lie.
const week = 7 * 24 * time.Hour

// Start reads the history of a measure that is compared with one: the datapoints of the hour around at in each of the weeks before. What
// is measured is divided by their median. It fails if a week has less than half of its datapoints. The note tells what was found.
func (p *Datapoints) Start(ctx context.Context, at time.Time) (note string, err error) {
	spec := p.measure.Probe
	if spec.Weeks == 0 {
		return "", nil
	}
	period := p.measure.HistoryPeriod()
	expected := int(time.Hour / period)
	if expected == 0 {
		return "", fmt.Errorf("an hour of history has no datapoint of %s", period)
	}
	var all []float64
	for w := range spec.Weeks {
		from := at.Add(-time.Duration(w+1)*week - time.Hour/2).Truncate(period)
		points, err := p.read(ctx, from, from.Add(time.Duration(expected)*period), period)
		if err != nil {
			return "", err
		}
		if spec.Missing == "" && 2*len(points) < expected {
			return "", &noHistory{fmt.Errorf("there is no history to compare with: CloudWatch has %d of %d datapoints of the hour around %s", len(points), expected, from.Add(time.Hour/2).UTC().Format("2 January 15:04 MST"))}
		}
		for i := range expected {
			if x, there := points[from.Add(time.Duration(i)*period).Unix()]; there || spec.Missing != "" {
				all = append(all, x)
			}
		}
	}
	p.reference = median(all)
	if m := spec.Metrics[0]; spec.Expression == "" && m.Counts() {
		p.reference *= float64(spec.Period) / float64(period)
	}
	if p.reference <= 0 {
		return "", &noHistory{fmt.Errorf("the history is %g, and nothing can be a share of that", p.reference)}
	}
	return fmt.Sprintf("100 %% of history is %.4g, the median of %d datapoints of the same hour in %d earlier week(s)", p.reference, len(all), spec.Weeks), nil
}

// noHistory is a reason not to start.
type noHistory struct{ error }

// Hint says what else can be expected.
func (*noHistory) Hint() string {
	return "compare with fewer weeks, or with a number; treat_missing: zero if no data means that nothing happened"
}

// Unwrap is the reason, for errors.Is and errors.As.
func (e *noHistory) Unwrap() error { return e.error }

func median(xs []float64) float64 {
	slices.Sort(xs)
	n := len(xs)
	if n == 0 {
		return 0
	}
	return (xs[(n-1)/2] + xs[n/2]) / 2
}

func newDatapoints(m experiment.Measure, d Deps) (Probe, error) {
	if d.CloudWatch == nil {
		return nil, errors.New("a measure of cloudwatch needs access to AWS")
	}
	if len(m.Probe.Metrics) == 0 || m.Probe.Period <= 0 {
		return nil, errors.New("a measure of cloudwatch needs a metric and its period")
	}
	return &Datapoints{client: d.CloudWatch, measure: m}, nil
}
