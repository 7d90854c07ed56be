package fault

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Flat documents hold one kind at a time: failure-lambda 0.x (isEnabled, failureMode, rate, ...) and Python's
// chaos-lambda (is_enabled, fault_type, ...). They are translated into a member of our own, and problems with
// that member are told in the names of the document.

// dialect is a flat format.
type dialect struct {
	name      string
	enabled   string // the member that turns it on
	selector  string // the member that names the kind
	kinds     map[string]Kind
	attribute map[Kind]map[string]string // our attributes by theirs
}

func dialects() []dialect {
	return []dialect{
		{
			name: FormatFailure0, enabled: "isEnabled", selector: "failureMode",
			kinds: map[string]Kind{"latency": Latency, "exception": Exception, "statuscode": StatusCode,
				"diskspace": DiskSpace, "denylist": Denylist},
			attribute: map[Kind]map[string]string{
				Latency:    {"minLatency": "min_latency", "maxLatency": "max_latency"},
				Exception:  {"exceptionMsg": "exception_msg"},
				StatusCode: {"statusCode": "status_code"},
				DiskSpace:  {"diskSpace": "disk_space"},
				Denylist:   {"denylist": "deny_list"},
			},
		},
		{
			name: FormatChaos, enabled: "is_enabled", selector: "fault_type",
			kinds: map[string]Kind{"latency": Latency, "exception": Exception, "status_code": StatusCode},
			attribute: map[Kind]map[string]string{
				Latency:    {"delay": "mean"},
				Exception:  {"exception_msg": "exception_msg"},
				StatusCode: {"error_code": "status_code"},
			},
		},
	}
}

// translation is what translateFlat found.
type translation struct {
	problems []Problem
	names    map[string]string // fields of the document by fields of the member made from it
}

func (t translation) rename(problems []Problem) []Problem {
	for i, p := range problems {
		if theirs, ok := t.names[p.Field]; ok {
			problems[i].Field = theirs
		}
	}
	return problems
}

// translateFlat replaces the flat members of a document, if it has any, by the member that they mean.
func translateFlat(members map[string]any) translation {
	for _, d := range dialects() {
		if _, ok := members[d.selector]; ok {
			return d.translate(members)
		}
	}
	for _, d := range dialects() {
		if _, ok := members[d.enabled]; ok {
			d.clear(members)
			return translation{problems: []Problem{{Field: d.selector,
				Message: "is missing: older documents of Python's chaos-lambda leave the kind of fault to the decorator in the code, which Firedrill cannot see",
				Hint:    `add "fault_type": "latency", "exception" or "status_code", and write is_enabled`}}}
		}
	}
	return translation{}
}

func (d dialect) translate(members map[string]any) translation {
	selected, _ := members[d.selector].(string)
	kind, known := d.kinds[selected]
	t := translation{names: map[string]string{}}
	if !known {
		t.problems = []Problem{{Field: d.selector, Value: valueText(members[d.selector]),
			Message: "is not a kind of fault that " + d.name + " knows", Hint: "one of " + joinSorted(d.kinds)}}
		d.clear(members)
		return t
	}
	member := map[string]any{"enabled": members[d.enabled]}
	t.names[string(kind)+".enabled"] = d.enabled
	for theirs, ours := range d.attribute[kind] {
		if raw, ok := members[theirs]; ok {
			member[ours] = raw
		}
		t.names[string(kind)+"."+ours] = theirs
	}
	if d.selector == "fault_type" && kind == StatusCode {
		member[keepBody] = true
	}
	percentage, problem := percentOfRate(members)
	if problem != nil {
		t.problems = []Problem{*problem}
		d.clear(members)
		return t
	}
	member["percentage"] = percentage
	d.clear(members)
	members[string(kind)] = member
	return t
}

// percentOfRate reads rate, a share between 0 and 1.
func percentOfRate(members map[string]any) (float64, *Problem) {
	raw, ok := members["rate"]
	if !ok {
		return 100, nil
	}
	rate, ok := number(raw)
	if !ok || rate < 0 || rate > 1 {
		return 0, &Problem{Field: "rate", Value: valueText(raw), Message: "is not a number between 0 and 1"}
	}
	if text, ok := raw.(json.Number); ok && !strings.ContainsAny(text.String(), "eE") {
		if exact, err := strconv.ParseFloat(text.String()+"e2", 64); err == nil {
			return exact, nil // 0.29 * 100 is a little less than 29
		}
	}
	return rate * 100, nil
}

// clear removes the flat members, so that they are not taken for unknown kinds. A member of the same name as
// a kind is flat unless it is an object.
func (d dialect) clear(members map[string]any) {
	delete(members, d.enabled)
	delete(members, d.selector)
	delete(members, "rate")
	for _, other := range dialects() {
		for _, names := range other.attribute {
			for theirs := range names {
				if _, object := members[theirs].(map[string]any); !object {
					delete(members, theirs)
				}
			}
		}
	}
}

func joinSorted[V any](m map[string]V) string {
	text := ""
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if text != "" {
			text += ", "
		}
		text += name
	}
	return text
}
