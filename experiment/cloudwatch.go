package experiment

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// Kinds of measures that ask CloudWatch.
const (
	CloudWatch = "cloudwatch" // datapoints of a metric, or of metric math
	AlarmOf    = "alarm"      // the state of an alarm
	Logs       = "logs"       // a number from a Logs Insights query
)

// A Metric is a metric of CloudWatch with the statistic that is wanted of each period.
type Metric struct {
	ID         string            `json:"id"` // by which an expression names it
	Namespace  string            `json:"namespace"`
	Name       string            `json:"name"`
	Dimensions map[string]string `json:"dimensions,omitempty"`
	Stat       string            `json:"stat"`
}

// Counts says whether the metric's datapoints count events.
func (m Metric) Counts() bool { return m.Stat == "Sum" || m.Stat == "SampleCount" }

// Defaults of measures that ask CloudWatch.
const (
	DefaultPeriod     = time.Minute
	DefaultLag        = time.Minute      // of metrics by the minute
	DefaultQuickLag   = 10 * time.Second // of high-resolution metrics
	DefaultAlarmEvery = 5 * time.Second
	DefaultLogsEvery  = 10 * time.Second
	DefaultLogsWait   = 30 * time.Second
	DefaultLogsLag    = 10 * time.Second

	maxWeeks   = 8
	leastEvery = 500 * time.Millisecond // between readings of anything in CloudWatch
)

// Interval is the time between two observations.
func (m Measure) Interval() time.Duration {
	switch {
	case m.Probe.Period > 0:
		return m.Probe.Period
	case m.Every > 0:
		return m.Every
	}
	return DefaultEvery
}

// Late is how much later than its time an observation may become known; zero if it is known when it is made.
func (m Measure) Late() time.Duration {
	if m.Of != CloudWatch {
		return 0
	}
	return 2*m.Probe.Lag + m.Every + m.Timeout
}

// Lateness is how long after its end everything that was measured of a phase is known.
func (x *Experiment) Lateness() (late time.Duration) {
	for _, m := range x.Measures {
		late = max(late, m.Late())
	}
	return late
}

// lateBaseline is how long a baseline must be for every measure to have one whole datapoint that is known.
func (x *Experiment) lateBaseline() (long time.Duration) {
	for _, m := range x.Measures {
		if late := m.Late(); late > 0 {
			long = max(long, 2*m.Probe.Period+late)
		}
	}
	return long
}

// A metricDraft is a metric as the file gives it.
type metricDraft struct {
	metric, stat string
	dimensions   []named[string]
}

const (
	patternMetric = `^[^:/ ][^:]*/[^/]+$`
	patternStat   = `^(Sum|Average|Minimum|Maximum|SampleCount|IQM|(p|tm|wm|tc|ts)(100|[0-9]{1,2}(\.[0-9]+)?))$`
	patternID     = `^[a-z][A-Za-z0-9_]*$`
)

var idText = regexp.MustCompile(patternID)

func metricName() value[string] {
	return shaped(patternMetric, "is not NAMESPACE/NAME", "AWS/Lambda/Errors")
}

func statName() value[string] {
	return shaped(patternStat, "is not a statistic of CloudWatch (Sum, Average, Minimum, Maximum, SampleCount, p95 and the like)", "Sum")
}

func region() value[string] { return shaped(patternRegion, "is not a region", "eu-west-1") }

func dimensions() value[[]named[string]] {
	return dictionary(line(), "the name of a dimension", "", nil)
}

// metrics reads what an expression is about, by the names that it uses.
func metrics() value[[]named[metricDraft]] {
	one := object(metricDraft{}, []field[metricDraft]{
		key("metric", "NAMESPACE/NAME, such as AWS/Lambda/Errors.", metricName(), func(m *metricDraft) *string { return &m.metric }).must(),
		key("dimensions", "Which of the metrics of that name: {FunctionName: shop}.", dimensions(), func(m *metricDraft) *[]named[string] { return &m.dimensions }),
		key("stat", "Sum, Average, Minimum, Maximum, SampleCount or a percentile such as p95.", statName(), func(m *metricDraft) *string { return &m.stat }).must(),
	})
	return dictionary(one, "a name that begins with a small letter", patternID, idText.MatchString)
}

// oneOrMore reads a text or a list of texts.
func oneOrMore(one value[string], what string) value[[]string] {
	many := list(one, what)
	return value[[]string]{schema: schema{"anyOf": []any{one.schema, many.schema}}, read: func(d *decoder, n *node, path string) ([]string, bool) {
		if n.form == sequence {
			return many.read(d, n, path)
		}
		s, ok := one.read(d, n, path)
		return []string{s}, ok
	}}
}

// history reads which earlier weeks a measure is compared with.
func history() value[int] {
	shape := object(0, []field[int]{
		key("weeks", "How many weeks back; the same hour of each.", integer(1, maxWeeks), func(weeks *int) *int { return weeks }).must(),
	})
	return shape
}

// cloudWatchKeys are the keys of measures that ask CloudWatch.
func cloudWatchKeys() []field[measureDraft] {
	return []field[measureDraft]{
		key("metric", "cloudwatch: NAMESPACE/NAME, such as AWS/Lambda/Errors.", metricName(), func(m *measureDraft) *string { return &m.metric.metric }),
		key("dimensions", "cloudwatch: which of the metrics of that name: {FunctionName: shop}.", dimensions(), func(m *measureDraft) *[]named[string] { return &m.metric.dimensions }),
		key("stat", "cloudwatch: Sum, Average, Minimum, Maximum, SampleCount or a percentile such as p95.", statName(), func(m *measureDraft) *string { return &m.metric.stat }),
		key("expression", "cloudwatch: metric math over metrics, such as errors / invocations * 100.", line(), func(m *measureDraft) *string { return &m.Probe.Expression }),
		key("metrics", "cloudwatch: what the expression is about, by name.", metrics(), func(m *measureDraft) *[]named[metricDraft] { return &m.metrics }),
		key("period", "cloudwatch: how much time a datapoint sums up; default 1m. 1s, 5s, 10s, 20s and 30s are for high-resolution metrics.", duration(time.Second, 24*time.Hour), func(m *measureDraft) *time.Duration { return &m.Probe.Period }),
		key("lag", "cloudwatch: how long after its end a period's datapoint is taken as whole; default 1m, for high-resolution metrics 10s. logs: how long after the fault phase its log is taken as whole; default 10s.", duration(0, 30*time.Minute), func(m *measureDraft) *time.Duration { return &m.Probe.Lag }),
		key("treat_missing", "cloudwatch, logs: zero, if no data means that nothing happened. Without it, no data is a failure.", one("zero"), func(m *measureDraft) *string { return &m.Probe.Missing }),
		key("history", "cloudwatch: the earlier weeks that expect compares with.", history(), func(m *measureDraft) *int { return &m.Probe.Weeks }),
		key("alarm", "alarm: its name.", line(), func(m *measureDraft) *string { return &m.Probe.Alarm }),
		key("log_group", "logs: the name of a log group, or a list of those.", oneOrMore(line(), "names"), func(m *measureDraft) *[]string { return &m.Probe.LogGroups }),
		key("field", "logs: the field of the query's one row that is measured.", line(), func(m *measureDraft) *string { return &m.Probe.Field }),
		key("account", "cloudwatch, alarm, logs, invoke: the name of an account; default the runner's own.", line(), func(m *measureDraft) *string { return &m.Probe.Account }),
		key("region", "cloudwatch, alarm, logs, invoke: default the account's.", region(), func(m *measureDraft) *string { return &m.Probe.Region }),
	}
}

// one reads a word that is the only one there is.
func one(word string) value[string] {
	return value[string]{schema: schema{"const": word}, read: func(d *decoder, n *node, path string) (string, bool) {
		if n.form != scalar || n.text != word {
			d.expected(n, path, word, "")
			return "", false
		}
		return word, true
	}}
}

func (m metricDraft) metricNamed(id string) Metric {
	at := strings.LastIndex(m.metric, "/")
	return Metric{ID: id, Namespace: m.metric[:max(at, 0)], Name: m.metric[at+1:], Dimensions: asMap(m.dimensions), Stat: m.stat}
}

// onlyMetric is the id of a measure's metric that is no part of an expression.
const onlyMetric = "m"

// finishCloudWatch checks what belongs together in a measure of cloudwatch, and sets defaults.
func (d *decoder) finishCloudWatch(m *measureDraft, path string) bool {
	good := true
	wrong := func(key, value, message, hint string) {
		d.problem(join(path, key), value, message, hint)
		good = false
	}
	if m.Probe.Period == 0 {
		m.Probe.Period = DefaultPeriod
	}
	if p := m.Probe.Period; (p%time.Minute != 0 || day%p != 0) && (p%time.Second != 0 || !slices.Contains([]time.Duration{1, 5, 10, 20, 30}, p/time.Second)) {
		wrong("period", p.String(), "is no period of CloudWatch that divides a day", "1s, 5s, 10s, 20s, 30s, or minutes such as 1m, 5m or 15m")
		return false
	}
	if !d.has(join(path, "lag")) {
		m.Probe.Lag = DefaultLag
		if m.Probe.Period < time.Minute {
			m.Probe.Lag = DefaultQuickLag
		}
	}
	hasMetric, hasExpression := d.has(join(path, "metric")), d.has(join(path, "expression"))
	switch {
	case hasMetric == hasExpression:
		wrong("metric", "", "a measure of cloudwatch has either a metric or an expression", "metric: AWS/Lambda/Errors, stat: Sum; or expression: errors / invocations * 100, metrics: {errors: ..., invocations: ...}")
	case hasMetric && !d.has(join(path, "stat")):
		wrong("stat", "", "is missing: a metric needs it", "Sum, Average, Minimum, Maximum, SampleCount or a percentile such as p95")
	case hasMetric && d.has(join(path, "metrics")):
		wrong("metrics", "", "does not belong to a single metric", "it is for an expression")
	case hasMetric:
		m.Probe.Metrics = []Metric{m.metric.metricNamed(onlyMetric)}
	case !d.has(join(path, "metrics")):
		wrong("metrics", "", "is missing: an expression needs it", "metrics: {errors: {metric: AWS/Lambda/Errors, stat: Sum}}")
	case d.has(join(path, "stat")) || d.has(join(path, "dimensions")):
		wrong("expression", m.Probe.Expression, "its metrics have stat and dimensions of their own", "move them into metrics")
	default:
		for _, one := range m.metrics {
			m.Probe.Metrics = append(m.Probe.Metrics, one.value.metricNamed(one.name))
		}
	}
	return good && d.checkHistory(m.Measure, path)
}

// checkHistory sees to it that CloudWatch still has the datapoints that a measure is compared with.
func (d *decoder) checkHistory(m Measure, path string) bool {
	compares := m.Expect.Unit == verdict.OfHistory
	if compares != (m.Probe.Weeks > 0) {
		if compares && d.has(join(path, "history")) {
			return false // it is there, and what is wrong with it is told already
		}
		if compares {
			d.problem(join(path, "history"), "", "is missing: the expectation compares with it", "history: {weeks: 2}")
		} else {
			d.problem(join(path, "history"), "", "is not used: the expectation does not compare with it", "such as expect: value >= 80% of history")
		}
		return false
	}
	if period := m.HistoryPeriod(); m.Probe.Weeks > 0 && period != m.Probe.Period {
		if scales := len(m.Probe.Metrics) == 1 && m.Probe.Expression == "" && (m.Probe.Metrics[0].Counts() || m.Probe.Metrics[0].Stat == "Average"); !scales {
			d.problem(join(path, "history.weeks"), fmt.Sprint(m.Probe.Weeks), fmt.Sprintf("CloudWatch keeps no datapoints of %s that long", m.Probe.Period), fmt.Sprintf("period: %s, or fewer weeks; a Sum, SampleCount or Average is reckoned from coarser datapoints", period))
			return false
		}
	}
	return true
}

// HistoryPeriod is the period of the datapoints of earlier weeks. CloudWatch keeps those of less than a minute for three hours, those of
// less than five minutes for 15 days.
func (m Measure) HistoryPeriod() time.Duration {
	const two = 2
	coarse := time.Minute
	if m.Probe.Weeks > two {
		coarse = 5 * time.Minute
	}
	period := m.Probe.Period
	if period%coarse != 0 {
		period += coarse - period%coarse
	}
	for period < day && day%period != 0 {
		period += coarse
	}
	return period
}

// day is what periods must divide, so that nobody can doubt when they begin.
const day = 24 * time.Hour
