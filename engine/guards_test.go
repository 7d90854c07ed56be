package engine

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/calendar"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

// dress changes what a registry says of the targets of every condition.
func dress(registry Registry, how func(*Targeted)) Registry {
	actions := registry.Actions
	registry.Actions = func(ctx context.Context, c experiment.Condition, p ActionParams) ([]Targeted, error) {
		all, err := actions(ctx, c, p)
		for i := range all {
			how(&all[i])
		}
		return all, err
	}
	return registry
}

// taggedAction can read its target's tags.
type taggedAction struct {
	*fakeAction
	tags map[string]string
	err  error
}

func (a taggedAction) Tags(context.Context) (map[string]string, error) { return a.tags, a.err }

const account, region = "111122223333", "eu-west-1"

// TestGuards: each guard refuses what it should, in plan and in run alike, and nothing is touched.
func TestGuards(t *testing.T) {
	in := func(t *Targeted) {
		t.Account, t.Region, t.Tags = account, region, map[string]string{"firedrill": "allowed"}
	}
	tests := []struct {
		name   string
		guards experiment.Guards
		dress  func(*Targeted)
		want   string // a part of the refusal; "" for none
	}{
		{"the account", experiment.Guards{Accounts: []string{"444455556666", account}}, in, ""},
		{"another account", experiment.Guards{Accounts: []string{"444455556666"}}, in, "is in account 111122223333, which guards.accounts does not allow"},
		{"an account that nobody knows", experiment.Guards{Accounts: []string{account}}, func(*Targeted) {}, "account (not known)"},
		{"on this machine", experiment.Guards{Accounts: []string{account}, Regions: []string{region}, Tags: []string{"a=b"}}, func(t *Targeted) { t.Account = OnThisMachine }, ""},
		{"the region", experiment.Guards{Regions: []string{region}}, in, ""},
		{"another region", experiment.Guards{Regions: []string{"us-east-1"}}, in, "is in region eu-west-1, which guards.regions does not allow"},
		{"the tag", experiment.Guards{Tags: []string{"firedrill=allowed"}}, in, ""},
		{"another value", experiment.Guards{Tags: []string{"firedrill=please"}}, in, "does not have the tag firedrill=please of guards.tags"},
		{"all tags", experiment.Guards{Tags: []string{"firedrill=allowed", "team="}}, in, "does not have the tag team="},
		{"a tag without a value", experiment.Guards{Tags: []string{"team="}}, func(t *Targeted) { t.Tags = map[string]string{"team": ""} }, ""},
		{"tags that nobody reads", experiment.Guards{Tags: []string{"firedrill=allowed"}}, func(*Targeted) {}, "cannot be read"},
		{"tags that the action reads", experiment.Guards{Tags: []string{"a=b"}}, func(t *Targeted) {
			t.Action = taggedAction{t.Action.(*fakeAction), map[string]string{"a": "b"}, nil}
		}, ""},
		{"tags that it may not read", experiment.Guards{Tags: []string{"a=b"}}, func(t *Targeted) { t.Action = taggedAction{t.Action.(*fakeAction), nil, errors.New("access denied")} }, "access denied"},
		{"one of five", experiment.Guards{MaxPercent: 20}, func(t *Targeted) { t.Of = 5 }, ""},
		{"one of four", experiment.Guards{MaxPercent: 20}, func(t *Targeted) { t.Of = 4 }, "1 of 4"},
		{"named itself", experiment.Guards{MaxPercent: 20}, in, ""},
		{"another's file", experiment.Guards{File: "house.yaml", Accounts: []string{"444455556666"}}, in, "guards.accounts of house.yaml"},
		{"another's limit of time", experiment.Guards{File: "house.yaml", MaxDuration: 20 * time.Second}, in, "the phases take 33s, but guards.max_duration of house.yaml is 20s"},
		{"all of it at once", experiment.Guards{Accounts: []string{"444455556666"}, Regions: []string{"us-east-1"}}, in, "guards.regions"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				o := options(t, c)
				o.Registry = dress(o.Registry, test.dress)
				x.Guards = test.guards
				if test.guards.File != "" {
					x.Guards, o.Guards = experiment.Guards{}, []experiment.Guards{test.guards}
				}
				_, err := Plan(t.Context(), x, o)
				if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
					t.Errorf("plan: %v, want %q", err, test.want)
				}
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if test.want == "" {
					if r.Verdict != verdict.Held {
						t.Errorf("run: %s: %s", r.Verdict, r.Reason)
					}
				} else if r.Verdict != verdict.Error || !strings.Contains(r.Error, test.want) || c.touched() || r.Hint == "" {
					t.Errorf("run: %s: %s (%s), touched %v", r.Verdict, r.Error, r.Hint, c.touched())
				}
				pristine(t, c)
			})
		})
	}
}

// TestShareOfAGroupIsOfAllConditions: two conditions that each take a part of one group take both parts.
func TestShareOfAGroupIsOfAllConditions(t *testing.T) {
	c, x := newCloud(), example(t)
	x.Conditions[0].Target = experiment.Target{Tag: "team=shop"}
	x.Conditions = append(x.Conditions, experiment.Condition{Name: "other", Fault: "exception", Target: x.Conditions[0].Target})
	x.Guards = experiment.Guards{MaxPercent: 20}
	o := options(t, c)
	o.Registry.Actions = func(_ context.Context, cond experiment.Condition, _ ActionParams) ([]Targeted, error) {
		name := map[string]string{"slow": "a", "other": "b"}[cond.Name]
		return []Targeted{{Action: &fakeAction{c, name}, Key: name, Names: []string{name}, Of: 6}}, nil
	}
	if _, err := Plan(t.Context(), x, o); err == nil || !strings.Contains(err.Error(), "2 of 6 (those with tag team=shop)") {
		t.Errorf("got %v", err)
	}
	o.Registry = dress(o.Registry, func(t *Targeted) { t.Names = []string{"", "shop"} })
	if _, err := Plan(t.Context(), x, o); err != nil {
		t.Errorf("one target with two conditions: %v", err)
	}
}

// TestMoments: what depends on the time and on alarms is a warning of plan and a refusal of run. Time stands still at
// midnight UTC on Saturday, 2000-01-01.
func TestMoments(t *testing.T) {
	window := func(text string) []calendar.Window {
		w := calendar.Window{Days: calendar.Everyday, Zone: "UTC"}
		from, to, _ := strings.Cut(text, "-")
		if w.From.UnmarshalText([]byte(from)) != nil || w.To.UnmarshalText([]byte(to)) != nil {
			t.Fatal(text)
		}
		return []calendar.Window{w}
	}
	freezes := func(event string) func(experiment.Guards) (calendar.Freezes, error) {
		return func(experiment.Guards) (calendar.Freezes, error) {
			return calendar.ParseICS([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:year's end\n"+event+"\nEND:VEVENT\nEND:VCALENDAR\n"), nil)
		}
	}
	states := func(state verdict.AlarmState, err error) func(context.Context, []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
		return func(_ context.Context, alarms []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
			if err != nil || state == "" {
				return nil, err
			}
			return map[experiment.Alarm]verdict.AlarmState{alarms[0]: state}, nil
		}
	}
	alarm := experiment.Guards{NoAlarm: []experiment.Alarm{{Name: "shop-critical", Account: "shop"}}}
	tests := []struct {
		name     string
		guards   experiment.Guards
		registry Registry
		want     string // of the refusal
		note     string
	}{
		{"open", experiment.Guards{Windows: window("00:00-00:01")}, Registry{}, "", ""},
		{"closes too early", experiment.Guards{Windows: window("23:59-00:00")}, Registry{}, "no window is open", ""},
		{"closes before it may be over", experiment.Guards{Windows: window("23:30-00:00"), MaxDuration: time.Hour}, Registry{}, "no window is open", ""},
		{"closed", experiment.Guards{Windows: window("09:00-16:00")}, Registry{}, "no window is open", ""},
		{"a date", experiment.Guards{NotOn: []calendar.Dates{date(t, "2000-01-01")}, Zone: "UTC"}, Registry{}, "not_on names 2000-01-01", ""},
		{"no freeze", experiment.Guards{Calendar: "x.ics"}, Registry{Calendar: freezes("DTSTART:20000101T010000Z\nDURATION:PT1H")}, "", ""},
		{"a freeze", experiment.Guards{Calendar: "x.ics"}, Registry{Calendar: freezes("DTSTART;VALUE=DATE:20000101")}, `the calendar has "year's end"`, ""},
		{"no calendar", experiment.Guards{Calendar: "x.ics"}, Registry{Calendar: freezes("DTSTART:never")}, "guards.calendar: event", ""},
		{"nobody reads calendars", experiment.Guards{Calendar: "x.ics"}, Registry{}, "cannot be read here", ""},
		{"calm", alarm, Registry{Alarms: states(verdict.AlarmOK, nil)}, "", ""},
		{"alarm", alarm, Registry{Alarms: states(verdict.AlarmFiring, nil)}, "alarm shop-critical (account shop) is firing already", ""},
		{"no data", alarm, Registry{Alarms: states(verdict.AlarmUnknown, nil)}, "", "has no data"},
		{"no answer", alarm, Registry{Alarms: states("", errors.New("access denied"))}, "guards.no_alarm: access denied", ""},
		{"no such alarm", alarm, Registry{Alarms: states("", nil)}, "nobody says in which state", ""},
		{"nobody reads alarms", alarm, Registry{}, "cannot be read here", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				o := options(t, c)
				o.Registry.Alarms, o.Registry.Calendar = test.registry.Alarms, test.registry.Calendar
				x.Guards = test.guards
				p, err := Plan(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				warned := strings.Join(p.Warnings, "\n")
				if !strings.Contains(warned, test.want) || !strings.Contains(warned, test.note) || (warned == "") != (test.want+test.note == "") {
					t.Errorf("warnings: %s", warned)
				}
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if (r.Verdict == verdict.Error) != (test.want != "") || !strings.Contains(r.Error, test.want) || c.touched() != (test.want == "") {
					t.Errorf("%s: %s, touched %v", r.Verdict, r.Error, c.touched())
				}
				if !strings.Contains(strings.Join(r.Notes, "\n"), test.note) {
					t.Errorf("notes: %q", r.Notes)
				}
			})
		})
	}
}

// TestMomentIsAskedAgain: what has changed during the baseline counts right before the first change.
func TestMomentIsAskedAgain(t *testing.T) {
	alarm := experiment.Alarm{Name: "shop-critical"}
	for name, delay := range map[string]time.Duration{"at once": 0, "delayed": 5 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				x.Conditions[0].Delay = delay
				x.Guards = experiment.Guards{NoAlarm: []experiment.Alarm{alarm}, Calendar: "x.ics"}
				o, start := options(t, c), time.Now()
				o.Registry.Alarms = func(context.Context, []experiment.Alarm) (map[experiment.Alarm]verdict.AlarmState, error) {
					if time.Since(start) > time.Second {
						return map[experiment.Alarm]verdict.AlarmState{alarm: verdict.AlarmFiring}, nil
					}
					return map[experiment.Alarm]verdict.AlarmState{alarm: verdict.AlarmOK}, nil
				}
				o.Registry.Calendar = func(experiment.Guards) (calendar.Freezes, error) {
					event := "DTSTART:20010101T000000Z"
					if time.Since(start) > time.Second {
						event = "DTSTART;VALUE=DATE:20000101"
					}
					return calendar.ParseICS([]byte("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:incident\n"+event+"\nEND:VEVENT\nEND:VCALENDAR\n"), nil)
				}
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if r.Verdict != verdict.Error || !strings.Contains(r.Error, "shop-critical is firing already") || !strings.Contains(r.Error, "incident") || c.touched() {
					t.Errorf("%s: %s, touched %v", r.Verdict, r.Error, c.touched())
				}
			})
		})
	}
}

func date(t *testing.T, text string) calendar.Dates {
	d, err := calendar.ParseDates(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBudgets: a run that has used up what it may spend is stopped, everything is put back, and the recovery is watched.
func TestBudgets(t *testing.T) {
	tests := []struct {
		name   string
		budget experiment.Budget
		change func(c *cloud)
		reason string // "" if the run takes its course
	}{
		{"enough", experiment.Budget{Invocations: 1_000_000, Errors: 1_000_000}, func(*cloud) {}, ""},
		{"failed requests", experiment.Budget{Errors: 60}, func(c *cloud) { c.failing = true }, "guards.budget.errors is used up"},
		{"injections, as the hosts count them", experiment.Budget{Invocations: 7}, func(*cloud) {}, "guards.budget.invocations is used up: 7 of 7 injections"},
		{"injections that answers tell of", experiment.Budget{Invocations: 60}, func(c *cloud) { c.unproven, c.marked = true, true }, "guards.budget.invocations is used up"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, x := newCloud(), example(t)
				test.change(c)
				x.Guards.Budget = test.budget
				o := options(t, c)
				var last Event
				o.Observer = func(e Event) {
					c.mark(e.Run)
					if e.Kind == EventStats && e.Phase == PhaseFault {
						last = e
					}
				}
				r, err := Run(t.Context(), x, o)
				if err != nil {
					t.Fatal(err)
				}
				if test.reason == "" {
					if r.Verdict != verdict.Held || len(r.Budgets) != 2 || r.Budgets[0].Used != 7 || len(last.Budgets) != 2 {
						t.Errorf("%s: %s; %+v, %+v", r.Verdict, r.Reason, r.Budgets, last.Budgets)
					}
					return
				}
				if r.Stop == nil || r.Stop.Kind != StopBudget || !strings.Contains(r.Stop.Reason, test.reason) {
					t.Fatalf("%s: %s", r.Verdict, r.Reason)
				}
				if took := r.Phases[1].End.Sub(r.Phases[1].Start); took > 4*time.Second {
					t.Errorf("the budget needed %s", took)
				}
				if len(r.Phases) != 3 || !r.Recovery.Recovered {
					t.Errorf("phases %+v, recovery %+v", r.Phases, r.Recovery)
				}
				text, err := json.Marshal(r)
				if err != nil || !strings.Contains(string(text), `"kind":"budget"`) || !strings.Contains(string(text), `"budgets":[`) {
					t.Errorf("%v: %s", err, text)
				}
				pristine(t, c)
			})
		})
	}
}

// TestBudgetIsEstimated: what a load must use up is refused, what it may use up is warned of.
func TestBudgetIsEstimated(t *testing.T) {
	tests := []struct {
		name             string
		change           func(x *experiment.Experiment)
		refusal, warning string
	}{
		{"a request may reach the target", func(*experiment.Experiment) {}, "", "the loads may bring about 1000 injections"},
		{"an invocation does", func(x *experiment.Experiment) { x.Loads[0].HTTP, x.Loads[0].Lambda = nil, "a" }, "the loads alone bring about 1000 injections, but guards.budget.invocations is 300", ""},
		{"of another function", func(x *experiment.Experiment) { x.Loads[0].HTTP, x.Loads[0].Lambda = nil, "b" }, "", "may bring about 1000"},
		{"some of them", func(x *experiment.Experiment) {
			x.Loads[0].HTTP, x.Loads[0].Lambda, x.Conditions[0].Percentage = nil, "a", 20
		}, "", ""},
		{"those that match", func(x *experiment.Experiment) {
			x.Loads[0].HTTP, x.Loads[0].Lambda, x.Conditions[0].Match = nil, "a", []fault.Condition{{Path: "p"}}
		}, "", "may bring about 1000"},
		{"in stages", func(x *experiment.Experiment) { x.Stages = []float64{5, 20} }, "", ""},
		{"for a while", func(x *experiment.Experiment) {
			x.Conditions[0].Delay, x.Conditions[0].For = 15*time.Second, 10*time.Second
		}, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, x := newCloud(), example(t)
			x.Guards.Budget.Invocations = 300
			test.change(x)
			p, err := Plan(t.Context(), x, options(t, c))
			if (err == nil) != (test.refusal == "") || err != nil && !strings.Contains(err.Error(), test.refusal) {
				t.Fatalf("got %v, want %q", err, test.refusal)
			}
			if err == nil && (!strings.Contains(strings.Join(p.Warnings, "\n"), test.warning) || (len(p.Warnings) > 0) != (test.warning != "")) {
				t.Errorf("warnings: %q", p.Warnings)
			}
		})
	}
}
