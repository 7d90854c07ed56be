package probe

import (
	"context"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// The usual use of a function is that of the same hour of the week, in the weeks before.
const (
	usualWeeks  = 2
	usualPeriod = 5 * time.Minute // CloudWatch keeps such datapoints for 63 days
)

// Invocations is how often a function was invoked in the hour around this time of the week, in each of the last two weeks: the quietest five
// minutes and the busiest, a second. Five minutes without a datapoint had no invocation.
func Invocations(ctx context.Context, api CloudWatchAPI, function string, now time.Time) (least, most float64, err error) {
	p := &Datapoints{
		client: func(context.Context, string, string) (CloudWatchAPI, error) { return api, nil },
		measure: experiment.Measure{Probe: experiment.ProbeSpec{Metrics: []experiment.Metric{{
			ID: "invocations", Namespace: "AWS/Lambda", Name: "Invocations", Stat: "Sum", Dimensions: map[string]string{"FunctionName": function},
		}}}},
	}
	first := true
	for w := range usualWeeks {
		from := now.Add(-time.Duration(w+1)*week - time.Hour/2).Truncate(usualPeriod)
		points, err := p.read(ctx, from, from.Add(time.Hour), usualPeriod)
		if err != nil {
			return 0, 0, err
		}
		for at := from; at.Before(from.Add(time.Hour)); at = at.Add(usualPeriod) {
			rate := points[at.Unix()] / usualPeriod.Seconds()
			if first || rate < least {
				least = rate
			}
			most, first = max(most, rate), false
		}
	}
	return least, most, nil
}
