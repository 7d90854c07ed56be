package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

const (
	alarmTimeout = 5 * time.Second // of one reading of all alarms
	alarmDoubts  = 3               // readings in a row without a state, after which nobody knows when to stop
)

// stopAlarms are the alarms that end a run, and how often they are read.
func stopAlarms(x *experiment.Experiment) (alarms []experiment.Alarm, every time.Duration) {
	for _, rule := range x.Stop {
		if rule.Alarm.Name == "" {
			continue
		}
		alarms = append(alarms, rule.Alarm)
		if every == 0 || rule.Every < every {
			every = rule.Every
		}
	}
	return alarms, max(every, watchStep)
}

// readAlarms reads the states of alarms in bounded time.
func readAlarms(ctx context.Context, registry Registry, alarms []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
	if registry.Alarms == nil {
		return nil, errors.New("there is no access to alarms")
	}
	type answer struct {
		states map[experiment.Alarm]verdict.AlarmState
		err    error
	}
	a, err := bounded(ctx, alarmTimeout, func(ctx context.Context) (a answer, err error) {
		a.states, a.err = registry.Alarms(ctx, alarms)
		return a, nil
	})
	if err != nil {
		return nil, err
	}
	return a.states, a.err // some may be known beside the error
}

// checkStopAlarms refuses to start while an alarm fires that would end the run, or cannot be read. One without data is noted: it may be
// that it never fires.
func checkStopAlarms(ctx context.Context, x *experiment.Experiment, registry Registry) (notes []string, err error) {
	alarms, _ := stopAlarms(x)
	if len(alarms) == 0 {
		return nil, nil
	}
	states, err := readAlarms(ctx, registry, alarms)
	if err != nil {
		return nil, fmt.Errorf("the alarms that would stop the run cannot be read: %w", err)
	}
	for _, a := range alarms {
		switch states[a] {
		case verdict.AlarmOK:
		case verdict.AlarmFiring:
			return notes, &Refusal{Err: fmt.Errorf("alarm %s is firing already, and it would stop the run", a), Tip: "something is wrong without any fault: look into that first"}
		default:
			notes = append(notes, fmt.Sprintf("alarm %s has no data, so that it may not stop the run when it should", a))
		}
	}
	return notes, nil
}

// watchAlarms reads the alarms that end the run until one does, or ctx ends.
func (r *runner) watchAlarms(ctx context.Context, alarms []experiment.Alarm, every time.Duration) {
	watch := alarmWatch{seen: map[experiment.Alarm]bool{}, doubts: map[experiment.Alarm]int{}}
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		states, err := readAlarms(ctx, r.o.Registry, alarms)
		if ctx.Err() != nil {
			return
		}
		if alarm, reason := watch.read(alarms, states, err); reason != "" {
			stop := event{kind: evTick, book: func(*event) { // too late once everything is being put back
				if r.m.state < restoring {
					r.obey(ruleOf(r.x, alarm), reason)
				}
			}}
			select {
			case r.events <- stop:
			case <-ctx.Done():
			}
			return
		}
	}
}

// An alarmWatch remembers what was read of the alarms that end a run.
type alarmWatch struct {
	seen   map[experiment.Alarm]bool // a state, since the run began
	doubts map[experiment.Alarm]int  // readings in a row that found none
}

// ruleOf is the stop rule that names an alarm.
func ruleOf(x *experiment.Experiment, alarm experiment.Alarm) experiment.StopRule {
	for _, rule := range x.Stop {
		if rule.Alarm == alarm {
			return rule
		}
	}
	return experiment.StopRule{}
}

// read says why the run must end, and because of which alarm; empty if it need not. An alarm without data is no reason as long as it never had any; one that was
// seen and is lost from sight is, and so is one that cannot be read: doubt means stop.
func (w *alarmWatch) read(alarms []experiment.Alarm, states map[experiment.Alarm]verdict.AlarmState, err error) (experiment.Alarm, string) {
	for _, a := range alarms {
		state, known := states[a]
		switch {
		case state == verdict.AlarmFiring:
			return a, fmt.Sprintf("alarm %s is firing", a)
		case state == verdict.AlarmOK:
			w.seen[a], w.doubts[a] = true, 0
			continue
		case known && !w.seen[a]:
			w.doubts[a] = 0
			continue
		}
		if w.doubts[a]++; w.doubts[a] < alarmDoubts {
			continue
		}
		if known {
			return a, fmt.Sprintf("alarm %s has lost its data, in %d readings in a row: nobody would know when to stop", a, alarmDoubts)
		}
		return a, fmt.Sprintf("alarm %s could not be read %d times in a row, so that nobody would know when to stop: %v", a, alarmDoubts, err)
	}
	return experiment.Alarm{}, ""
}
