package probe

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/internal/cloudwatch"
	"github.com/firedrill-dev/firedrill/verdict"
)

// watched is a server with its client and the alarms of its default place.
func watched(t *testing.T) (*cloudwatch.Server, *cw.Client, *Alarms) {
	t.Helper()
	server := cloudwatch.Start(t)
	client := cw.NewFromConfig(server.Config())
	return server, client, &Alarms{Client: func(_ context.Context, account, region string) (AlarmsAPI, error) {
		if account != "" {
			return nil, fmt.Errorf("there is no account %q", account)
		}
		return cw.NewFromConfig(server.Config(), func(o *cw.Options) {
			if region != "" {
				o.Region = region
			}
			o.RetryMaxAttempts = 1
		}), nil
	}}
}

// putAlarm makes an alarm that stays as it is told to.
func putAlarm(t *testing.T, client *cw.Client, name string, state types.StateValue) {
	t.Helper()
	if _, err := client.PutMetricAlarm(t.Context(), &cw.PutMetricAlarmInput{
		AlarmName: &name, Namespace: aws.String("Shop"), MetricName: aws.String("Errors"), Statistic: types.StatisticSum, Period: aws.Int32(60),
		EvaluationPeriods: aws.Int32(1), Threshold: aws.Float64(1), ComparisonOperator: types.ComparisonOperatorGreaterThanThreshold, TreatMissingData: aws.String("ignore"),
	}); err != nil {
		t.Fatal(err)
	}
	setAlarm(t, client, name, state)
}

func setAlarm(t *testing.T, client *cw.Client, name string, state types.StateValue) {
	t.Helper()
	if _, err := client.SetAlarmState(t.Context(), &cw.SetAlarmStateInput{AlarmName: &name, StateValue: state, StateReason: aws.String("a test says so")}); err != nil {
		t.Fatal(err)
	}
}

// TestAlarmStates: alarms of metrics and composite ones, together.
func TestAlarmStates(t *testing.T) {
	server, client, alarms := watched(t)
	putAlarm(t, client, "calm", types.StateValueOk)
	putAlarm(t, client, "loud", types.StateValueAlarm)
	putAlarm(t, client, "blind", types.StateValueInsufficientData)
	if _, err := client.PutCompositeAlarm(t.Context(), &cw.PutCompositeAlarmInput{AlarmName: aws.String("any"), AlarmRule: aws.String(`ALARM("calm") OR (ALARM(loud) AND NOT OK("blind"))`)}); err != nil {
		t.Fatal(err)
	}
	got, err := alarms.States(t.Context(), []experiment.Alarm{{Name: "calm"}, {Name: "loud"}, {Name: "blind"}, {Name: "any"}, {Name: "calm"}})
	want := map[experiment.Alarm]verdict.AlarmState{{Name: "calm"}: verdict.AlarmOK, {Name: "loud"}: verdict.AlarmFiring, {Name: "blind"}: verdict.AlarmUnknown, {Name: "any"}: verdict.AlarmFiring}
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if calls := server.Calls(); calls[len(calls)-2].Action != "cloudwatch:PutCompositeAlarm" {
		t.Errorf("more than one request: %v", calls[len(calls)-2:])
	}
}

// TestManyAlarms: a request names a hundred at most.
func TestManyAlarms(t *testing.T) {
	server, client, alarms := watched(t)
	var wanted []experiment.Alarm
	for i := range 130 {
		name := fmt.Sprintf("alarm-%03d", i)
		putAlarm(t, client, name, types.StateValueOk)
		wanted = append(wanted, experiment.Alarm{Name: name})
	}
	before := len(server.Calls())
	got, err := alarms.States(t.Context(), wanted)
	if err != nil || len(got) != 130 || len(server.Calls())-before != 2 {
		t.Errorf("%d states with %d requests, %v", len(got), len(server.Calls())-before, err)
	}
}

// TestAlarmProblems: what can be read is read, and what cannot is named.
func TestAlarmProblems(t *testing.T) {
	server, client, alarms := watched(t)
	putAlarm(t, client, "calm", types.StateValueOk)
	got, err := alarms.States(t.Context(), []experiment.Alarm{{Name: "calm"}, {Name: "gone"}, {Name: "calm", Region: "us-east-1"}, {Name: "calm", Account: "other"}})
	var missing *NoAlarmError
	if !errors.As(err, &missing) || missing.Hint() == "" || len(got) != 1 || got[experiment.Alarm{Name: "calm"}] != verdict.AlarmOK {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{`no alarm "gone"`, `no alarm "calm"`, `no account "other"`} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%v does not say %s", err, text)
		}
	}
	server.Fail("cloudwatch:DescribeAlarms", "AccessDenied", 1)
	if _, err = alarms.States(t.Context(), []experiment.Alarm{{Name: "calm"}}); err == nil || !strings.Contains(err.Error(), "needs cloudwatch:DescribeAlarms") || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("%v", err)
	}
	if calls := server.Calls(); !slices.Contains(calls, cloudwatch.Call{Account: cloudwatch.Account, Region: "us-east-1", Action: "cloudwatch:DescribeAlarms"}) {
		t.Errorf("the region was not asked: %v", calls)
	}
}
