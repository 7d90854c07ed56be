package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// alarmProbe reads the state of one alarm: 0 is OK, 1 is ALARM. An alarm without data is a failed reading.
type alarmProbe struct {
	alarms *Alarms
	alarm  experiment.Alarm
}

func newAlarm(m experiment.Measure, d Deps) (asker, error) {
	if d.CloudWatch == nil {
		return nil, errors.New("a measure of an alarm needs access to AWS")
	}
	return &alarmProbe{NewAlarms(d.CloudWatch), experiment.Alarm{Name: m.Probe.Alarm, Account: m.Probe.Account, Region: m.Probe.Region}}, nil
}

// NewAlarms reads alarms by the clients that measures use.
func NewAlarms(client func(ctx context.Context, account, region string) (CloudWatchAPI, error)) *Alarms {
	return &Alarms{Client: func(ctx context.Context, account, region string) (AlarmsAPI, error) {
		return client(ctx, account, region)
	}}
}

func (p *alarmProbe) ask(ctx context.Context) (reading, error) {
	states, err := p.alarms.States(ctx, []experiment.Alarm{p.alarm})
	if err != nil {
		return reading{}, err
	}
	state := states[p.alarm]
	got := reading{class: string(state), number: state.Number()}
	if state != verdict.AlarmOK && state != verdict.AlarmFiring {
		return got, fmt.Errorf("alarm %s has no data: its state is %s", p.alarm, state)
	}
	return got, nil
}
