package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// bells are alarms whose states a test sets.
type bells struct {
	mu     sync.Mutex
	states map[experiment.Alarm]verdict.AlarmState
	err    error
	reads  int
}

func (b *bells) read(context.Context, []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	out := map[experiment.Alarm]verdict.AlarmState{}
	for a, s := range b.states {
		out[a] = s
	}
	return out, b.err
}

func (b *bells) set(a experiment.Alarm, s verdict.AlarmState) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s == "" {
		delete(b.states, a)
		b.err = errors.New("access denied")
		return
	}
	b.states[a] = s
}

var critical, other = experiment.Alarm{Name: "critical"}, experiment.Alarm{Name: "critical", Account: "shop"}

// TestStopAlarms: an alarm ends a run when it fires, or when nobody can tell any more whether it would.
func TestStopAlarms(t *testing.T) {
	for _, test := range []struct {
		name   string
		before verdict.AlarmState
		at     time.Duration // after the start
		then   verdict.AlarmState
		want   verdict.Outcome
		reason string
		within time.Duration
	}{
		{"calm", verdict.AlarmOK, 15 * time.Second, verdict.AlarmOK, verdict.Held, "", 0},
		{"fires", verdict.AlarmOK, 15 * time.Second, verdict.AlarmFiring, verdict.Stopped, "alarm critical (account shop) is firing; everything was put back", 2 * time.Second},
		{"fires in the baseline", verdict.AlarmOK, 5 * time.Second, verdict.AlarmFiring, verdict.Stopped, "alarm critical (account shop) is firing; nothing had been injected yet", 2 * time.Second},
		{"fires when all is over", verdict.AlarmOK, 30*time.Second + 500*time.Millisecond, verdict.AlarmFiring, verdict.Held, "", 0},
		{"cannot be read any more", verdict.AlarmOK, 15 * time.Second, "", verdict.Stopped, "could not be read 3 times in a row, so that nobody would know when to stop: access denied", 5 * time.Second},
		{"has lost its data", verdict.AlarmOK, 15 * time.Second, verdict.AlarmUnknown, verdict.Stopped, "has lost its data", 5 * time.Second},
		{"never had data", verdict.AlarmUnknown, 15 * time.Second, verdict.AlarmUnknown, verdict.Held, "", 0},
		{"fires already", verdict.AlarmFiring, 15 * time.Second, verdict.AlarmFiring, verdict.Error, "alarm critical (account shop) is firing already", time.Second},
		{"cannot be read at all", "", 15 * time.Second, "", verdict.Error, "cannot be read: access denied", time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x, o := newCloud(), example(t), Options{}
				x.Stop = []experiment.StopRule{{Alarm: critical, Every: 10 * time.Second}, {Alarm: other, Every: time.Second, Line: 8}, {Of: "load.web", When: expect(t, "error_rate > 50%")}}
				b := &bells{states: map[experiment.Alarm]verdict.AlarmState{critical: verdict.AlarmOK}}
				b.set(other, test.before)
				o = options(t, c)
				o.Registry.Alarms = b.read
				began := time.Now()
				time.AfterFunc(test.at, func() { b.set(other, test.then) })
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != test.want || !strings.Contains(r.Reason, test.reason) {
					t.Errorf("%s: %s", r.Verdict, r.Reason)
				}
				if test.want == verdict.Stopped && (r.Stop.Kind != StopRule || r.Stop.Line != 8 || r.Stop.At.Sub(began)-test.at > test.within) {
					t.Errorf("%s of line %d after %s", r.Stop.Kind, r.Stop.Line, r.Stop.At.Sub(began)-test.at)
				}
				noted := len(r.Notes) > 0 && strings.Contains(r.Notes[0], "has no data, so that it may not stop the run")
				if noted != (test.name == "never had data") {
					t.Errorf("notes %q", r.Notes)
				}
				if test.want == verdict.Error && (c.touched() || HintOf(r.Stop.err) == "" && test.before != "") {
					t.Errorf("touched %v, hint %q", c.touched(), HintOf(r.Stop.err))
				}
				pristine(t, c)
			})
		})
	}
}

// TestAlarmsNobodyReads: a run whose alarms cannot be read at all does not begin.
func TestAlarmsNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, x := newCloud(), example(t)
		x.Stop = []experiment.StopRule{{Alarm: critical}}
		r, err := Run(t.Context(), x, options(t, c))
		if err != nil || r.Verdict != verdict.Error || c.touched() {
			t.Errorf("%s: %s, %v", r.Verdict, r.Reason, err)
		}
	})
}

// TestAlarmWatch: doubts must come in a row.
func TestAlarmWatch(t *testing.T) {
	w := alarmWatch{seen: map[experiment.Alarm]bool{}, doubts: map[experiment.Alarm]int{}}
	for i, step := range []struct {
		state verdict.AlarmState
		stops bool
	}{
		{verdict.AlarmUnknown, false}, {verdict.AlarmUnknown, false}, {verdict.AlarmUnknown, false}, {"", false}, {"", false}, {verdict.AlarmUnknown, false}, {"", false}, {verdict.AlarmOK, false},
		{"", false}, {verdict.AlarmUnknown, false}, {verdict.AlarmOK, false}, {verdict.AlarmUnknown, false}, {verdict.AlarmUnknown, false}, {verdict.AlarmUnknown, true}, {verdict.AlarmFiring, true},
	} {
		states := map[experiment.Alarm]verdict.AlarmState{}
		if step.state != "" {
			states[critical] = step.state
		}
		if _, reason := w.read([]experiment.Alarm{critical}, states, errors.New("no")); (reason != "") != step.stops {
			t.Errorf("step %d, %s: %q", i, step.state, reason)
		}
	}
}

// alarmed is a probe of an alarm that fires some time after the fault began, and is quiet again after it.
type alarmed struct {
	c     *cloud
	after time.Duration
}

func (a alarmed) Read(context.Context) (verdict.Observation, error) {
	now := time.Now()
	o := verdict.Observation{At: now}
	if a.after > 0 && a.c.touchedIn(now.Add(-a.after), now.Add(-a.after)) {
		o.Value = 1
	}
	return o, nil
}

// TestMustFire: an alarm must fire while the fault is there, and be quiet before.
func TestMustFire(t *testing.T) {
	for after, want := range map[time.Duration]verdict.Outcome{5 * time.Second: verdict.Held, 12 * time.Second: verdict.Disproved, 0: verdict.Disproved} {
		synctest.Test(t, func(t *testing.T) {
			c, x := newCloud(), example(t)
			x.Measures = append(x.Measures, experiment.Measure{Name: "paged", Of: experiment.AlarmOf, Expect: expect(t, "fires within 10s"), Every: time.Second, Timeout: time.Second})
			o := options(t, c)
			o.Registry.Probe = func(experiment.Measure) (Probe, error) { return alarmed{c, after}, nil }
			r, err := Run(t.Context(), x, o)
			if err != nil || r.Verdict != want {
				t.Errorf("%s: %s: %s, %v", after, r.Verdict, r.Reason, err)
			}
			m := r.Measures[2]
			if m.Baseline.Outcome != verdict.Held || m.Baseline.Expectation.Text != "ok" || m.Fault.Expectation.Text != "fires within 10s" {
				t.Errorf("baseline %+v\nfault %+v", m.Baseline, m.Fault)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) { // one that fires already
		c, x := newCloud(), example(t)
		x.Measures = append(x.Measures, experiment.Measure{Name: "paged", Of: experiment.AlarmOf, Expect: expect(t, "fires within 10s"), Every: time.Second, Timeout: time.Second})
		o := options(t, c)
		o.Registry.Probe = func(experiment.Measure) (Probe, error) {
			return probeFunc(func(context.Context) (verdict.Observation, error) {
				return verdict.Observation{At: time.Now(), Value: 1}, nil
			}), nil
		}
		r, err := Run(t.Context(), x, o)
		if err != nil || r.Verdict != verdict.NotSteady || !strings.Contains(r.Reason, "paged: the alarm was firing in") || c.touched() {
			t.Errorf("%s: %s, %v", r.Verdict, r.Reason, err)
		}
	})
}
