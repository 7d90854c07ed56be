package cloudwatch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// A datum is a set of equal values, or of values known by their statistics only.
type datum struct {
	at, arrived   time.Time
	value, count  float64
	min, max, sum float64
	aggregated    bool // value is unknown
}

// How long CloudWatch keeps datapoints at which resolution.
const (
	finestKept = 3 * time.Hour // at any resolution
	minuteKept = 15 * 24 * time.Hour
	fivesKept  = 63 * 24 * time.Hour
	putLimit   = 14 * 24 * time.Hour // of what can be put
)

// metricKey names a metric: its dimensions are part of its name.
func metricKey(namespace, name string, dimensions []types.Dimension) string {
	var parts []string
	for _, d := range dimensions {
		parts = append(parts, aws.ToString(d.Name)+"="+aws.ToString(d.Value))
	}
	slices.Sort(parts)
	return strings.Join(append([]string{namespace, name}, parts...), "\x00")
}

func (w *world) putMetricData(in *cloudwatch.PutMetricDataInput) (any, error) {
	now := time.Now()
	for _, d := range in.MetricData {
		at := now
		if d.Timestamp != nil {
			at = *d.Timestamp
		}
		if at.Before(now.Add(-putLimit)) || at.After(now.Add(2*time.Hour)) {
			return nil, invalid("Timestamp %s is not within the last two weeks", at)
		}
		if err := w.add(aws.ToString(in.Namespace), d, at, now); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Add puts one datum into the default account and region, however old it is: the past that an account has.
func (s *Server) Add(namespace string, d types.MetricDatum) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.world(Account, Region).add(namespace, d, *d.Timestamp, time.Now())
}

func (w *world) add(namespace string, d types.MetricDatum, at, now time.Time) error {
	resolution := time.Minute
	if aws.ToInt32(d.StorageResolution) == 1 {
		resolution = time.Second
	}
	at = at.Truncate(resolution)
	key := metricKey(namespace, aws.ToString(d.MetricName), d.Dimensions)
	keep := func(value, count float64) {
		w.metrics[key] = append(w.metrics[key], datum{at: at, arrived: now, value: value, count: count, min: value, max: value, sum: value * count})
	}
	switch {
	case d.Value != nil:
		keep(*d.Value, 1)
	case d.StatisticValues != nil:
		s := d.StatisticValues
		w.metrics[key] = append(w.metrics[key], datum{at: at, arrived: now, count: *s.SampleCount, min: *s.Minimum, max: *s.Maximum, sum: *s.Sum, aggregated: true})
	case len(d.Values) > 0 && (len(d.Counts) == 0 || len(d.Counts) == len(d.Values)):
		for i, x := range d.Values {
			count := 1.0
			if len(d.Counts) > 0 {
				count = d.Counts[i]
			}
			keep(x, count)
		}
	default:
		return invalid("a datum needs Value, StatisticValues, or Values with as many Counts")
	}
	return nil
}

// series is a statistic of each period in [from, to) that has data.
func (w *world) series(key, statistic string, period time.Duration, from, to, now time.Time) map[time.Time]float64 {
	reduce, err := statisticOf(statistic)
	if err != nil {
		return nil
	}
	buckets := map[time.Time][]datum{}
	for _, d := range w.metrics[key] {
		at := d.at.Truncate(period)
		if !at.Before(from.Truncate(period)) && at.Before(to) && !d.arrived.Add(w.Delay).After(now) && kept(now.Sub(from), period) {
			buckets[at] = append(buckets[at], d)
		}
	}
	out := map[time.Time]float64{}
	for at, data := range buckets {
		if x, ok := reduce(data); ok {
			out[at] = x
		}
	}
	return out
}

// kept says whether datapoints of a period can still be had at some age.
func kept(age, period time.Duration) bool {
	switch {
	case age > fivesKept:
		return period%time.Hour == 0
	case age > minuteKept:
		return period%(5*time.Minute) == 0
	case age > finestKept:
		return period%time.Minute == 0
	}
	return true
}

// statisticOf finds what makes one number of a period's data.
func statisticOf(name string) (func([]datum) (float64, bool), error) {
	total := func(of func(datum) float64) func([]datum) float64 {
		return func(data []datum) (sum float64) {
			for _, d := range data {
				sum += of(d)
			}
			return sum
		}
	}
	sum, count := total(func(d datum) float64 { return d.sum }), total(func(d datum) float64 { return d.count })
	sure := func(f func([]datum) float64) func([]datum) (float64, bool) {
		return func(data []datum) (float64, bool) { return f(data), true }
	}
	switch name {
	case "Sum":
		return sure(sum), nil
	case "SampleCount":
		return sure(count), nil
	case "Average":
		return sure(func(data []datum) float64 { return sum(data) / count(data) }), nil
	case "Minimum":
		return sure(func(data []datum) float64 {
			return slices.MinFunc(data, func(a, b datum) int { return cmpFloat(a.min, b.min) }).min
		}), nil
	case "Maximum":
		return sure(func(data []datum) float64 {
			return slices.MaxFunc(data, func(a, b datum) int { return cmpFloat(a.max, b.max) }).max
		}), nil
	}
	digits, ok := strings.CutPrefix(name, "p")
	q, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || q < 0 || q > 100 {
		return nil, invalid("this server knows no statistic %q", name)
	}
	return func(data []datum) (float64, bool) { return percentile(data, q/100) }, nil
}

func cmpFloat(a, b float64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// percentile is the smallest value that a share of all does not exceed. There is none of aggregates.
func percentile(data []datum, q float64) (float64, bool) {
	data = slices.Clone(data)
	sort.Slice(data, func(i, j int) bool { return data[i].value < data[j].value })
	total := 0.0
	for _, d := range data {
		if d.aggregated {
			return 0, false
		}
		total += d.count
	}
	seen := 0.0
	for _, d := range data {
		if seen += d.count; seen >= q*total-1e-9 {
			return d.value, true
		}
	}
	return math.NaN(), false
}

// pageToken is where the next page begins.
func pageToken(n int) *string { return aws.String(strconv.Itoa(n)) }

// getMetricData answers all queries, a page of datapoints at a time.
func (w *world) getMetricData(in *cloudwatch.GetMetricDataInput) (any, error) {
	if in.StartTime == nil || in.EndTime == nil || !in.StartTime.Before(*in.EndTime) {
		return nil, invalid("StartTime must be before EndTime")
	}
	if n := len(in.MetricDataQueries); n == 0 || n > 500 {
		return nil, invalid("from 1 to 500 MetricDataQueries")
	}
	e := &evaluator{world: w, from: *in.StartTime, to: *in.EndTime, now: time.Now(), queries: map[string]types.MetricDataQuery{}, done: map[string]operand{}}
	for _, q := range in.MetricDataQueries {
		e.queries[aws.ToString(q.Id)] = q
	}
	page := int(aws.ToInt32(in.MaxDatapoints))
	if page == 0 || w.Page > 0 && w.Page < page {
		page = w.Page
	}
	skip, _ := strconv.Atoi(aws.ToString(in.NextToken))
	out, at := &cloudwatch.GetMetricDataOutput{}, 0
	for _, q := range in.MetricDataQueries {
		series, err := e.query(aws.ToString(q.Id))
		if err != nil {
			return nil, err
		}
		if q.ReturnData != nil && !*q.ReturnData {
			continue
		}
		result := types.MetricDataResult{Id: q.Id, Label: q.Id, StatusCode: types.StatusCodeComplete}
		times := slices.SortedFunc(maps.Keys(series.points), time.Time.Compare)
		if in.ScanBy != types.ScanByTimestampAscending {
			slices.Reverse(times)
		}
		for _, t := range times {
			if at >= skip && (page == 0 || at < skip+page) {
				result.Timestamps, result.Values = append(result.Timestamps, t), append(result.Values, series.points[t])
			}
			at++
		}
		if page > 0 && at > skip+page {
			result.StatusCode = types.StatusCodePartialData
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	if page > 0 && at > skip+page {
		out.NextToken = pageToken(skip + page)
	}
	return out, nil
}

// An operand is a series, or a number that is the same everywhere.
type operand struct {
	scalar bool
	number float64
	points map[time.Time]float64
}

// An evaluator answers the queries of one request.
type evaluator struct {
	*world
	from, to, now time.Time
	queries       map[string]types.MetricDataQuery
	done          map[string]operand
	depth         int
}

func (e *evaluator) query(id string) (operand, error) {
	if series, ok := e.done[id]; ok {
		return series, nil
	}
	q, ok := e.queries[id]
	if !ok {
		return operand{}, &refusal{400, "ValidationError", fmt.Sprintf("there is no query with Id %q", id)}
	}
	var series operand
	switch m := q.MetricStat; {
	case m != nil:
		period := time.Duration(aws.ToInt32(m.Period)) * time.Second
		if period <= 0 || period%time.Minute != 0 && !slices.Contains([]time.Duration{1, 5, 10, 20, 30}, period/time.Second) {
			return series, invalid("Period must be 1, 5, 10, 20, 30 or a multiple of 60")
		}
		if _, err := statisticOf(aws.ToString(m.Stat)); err != nil {
			return series, err
		}
		series.points = e.series(metricKey(aws.ToString(m.Metric.Namespace), aws.ToString(m.Metric.MetricName), m.Metric.Dimensions), *m.Stat, period, e.from, e.to, e.now)
	case q.Expression != nil:
		if e.depth++; e.depth > 50 {
			return series, &refusal{400, "ValidationError", "the expressions go in a circle"}
		}
		var err error
		if series, err = e.expression(*q.Expression); err != nil {
			return series, err
		}
		e.depth--
	default:
		return series, invalid("query %s has neither MetricStat nor Expression", id)
	}
	e.done[id] = series
	return series, nil
}
