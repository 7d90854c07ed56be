package sweep

import (
	"fmt"
	"reflect"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// Advise says what an answer suggests, and on what that rests. gentle and harsh are the experiment at the ends of the range, which
// differ in what was swept; held is the experiment at the harshest value that held.
func Advise(c Conclusion, gentle, harsh, held *experiment.Experiment) []string {
	if c.Held == nil || held == nil || c.Outcome == NotMonotone {
		return nil
	}
	var changed []experiment.Condition
	for i := range min(len(gentle.Conditions), len(harsh.Conditions), len(held.Conditions)) {
		if !reflect.DeepEqual(gentle.Conditions[i], harsh.Conditions[i]) {
			changed = append(changed, held.Conditions[i])
		}
	}
	switch {
	case len(changed) == 1 && len(gentle.Conditions) == 1 && changed[0].Fault == string(fault.Latency):
		return timeout(c, changed[0])
	case len(changed) == 0 && !reflect.DeepEqual(gentle.Loads, harsh.Loads):
		return []string{"Let no more than " + c.Held.Text + " in (throttle, or scale before): up to there it held under the fault. " +
			"Without the fault it may bear more: nothing was measured about that."}
	}
	return nil
}

// timeout is the advice for a delay that was added to calls: whoever waited that long still met the objective.
func timeout(c Conclusion, condition experiment.Condition) []string {
	low, high, ok := delays(condition)
	target := condition.Target.String()
	if !ok || high == 0 {
		return nil
	}
	if low != high || condition.Percentage < 100 {
		return []string{fmt.Sprintf("Not every call was %s late (%s to %s, %g %% of the calls), so this suggests no timeout. To learn one, delay all calls alike: percentage 100, and the path ending in with.{min,max}.",
			high, low, high, condition.Percentage)}
	}
	out := []string{
		fmt.Sprintf("Give calls to %s a timeout of %s at most, and a fallback that is quick: callers then wait no longer than they did when the objective held.", target, high),
		fmt.Sprintf("The rule: every call took its usual time and %s more, and that was tolerated. So a caller that gives up after %s in all has waited less than what is known to be fine.", high, high),
	}
	if c.Outcome == HeldThroughout {
		out = append(out, "Nothing broke in this range. Either the objective bears more, or a timeout that is there already has cut the wait short: look at whether the latency still rose at the harsh end.")
	}
	return append(out, "Not known from this: how the fallback itself performs, and several calls or retries in a row, whose timeouts add up.")
}

// delays are the shortest and longest delay of a latency fault whose delay is bounded.
func delays(c experiment.Condition) (low, high time.Duration, ok bool) {
	number := func(name string) (float64, bool) { v, ok := c.With[name].(float64); return v, ok }
	span := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	shape, _ := c.With["distribution"].(string)
	least, _ := number("min_latency")
	if _, mean := number("mean"); shape == "" && mean {
		shape = "fixed" // unless it has a stddev
		if _, spread := number("stddev"); spread {
			return 0, 0, false
		}
	}
	switch shape {
	case "", "uniform":
		most, given := number("max_latency")
		if !given {
			most = least
		}
		return span(least), span(most), true
	case "fixed":
		mean, given := number("mean")
		if !given {
			mean = least
		}
		return span(mean), span(mean), true
	}
	return 0, 0, false
}
