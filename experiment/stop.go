package experiment

import (
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// stopRule reads what ends a run: {of, when, for} of a measure, or {alarm}.
func stopRule() value[StopRule] {
	rule := object(StopRule{}, []field[StopRule]{
		key("of", "A measure's name, or load.NAME.", line(), func(r *StopRule) *string { return &r.Of }),
		key("when", "STATISTIC OP VALUE that ends the run, such as error_rate > 25%.", expectation(), func(r *StopRule) *verdict.Expectation { return &r.When }),
		key("for", "How long it must be true without a break; also the window that it is computed over, at least 1s.", duration(0, longest), func(r *StopRule) *time.Duration { return &r.For }),
		key("alarm", "A CloudWatch alarm that ends the run when it fires.", line(), func(r *StopRule) *string { return &r.Alarm.Name }),
		key("account", "alarm: the name of its account; default the runner's own.", line(), func(r *StopRule) *string { return &r.Alarm.Account }),
		key("region", "alarm: default the account's.", region(), func(r *StopRule) *string { return &r.Alarm.Region }),
		key("every", "alarm: time between readings; default 5s.", duration(time.Second, time.Minute), func(r *StopRule) *time.Duration { return &r.Every }),
	})
	ofMeasure, ofAlarm := []string{"of", "when", "for"}, []string{"alarm", "account", "region", "every"}
	rule.schema["oneOf"] = []any{
		schema{"required": []string{"of", "when"}, "properties": never(ofAlarm)},
		schema{"required": []string{"alarm"}, "properties": never(ofMeasure)},
	}
	return value[StopRule]{schema: rule.schema, read: func(d *decoder, n *node, path string) (StopRule, bool) {
		r, ok := rule.read(d, n, path)
		if r.Line = n.line; n.form != mapping {
			return r, false
		}
		foreign, what := ofAlarm, "a measure"
		if d.has(join(path, "alarm")) {
			foreign, what = ofMeasure, "an alarm"
			if r.Every == 0 {
				r.Every = DefaultAlarmEvery
			}
		} else {
			for _, name := range []string{"of", "when"} {
				if !d.has(join(path, name)) {
					d.problem(join(path, name), "", "is missing", "{of: load.NAME, when: error_rate > 25%}, or {alarm: NAME}")
					ok = false
				}
			}
		}
		for _, name := range foreign {
			if d.has(join(path, name)) {
				d.problem(join(path, name), name, "does not belong to a rule of "+what, "write a rule for each")
				ok = false
			}
		}
		return r, ok
	}}
}

// never are keys that must not be there.
func never(names []string) schema {
	out := schema{}
	for _, name := range names {
		out[name] = false
	}
	return out
}
