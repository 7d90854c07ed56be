package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// An alarm is one of a metric, or a composite of others.
type alarm struct {
	name       string
	metric     *cloudwatch.PutMetricAlarmInput // nil: a composite
	rule       string
	state      types.StateValue
	reason     string
	transition time.Time
	evaluated  time.Time // the end of the last period that was looked at
}

func (a *alarm) set(state types.StateValue, reason string, at time.Time) {
	if a.state != state {
		a.state, a.transition = state, at
	}
	a.reason = reason
}

func (w *world) putMetricAlarm(in *cloudwatch.PutMetricAlarmInput) (any, error) {
	period := aws.ToInt32(in.Period)
	switch {
	case in.Metrics != nil || in.ThresholdMetricId != nil:
		return nil, invalid("this server knows alarms of one metric only")
	case period != 10 && period != 20 && period != 30 && (period < 60 || period%60 != 0):
		return nil, invalid("Period must be 10, 20, 30 or a multiple of 60")
	case aws.ToInt32(in.EvaluationPeriods) < 1:
		return nil, invalid("EvaluationPeriods must be at least 1")
	case in.Threshold == nil || comparison(in.ComparisonOperator) == nil:
		return nil, invalid("this server needs Threshold and a comparison with it, not %q", in.ComparisonOperator)
	}
	if _, err := statisticOf(statistic(in)); err != nil {
		return nil, err
	}
	w.put(&alarm{name: aws.ToString(in.AlarmName), metric: in})
	return nil, nil
}

func (w *world) putCompositeAlarm(in *cloudwatch.PutCompositeAlarmInput) (any, error) {
	if _, err := w.evaluateRule(aws.ToString(in.AlarmRule)); err != nil {
		return nil, err
	}
	w.put(&alarm{name: aws.ToString(in.AlarmName), rule: aws.ToString(in.AlarmRule)})
	return nil, nil
}

// put keeps an alarm. One that is replaced keeps its state.
func (w *world) put(a *alarm) {
	a.state, a.transition, a.reason = types.StateValueInsufficientData, time.Now(), "Unchecked: Initial alarm creation"
	if old := w.alarms[a.name]; old != nil {
		a.state, a.transition, a.reason = old.state, old.transition, old.reason
	}
	w.alarms[a.name] = a
}

func statistic(in *cloudwatch.PutMetricAlarmInput) string {
	if in.ExtendedStatistic != nil {
		return *in.ExtendedStatistic
	}
	return string(in.Statistic)
}

func comparison(operator types.ComparisonOperator) func(x, threshold float64) bool {
	switch operator {
	case types.ComparisonOperatorGreaterThanThreshold:
		return func(x, t float64) bool { return x > t }
	case types.ComparisonOperatorGreaterThanOrEqualToThreshold:
		return func(x, t float64) bool { return x >= t }
	case types.ComparisonOperatorLessThanThreshold:
		return func(x, t float64) bool { return x < t }
	case types.ComparisonOperatorLessThanOrEqualToThreshold:
		return func(x, t float64) bool { return x <= t }
	}
	return nil
}

func (w *world) setAlarmState(in *cloudwatch.SetAlarmStateInput) (any, error) {
	a := w.alarms[aws.ToString(in.AlarmName)]
	if a == nil {
		return nil, &refusal{404, "ResourceNotFound", "there is no alarm " + aws.ToString(in.AlarmName)}
	}
	if !slices.Contains(in.StateValue.Values(), in.StateValue) {
		return nil, invalid("there is no state %q", in.StateValue)
	}
	a.set(in.StateValue, aws.ToString(in.StateReason), time.Now())
	if a.metric != nil { // until the next evaluation
		a.evaluated = time.Now().Truncate(time.Duration(*a.metric.Period) * time.Second)
	}
	return nil, nil
}

func (w *world) deleteAlarms(in *cloudwatch.DeleteAlarmsInput) (any, error) {
	for _, name := range in.AlarmNames {
		delete(w.alarms, name)
	}
	return nil, nil
}

// describeAlarms tells alarms by their names, or all of them. As in AWS, composite alarms are told only to those who ask for them.
func (w *world) describeAlarms(in *cloudwatch.DescribeAlarmsInput) (any, error) {
	if len(in.AlarmNames) > 100 {
		return nil, invalid("at most 100 AlarmNames")
	}
	wanted := in.AlarmTypes
	if len(wanted) == 0 {
		wanted = []types.AlarmType{types.AlarmTypeMetricAlarm}
	}
	var names []string
	for name := range w.alarms {
		if len(in.AlarmNames) == 0 && strings.HasPrefix(name, aws.ToString(in.AlarmNamePrefix)) || slices.Contains(in.AlarmNames, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	out := &cloudwatch.DescribeAlarmsOutput{}
	most := int(aws.ToInt32(in.MaxRecords))
	if most == 0 {
		most = 50 // AWS's default, however many names are given
	}
	for _, name := range names {
		if name <= aws.ToString(in.NextToken) {
			continue
		}
		if len(out.MetricAlarms)+len(out.CompositeAlarms) == most {
			break
		}
		a := w.alarms[name]
		w.evaluate(a, time.Now())
		out.NextToken = &a.name
		arn := aws.String(fmt.Sprintf("arn:aws:cloudwatch:%s:%s:alarm:%s", w.region, w.account, name))
		switch {
		case a.metric != nil && slices.Contains(wanted, types.AlarmTypeMetricAlarm):
			out.MetricAlarms = append(out.MetricAlarms, types.MetricAlarm{AlarmName: &a.name, AlarmArn: arn, StateValue: a.state, StateReason: &a.reason, StateTransitionedTimestamp: &a.transition})
		case a.metric == nil && slices.Contains(wanted, types.AlarmTypeCompositeAlarm):
			out.CompositeAlarms = append(out.CompositeAlarms, types.CompositeAlarm{AlarmName: &a.name, AlarmArn: arn, StateValue: a.state, StateReason: &a.reason, StateTransitionedTimestamp: &a.transition, AlarmRule: &a.rule})
		}
	}
	if len(names) == 0 || aws.ToString(out.NextToken) == names[len(names)-1] {
		out.NextToken = nil
	}
	return out, nil
}

// evaluate looks at the periods that have ended since the last look.
func (w *world) evaluate(a *alarm, now time.Time) {
	if a.metric == nil {
		firing, err := w.evaluateRule(a.rule)
		state := types.StateValueOk
		if firing {
			state = types.StateValueAlarm
		}
		if err != nil {
			state = types.StateValueInsufficientData
		}
		a.set(state, a.rule, now)
		return
	}
	period := time.Duration(*a.metric.Period) * time.Second
	end := now.Truncate(period)
	if !end.After(a.evaluated) {
		return
	}
	a.evaluated = end
	n := int(*a.metric.EvaluationPeriods)
	state, reason := a.judge(w.series(metricKey(aws.ToString(a.metric.Namespace), aws.ToString(a.metric.MetricName), a.metric.Dimensions), statistic(a.metric), period, end.Add(-time.Duration(n)*period), end, now), n)
	if state != "" {
		a.set(state, reason, end)
	}
}

// judge decides as AWS does: M of N datapoints that breach are an alarm, and what is missing counts as the alarm says. It is empty where the
// state is to stay.
func (a *alarm) judge(points map[time.Time]float64, n int) (types.StateValue, string) {
	needed := int(aws.ToInt32(a.metric.DatapointsToAlarm))
	if needed == 0 {
		needed = n
	}
	breaching := 0
	for _, x := range points {
		if comparison(a.metric.ComparisonOperator)(x, *a.metric.Threshold) {
			breaching++
		}
	}
	missing := n - len(points)
	switch treatment := aws.ToString(a.metric.TreatMissingData); {
	case len(points) == 0 && treatment == "ignore":
		return "", ""
	case len(points) == 0 && (treatment == "" || treatment == "missing"):
		return types.StateValueInsufficientData, "no datapoints were received"
	case treatment == "breaching":
		breaching += missing
	}
	reason := fmt.Sprintf("%d of %d datapoints breach %s %g", breaching, n, a.metric.ComparisonOperator, *a.metric.Threshold)
	if breaching >= needed {
		return types.StateValueAlarm, reason
	}
	return types.StateValueOk, reason
}
