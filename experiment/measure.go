package experiment

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// Kinds of measures that are read by a probe. The others are of a load: "load.NAME".
const (
	HTTP       = "http"
	Invoke     = "invoke"
	Command    = "command"
	Prometheus = "prometheus"
)

// A measureKind says which of a measure's keys belong to one kind, and what it does if the file does not say.
type measureKind struct {
	name           string
	required       []string
	optional       []string
	every, timeout time.Duration // zero: as all have it
}

// probeKeys are the keys that belong to some kinds only.
func measureKinds() []measureKind {
	return []measureKind{
		{name: HTTP, required: []string{"http"}, optional: []string{"headers", "body", "status", "body_contains", "json_path", "every", "timeout"}},
		{name: Invoke, required: []string{"lambda"}, optional: []string{"body", "body_contains", "json_path", "account", "region", "every", "timeout"}},
		{name: Command, required: []string{"command"}, optional: []string{"every", "timeout"}},
		{name: Prometheus, required: []string{"url", "query"}, optional: []string{"headers", "every", "timeout"}},
		{name: CloudWatch, optional: []string{"metric", "dimensions", "stat", "expression", "metrics", "period", "lag", "treat_missing", "history", "account", "region", "every", "timeout"}, every: DefaultAlarmEvery},
		{name: AlarmOf, required: []string{"alarm"}, optional: []string{"account", "region", "every", "timeout"}, every: DefaultAlarmEvery},
		{name: Logs, required: []string{"log_group", "query", "field"}, optional: []string{"lag", "treat_missing", "account", "region", "every", "timeout"}, every: DefaultLogsEvery, timeout: DefaultLogsWait},
		{name: "load", optional: []string{"version", "against"}},
	}
}

// kindOf returns the kind of a measure, by its "of".
func kindOf(of string) (measureKind, bool) {
	if strings.HasPrefix(of, loadPrefix) {
		of = "load"
	} else if of == "load" {
		return measureKind{}, false
	}
	for _, k := range measureKinds() {
		if k.name == of {
			return k, true
		}
	}
	return measureKind{}, false
}

// ownKeys are the keys of measures that not all kinds have.
func ownKeys() []string {
	var out []string
	for _, k := range measureKinds() {
		out = append(append(out, k.required...), k.optional...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Latency says whether the measure's observations are durations in seconds, as opposed to numbers that were
// read. Those of a command are what its expectation asks for: with value < 10 the number that it prints,
// otherwise the time that it takes.
func (m Measure) Latency() bool {
	switch m.Of {
	case Prometheus, CloudWatch, AlarmOf, Logs:
		return false
	case Command:
		return m.Expect.Unit != verdict.Number || m.Expect.Statistic == "count"
	}
	return m.Probe.JSONPath == ""
}

type measureDraft struct {
	Measure
	headers []named[string]
	metric  metricDraft
	metrics []named[metricDraft]
}

func measure() value[Measure] {
	shape := object(measureDraft{}, append([]field[measureDraft]{
		key("name", "What reports call it.", line(), func(m *measureDraft) *string { return &m.Name }).must(),
		key("of", "Where it comes from: load.NAME, http, invoke, command, prometheus, cloudwatch, alarm or logs.", line(), func(m *measureDraft) *string { return &m.Of }).must(),
		key("expect", "STATISTIC OP VALUE, such as p95 < 400ms, error_rate < 1%, rate >= 10/s, value == 0; of alarms: ok, fires within 60s.", expectation(), func(m *measureDraft) *verdict.Expectation { return &m.Expect }).must(),
		key("baseline_only", "It gates the start and is not judged while the fault is there.", trueFalse(), func(m *measureDraft) *bool { return &m.BaselineOnly }),
		key("version", "load: only the requests that this version of the function has answered.", version(), func(m *measureDraft) *string { return &m.ByVersion }),
		key("against", "load: what to compare with: load.OTHER, version N of the same load, or spared: the requests that no fault has hit, beside those that one has.", against(), func(m *measureDraft) *Against { return &m.Against }),
		key("every", "Time between readings; default 1s, of cloudwatch and alarm 5s, of logs 10s.", duration(10*time.Millisecond, time.Hour), func(m *measureDraft) *time.Duration { return &m.Every }),
		key("timeout", "How long one reading may take; default 5s, of logs 30s. A reading that takes longer has failed.", duration(time.Millisecond, time.Hour), func(m *measureDraft) *time.Duration { return &m.Timeout }),
		key("http", "http: METHOD URL to send.", plainRequest(), func(m *measureDraft) **HTTPRequest { return &m.Probe.HTTP }),
		key("headers", "http, prometheus: headers to send.", headers(), func(m *measureDraft) *[]named[string] { return &m.headers }),
		key("body", "http, invoke: text, or a mapping that becomes JSON.", body(), func(m *measureDraft) *string { return &m.Probe.Body }),
		key("status", "http: the statuses that are not failures; default 200 to 399.", statuses(), func(m *measureDraft) *[]int { return &m.Probe.Status }),
		key("body_contains", "http, invoke: a text without which the answer is a failure.", text(), func(m *measureDraft) *string { return &m.Probe.BodyContains }),
		key("json_path", "http, invoke: dotted path of a number in the answer, which is measured instead of the latency.", text(), func(m *measureDraft) *string { return &m.Probe.JSONPath }),
		key("lambda", "invoke: the function.", line(), func(m *measureDraft) *string { return &m.Probe.Lambda }),
		key("command", "command: a program and its arguments, as a list. There is no shell.", list(text(), "texts: a program and its arguments"), func(m *measureDraft) *[]string { return &m.Probe.Command }),
		key("url", "prometheus: address of the server.", address(), func(m *measureDraft) *string { return &m.Probe.URL }),
		key("query", "prometheus: an instant query (PromQL) that yields one number; logs: a query of Logs Insights.", prose(), func(m *measureDraft) *string { return &m.Probe.Query }),
	}, cloudWatchKeys()...))
	shape.schema["allOf"] = kindSchemas()
	return value[Measure]{schema: shape.schema, read: func(d *decoder, n *node, path string) (Measure, bool) {
		m, ok := shape.read(d, n, path)
		if n.form != mapping {
			return m.Measure, false
		}
		m.Line = n.line
		return m.Measure, d.finishMeasure(&m, path) && ok
	}}
}

// finishMeasure checks that the keys belong to the kind, and sets defaults.
func (d *decoder) finishMeasure(m *measureDraft, path string) bool {
	if m.Of == "" {
		return false // told already
	}
	k, known := kindOf(m.Of)
	if !known {
		d.problem(join(path, "of"), m.Of, "is not a kind of measure", unknownKindHint(m.Of))
		return false
	}
	good := true
	for _, name := range k.required {
		if !d.has(join(path, name)) {
			d.problem(join(path, name), "", "is missing: a measure of "+k.name+" needs it", "")
			good = false
		}
	}
	for _, name := range ownKeys() {
		at := join(path, name)
		if d.has(at) && !slices.Contains(k.required, name) && !slices.Contains(k.optional, name) {
			d.problem(at, name, "does not belong to a measure of "+m.Of, k.hint())
			good = false
		}
	}
	if k.name == "load" {
		return good
	}
	if m.Every == 0 {
		m.Every = cmp.Or(k.every, DefaultEvery)
	}
	if m.Timeout == 0 {
		m.Timeout = cmp.Or(k.timeout, DefaultTimeout)
	}
	if slices.Contains([]string{CloudWatch, AlarmOf, Logs}, m.Of) && m.Every < leastEvery {
		d.problem(join(path, "every"), m.Every.String(), "is too short: AWS would throttle it", "at least "+leastEvery.String())
		good = false
	}
	if m.Of == Logs && !d.has(join(path, "lag")) {
		m.Probe.Lag = DefaultLogsLag
	}
	if m.Of == CloudWatch {
		good = d.finishCloudWatch(m, path) && good
	}
	if len(m.headers) > 0 {
		if m.Probe.HTTP == nil {
			m.Probe.HTTP = &HTTPRequest{Method: "POST", URL: m.Probe.URL}
		}
		m.Probe.HTTP.Headers = asMap(m.headers)
	}
	if at := join(path, "body"); m.Of == Invoke && d.has(at) && !json.Valid([]byte(m.Probe.Body)) {
		d.problem(at, m.Probe.Body, "is not JSON, which events are", "write it as a mapping, or with all the quotes")
		good = false
	}
	if path = join(path, "json_path"); d.has(path) && !isDotted(m.Probe.JSONPath) {
		d.problem(path, m.Probe.JSONPath, "is not a path", "names and numbers with dots between them, such as items.0.price")
		good = false
	}
	return good
}

func (k measureKind) hint() string {
	if k.name == "load" {
		return "the load runs as load: says; it is not read. It has version and against"
	}
	return "it has " + strings.Join(append(slices.Clone(k.required), k.optional...), ", ")
}

func unknownKindHint(of string) string {
	switch of {
	case "load":
		return "write load.NAME"
	}
	return closest(of, []string{"load.NAME", HTTP, Invoke, Command, Prometheus, CloudWatch, AlarmOf, Logs})
}

// isDotted says whether text is a dotted path; a leading "$." is JSONPath's way to write one.
func isDotted(text string) bool {
	return !slices.Contains(strings.Split(strings.TrimPrefix(text, "$."), "."), "")
}

// statuses reads one HTTP status or a list of them.
func statuses() value[[]int] {
	one := integer(100, 599)
	many := list(one, "statuses")
	return value[[]int]{schema: schema{"anyOf": []any{one.schema, many.schema}}, read: func(d *decoder, n *node, path string) ([]int, bool) {
		if n.form == sequence {
			return many.read(d, n, path)
		}
		status, ok := one.read(d, n, path)
		return []int{status}, ok
	}}
}

// kindSchemas tell editors which keys belong together.
func kindSchemas() []any {
	var all []any
	for _, k := range measureKinds() {
		when := schema{"const": k.name}
		if k.name == "load" {
			when = schema{"pattern": `^load\.`}
		}
		then := schema{}
		if k.required != nil {
			then["required"] = k.required
		}
		foreign := schema{}
		for _, name := range ownKeys() {
			if !slices.Contains(k.required, name) && !slices.Contains(k.optional, name) {
				foreign[name] = false
			}
		}
		then["properties"] = foreign
		if k.name == CloudWatch {
			then["oneOf"] = []any{schema{"required": []string{"metric", "stat"}}, schema{"required": []string{"expression", "metrics"}}}
		}
		all = append(all, schema{"if": schema{"properties": schema{"of": when}, "required": []string{"of"}}, "then": then})
	}
	return all
}
