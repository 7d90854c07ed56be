package experiment

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// checkDatapoints sees to it that an expectation of a metric can be judged by its datapoints.
func (d *decoder) checkDatapoints(path string, e verdict.Expectation, m Measure) {
	if m.Of != CloudWatch {
		return
	}
	counts := m.Probe.Expression == "" && len(m.Probe.Metrics) == 1 && m.Probe.Metrics[0].Counts()
	switch {
	case e.Statistic == "error_rate":
		d.problem(path, e.Text, "datapoints do not fail", "divide: expression: errors / invocations * 100, expect: value < 1")
	case e.Statistic == "count":
		d.problem(path, e.Text, "depends on how many whole datapoints lie in a phase", "write a rate, such as rate >= 10/s, or value")
	case e.Statistic == "rate" && !counts && len(m.Probe.Metrics) > 0:
		d.problem(path, e.Text, "needs a metric that counts: stat Sum or SampleCount", "write value, mean or p50 of the datapoints")
	}
}

// checkLateRule refuses a rule that datapoints come too seldom for.
func (d *decoder) checkLateRule(rule StopRule, m Measure, path string) {
	switch {
	case rule.When.OfAlarm() || m.Of == AlarmOf:
		if m.Of == AlarmOf {
			d.problem(join(path, "of"), rule.Of, "is a measure of an alarm", "write the rule as {alarm: "+m.Probe.Alarm+"}")
		}
	case m.Of == CloudWatch:
		d.checkDatapoints(join(path, "when"), rule.When, m)
		if rule.For > 0 && rule.For < 2*m.Probe.Period {
			d.problem(join(path, "for"), rule.For.String(), fmt.Sprintf("is too short: a datapoint comes every %s", m.Probe.Period), fmt.Sprintf("leave it out, so that one datapoint ends the run, or %s", 2*m.Probe.Period))
		}
		if rule.When.Unit == verdict.OfHistory && m.Probe.Weeks == 0 {
			d.problem(join(path, "when"), rule.When.Text, "compares with a history that measure "+m.Name+" has not", "give the measure history: {weeks: 2} and an expectation that compares with it")
		}
		if rule.When.Unit != verdict.OfHistory && m.Probe.Weeks > 0 {
			d.problem(join(path, "when"), rule.When.Text, "measure "+m.Name+" is compared with its history", "such as value < 50% of history")
		}
	}
}

// checkLate checks that phases have room for what is measured seldom, or known late.
func (d *decoder) checkLate(x *Experiment) {
	for i, m := range x.Measures {
		path := index("measures", i)
		switch {
		case m.Late() > 0:
			d.checkPeriods(x, m)
		case m.Expect.Fires():
			d.checkFires(x, m, path)
		}
	}
}

// checkPeriods checks that whole periods lie within each phase: a datapoint that belongs to two phases tells of neither.
func (d *decoder) checkPeriods(x *Experiment, m Measure) {
	period := m.Probe.Period
	if known := 2*period + m.Probe.Lag; x.Phases.BaselineMax < known {
		d.problem("phases.baseline_max", x.Phases.BaselineMax.String(), fmt.Sprintf("ends before %s is known: a datapoint sums up %s, and is whole %s later", m.Name, period, m.Probe.Lag), fmt.Sprintf("leave it out, or %s at least", known))
	}
	if m.BaselineOnly {
		return
	}
	const reason = "a datapoint counts only if all of it lies in the phase"
	switch {
	case x.Phases.Fault < period:
		d.problem("phases.fault", x.Phases.Fault.String(), fmt.Sprintf("is shorter than a datapoint of %s, which sums up %s", m.Name, period), fmt.Sprintf("phases.fault: %s at least; %s", 2*period, reason))
	case x.Phases.Fault < 2*period:
		d.warn("phases.fault", fmt.Sprintf("%s may have no whole datapoint of %s, which sums up %s", x.Phases.Fault, m.Name, period), fmt.Sprintf("%s at least; %s", 2*period, reason))
	}
	if x.Phases.Recovery < 2*period {
		d.warn("phases.recovery", fmt.Sprintf("%s may be too short to see %s come back: a datapoint sums up %s", x.Phases.Recovery, m.Name, period), fmt.Sprintf("%s at least; %s", 2*period, reason))
	}
}

// checkFires checks that an alarm that must fire can be seen to.
func (d *decoder) checkFires(x *Experiment, m Measure, path string) {
	limit := time.Duration(m.Expect.Threshold * float64(time.Second))
	switch {
	case limit > x.Phases.Fault:
		d.problem(join(path, "expect"), m.Expect.Text, fmt.Sprintf("the fault lasts %s only", x.Phases.Fault), fmt.Sprintf("phases.fault: %s", limit+m.Every))
	case limit+m.Every > x.Phases.Fault:
		d.warn(join(path, "expect"), fmt.Sprintf("the fault lasts %s, so that the last reading may come before the alarm is late", x.Phases.Fault), fmt.Sprintf("phases.fault: %s", limit+m.Every))
	}
	if len(x.Stages) > 1 {
		d.problem(join(path, "expect"), m.Expect.Text, "nobody knows at which stage the alarm should fire", "leave stages out")
	}
	if m.BaselineOnly {
		d.problem(join(path, "baseline_only"), "true", "an alarm fires when the fault is there", "leave it out")
	}
	for i, rule := range x.Stop {
		if rule.Alarm == (Alarm{Name: m.Probe.Alarm, Account: m.Probe.Account, Region: m.Probe.Region}) {
			d.problem(index("stop", i), rule.Alarm.Name, "would end the run as soon as measure "+m.Name+" gets what it expects", "leave one of them out")
		}
	}
}
