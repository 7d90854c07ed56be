package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// AlarmsAPI is the part of CloudWatch that tells the states of alarms.
type AlarmsAPI interface {
	DescribeAlarms(ctx context.Context, in *cloudwatch.DescribeAlarmsInput, opts ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error)
}

// Alarms reads the states of alarms: of measures, of stop rules and of guards. It is safe for concurrent use.
type Alarms struct {
	// Client is asked for a place's client at each reading, and should keep it. An empty account is the runner's own, an empty
	// region the account's.
	Client func(ctx context.Context, account, region string) (AlarmsAPI, error)
}

// maxNames is how many alarms one request may name.
const maxNames = 100

// States reads the state of each alarm, with one request for each hundred alarms of a place. The states that could be read are
// complete beside an error, which says what became of the others: an alarm that is not there is one of them.
func (a *Alarms) States(ctx context.Context, alarms []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
	type place struct{ account, region string }
	byPlace := map[place][]string{}
	for _, alarm := range alarms {
		at := place{alarm.Account, alarm.Region}
		if !slices.Contains(byPlace[at], alarm.Name) {
			byPlace[at] = append(byPlace[at], alarm.Name)
		}
	}
	out := map[experiment.Alarm]verdict.AlarmState{}
	var problems []error
	for at, names := range byPlace {
		api, err := a.Client(ctx, at.account, at.region)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for chunk := range slices.Chunk(names, maxNames) {
			states, err := readAlarms(ctx, api, chunk)
			if err != nil {
				problems = append(problems, err)
			}
			for name, state := range states {
				out[experiment.Alarm{Name: name, Account: at.account, Region: at.region}] = state
			}
		}
	}
	return out, errors.Join(problems...)
}

// readAlarms reads at most maxNames alarms of one place.
func readAlarms(ctx context.Context, api AlarmsAPI, names []string) (map[string]verdict.AlarmState, error) {
	in := &cloudwatch.DescribeAlarmsInput{
		AlarmNames: names, MaxRecords: aws.Int32(maxNames),
		AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm}, // composite ones are not told unless asked for
	}
	states := map[string]verdict.AlarmState{}
	for {
		out, err := api.DescribeAlarms(ctx, in)
		if err != nil {
			return states, fmt.Errorf("read alarms %s (needs cloudwatch:DescribeAlarms): %w", strings.Join(names, ", "), err)
		}
		for _, alarm := range out.MetricAlarms {
			states[aws.ToString(alarm.AlarmName)] = verdict.AlarmState(alarm.StateValue)
		}
		for _, alarm := range out.CompositeAlarms {
			states[aws.ToString(alarm.AlarmName)] = verdict.AlarmState(alarm.StateValue)
		}
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			break
		}
	}
	var missing []string
	for _, name := range names {
		if _, ok := states[name]; !ok {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return states, &NoAlarmError{Names: missing}
	}
	return states, nil
}

// A NoAlarmError says which alarms there are not.
type NoAlarmError struct{ Names []string }

// Error names them.
func (e *NoAlarmError) Error() string {
	if len(e.Names) == 1 {
		return fmt.Sprintf("there is no alarm %q", e.Names[0])
	}
	return fmt.Sprintf("there are no alarms %q", e.Names)
}

// Hint says what is wrong most of the time.
func (e *NoAlarmError) Hint() string { return "is it the right account and region?" }
