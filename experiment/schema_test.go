package experiment

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema(nil)))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("experiment.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("experiment.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asEditorsSee decodes a file as an editor's YAML server does before it validates: variables are text.
func asEditorsSee(t *testing.T, data []byte) (any, error) {
	t.Helper()
	hidden := variableInText.ReplaceAll(data, []byte("$$"+hiddenOpen+"${1}"+hiddenClose))
	var v any
	if err := yaml.Unmarshal(hidden, &v); err != nil {
		return nil, err
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return jsonschema.UnmarshalJSON(strings.NewReader(unhide.Replace(string(text))))
}

func TestSchemaAcceptsWhatParseAccepts(t *testing.T) {
	s := compiled(t)
	accept := func(t *testing.T, data []byte) {
		v, err := asEditorsSee(t, data)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Error(err)
		}
	}
	each(t, "testdata/good/*.yaml", func(t *testing.T, _ string, data []byte) { accept(t, data) })
	t.Run("template", func(t *testing.T) { accept(t, Template()) })
}

// vary puts a value into an otherwise right file.
func vary(at, value string) string {
	parts := map[string]string{
		"version": "1", "title": "T", "objective": "O", "load": "{shop: {lambda: x, rate: 50/s}}",
		"measures":   "[{name: m, of: load.shop, expect: p95 < 1s}]",
		"conditions": "[{name: c, fault: latency, target: {lambda: x}, with: {min: 1ms}}]",
		"phases":     "{baseline: 10s, fault: 10s, recovery: 10s}",
	}
	switch {
	case value == "(absent)":
		delete(parts, at)
	case strings.Contains(at, "."):
		whole, key, _ := strings.Cut(at, ".")
		shape := map[string]string{
			"load": "{shop: {lambda: x, rate: 50/s, %s: %s}}", "http": "{shop: {http: GET http://h/, rate: 50/s, %s: %s}}",
			"measures":   "[{name: m, of: load.shop, expect: p95 < 1s, %s: %s}]",
			"probe":      "[{name: m, of: http, http: GET http://h/, expect: error_rate < 1%%, %s: %s}]",
			"conditions": "[{name: c, fault: latency, target: {lambda: x}, %s: %s}]",
			"statuscode": "[{name: c, fault: statuscode, target: {lambda: x}, with: {%s: %s}}]",
			"phases":     "{baseline: 10s, fault: 10s, %s: %s}",
			"stop":       "[{of: m, when: p95 > 2s, %s: %s}]",
			"guards":     "{%s: %s}",
		}[whole]
		name := map[string]string{"http": "load", "probe": "measures", "statuscode": "conditions"}[whole]
		if name == "" {
			name = whole
		}
		parts[name] = fmt.Sprintf(shape, key, value)
	default:
		parts[at] = value
	}
	var b strings.Builder
	for key, value := range parts {
		fmt.Fprintf(&b, "%s: %s\n", key, value)
	}
	return b.String()
}

func TestSchemaAndParseAgree(t *testing.T) {
	s := compiled(t)
	tests := map[string][]string{ // by place: values, where + means that both accept it
		"version":            {"+1", "2", "x", "[1]", "(absent)", "~"},
		"title":              {"+7", "+yes", "+'x y'", "[x]", "{a: b}", "(absent)", "~"},
		"objective":          {"+x", "[]", "(absent)"},
		"load":               {"(absent-ok)", "[]", "{shop: 5}", "{shop: {rate: 5/s}}", "{shop: {lambda: x}}", "{shop: {lambda: x, http: GET http://h/, rate: 5/s}}", "+{shop: {http: GET http://h/, rate: 5/s}, a-b_1: {lambda: x, rate: 5/s}}", "{shop: {lambda: x, rate: 5/s}, 'a b': {lambda: x, rate: 5/s}}"},
		"load.rate2":         {"5"},
		"load.timeout":       {"+3s", "+1m30s", "+1.5s", "3", "3 s", "'3'", "3d", "[3s]"},
		"load.max_in_flight": {"+5", "+'5'", "0", "5.5", "x"},
		"load.headers":       {"{a: b}"},
		"http.headers":       {"+{a: b}", "+{a: 1}", "[a]", "{'a b': c}", "{a: [b]}"},
		"http.body":          {"+x", "+{a: 1}", "+[1, 2]", "+5"},
		"measures": {"[]", "{}", "(absent)", "[5]", "[{name: m, of: load.shop}]", "[{name: m, of: nothing, expect: 5}]", "[{name: m, of: prometheus, url: 'http://h', expect: value < 1}]", "+[{name: m, of: prometheus, url: 'http://h', query: up, expect: value < 1}]", "[{name: m, of: prometheus, url: 'h:9090', query: up, expect: value < 1}]", "+[{name: m, of: command, command: [ls], expect: value < 1}]", "[{name: m, of: command, command: ls, expect: value < 1}]", "+[{name: m, of: invoke, lambda: f, expect: p50 < 1s}]", "[{name: m, of: invoke, lambda: f, status: 200, expect: p50 < 1s}]",
			"+[{name: m, of: invoke, lambda: f, region: eu-west-1, expect: p50 < 1s}]",
			"+[{name: m, of: cloudwatch, metric: A/B/C, stat: p99.9, dimensions: {F: x}, period: 5s, lag: 0s, expect: value < 1}]", "[{name: m, of: cloudwatch, metric: C, stat: Sum, expect: value < 1}]", "[{name: m, of: cloudwatch, metric: A/C, stat: sum, expect: value < 1}]", "[{name: m, of: cloudwatch, metric: A/C, expect: value < 1}]",
			"+[{name: m, of: cloudwatch, expression: a / b, metrics: {a: {metric: A/B, stat: Sum}, b: {metric: A/C, stat: Sum}}, period: 5s, expect: value < 1}]", "[{name: m, of: cloudwatch, expression: a / b, expect: value < 1}]", "[{name: m, of: cloudwatch, expression: a, metrics: {A: {metric: A/B, stat: Sum}}, period: 5s, expect: value < 1}]",
			"[{name: m, of: cloudwatch, expression: a, metrics: {a: {metric: A/B, stat: Sum}}, metric: A/B, stat: Sum, period: 5s, expect: value < 1}]",
			"+[{name: m, of: alarm, alarm: a, expect: ok}]", "+[{name: m, of: alarm, alarm: a, expect: fires within 5s}]", "[{name: m, of: alarm, expect: ok}]", "[{name: m, of: alarm, alarm: a, region: here, expect: ok}]", "[{name: m, of: alarm, alarm: a, query: x, expect: ok}]",
			"+[{name: m, of: logs, log_group: g, query: stats count(*) as n, field: n, treat_missing: zero, expect: value < 5}]", "+[{name: m, of: logs, log_group: [g, h], query: q, field: n, expect: value < 5}]", "[{name: m, of: logs, log_group: g, query: q, field: n, treat_missing: one, expect: value < 5}]", "[{name: m, of: logs, log_group: g, query: q, expect: value < 5}]"},
		"measures.every":         {"1s"},
		"measures.baseline_only": {"+true", "+false", "yes", "1"},
		"probe.status":           {"+200", "+[200, 404]", "99", "[]", "ok", "[600]"},
		"probe.every":            {"+100ms", "1", "~"},
		"probe.json_path":        {"[a]"},
		"probe.query":            {"up"},
		"conditions":             {"[]", "(absent)", "[{}]", "[{name: c, fault: latency}]", "[{name: c, fault: slow, target: {lambda: x}}]", "[{name: c, fault: latency, target: {}}]", "[{name: c, fault: latency, target: {lambda: x, file: y}}]", "[{name: c, fault: latency, target: {lambda: x, proof: y}}]", "+[{name: c, fault: latency, target: {file: x, proof: y}}]", "[{name: c, fault: denylist, with: {hosts: [a], mode: late}, target: {lambda: x}}]", "+[{name: c, fault: denylist, with: {hosts: [a], mode: slow, delay: 2s}, target: {lambda: x}}]"},
		"conditions.with":        {"+{min: 5ms}", "+{min: 0}", "+{min_latency: 5}", "+{min: 5ms, max: 6ms}", "{min: 5}", "{nim: 5ms}", "{distribution: square}", "5", "[]", "{min: [5ms]}"},
		"conditions.percentage":  {"+5", "+5%", "+0.5%", "+100", "0", "101", "-5", "five"},
		"conditions.match":       {"+[{path: a, value: b}]", "+[{path: a, operator: exists}]", "[]", "[{operator: exists}]", "[{path: a, operator: like, value: b}]", "{path: a}"},
		"conditions.seed":        {"+5", "-1", "x"},
		"conditions.delay":       {"+1s", "1"},
		"conditions.nonsense":    {"1"},
		"statuscode.status":      {"+503", "99", "600", "ok"},
		"statuscode.headers":     {"+{a: b}", "+{a: 1}", "5"},
		"statuscode.keep_body":   {"+true", "'yes'"},
		"phases":                 {"(absent)", "{}", "{baseline: 5s}", "{baseline: 5, fault: 5s}", "+{baseline: 5s, fault: 5s}"},
		"phases.recovery":        {"+5s", "5"},
		"stages":                 {"+[5%, 50, 100%]", "+[100]", "[]", "[0]", "[101]", "50%", "[a]"},
		"stop":                   {"[]", "+[{alarm: x}]", "+[{alarm: x, region: eu-west-1, every: 1s}]", "[{alarm: x, of: m, when: p95 > 2s}]", "[{alarm: x, for: 2s}]", "[{of: m, when: p95 > 2s, every: 1s}]", "[{}]", "[{of: m}]", "+[{of: m, when: p95 > 2s}]"},
		"stop.for":               {"+3s", "3"},
		"guards":                 {"+{max_duration: 5m}", "+{max_targets: 3}", "+{protected: [a]}", "{max_targets: 0}", "{protected: a}", "{x: y}", "5"},
		"guards.accounts":        {"+['111122223333']", "+[111122223333]", "[shop]", "[]", "[1111]", "'111122223333'"},
		"guards.regions":         {"+[eu-west-1, us-gov-east-1]", "[eu-west]", "eu-west-1"},
		"guards.tags":            {"+[a=b, 'c=']", "[a]", "{a: b}"},
		"guards.reversible_only": {"+true", "+false", "yes", "1"},
		"guards.max_percent":     {"+20%", "+20", "0", "x"},
		"guards.zone":            {"+Europe/Berlin", "5", "[UTC]"},
		"guards.windows":         {"+[{days: Mon-Fri, from: '09:00', to: '16:00', zone: UTC}]", "+[{from: '22:00', to: '04:00', zone: UTC}]", "[{from: '9:00', to: '16:00', zone: UTC}]", "[{from: '09:00', zone: UTC}]", "[]", "{}", "[{days: '1', from: '09:00', to: '16:00', zone: UTC}]"},
		"guards.not_on":          {"+[2026-12-24, 2026-12-31..2027-01-02]", "[24.12.2026]", "2026-12-24", "[]"},
		"guards.calendar":        {"+freeze.ics", "[a]"},
		"guards.no_alarm":        {"+[a, {alarm: b}, {alarm: c, region: eu-west-1}]", "[{}]", "[{alarm: b, x: y}]", "a", "[]"},
		"guards.budget":          {"+{invocations: 5}", "+{errors: 5}", "{}", "{invocations: 0}", "{calls: 5}", "5"},
		"lease":                  {"+5s", "5", "~"},
		"vars":                   {"+{a: b}", "+{a: 5}", "{a: [b]}", "{'1': b}", "[]"},
		"nonsense":               {"1"},
	}
	for at, values := range tests {
		for _, value := range values {
			value, want := strings.CutPrefix(value, "+")
			if value == "(absent-ok)" {
				continue
			}
			text := vary(at, value)
			x, problems := Parse([]byte(text), Options{File: "f.yaml"})
			v, err := asEditorsSee(t, []byte(text))
			if err != nil {
				t.Errorf("%s = %s: %v", at, value, err)
				continue
			}
			err = s.Validate(v)
			if (x != nil) != want {
				t.Errorf("%s = %s: Parse accepts: %v, want %v\n%s", at, value, x != nil, want, problemText(problems))
			}
			if (err == nil) != want {
				t.Errorf("%s = %s: the schema accepts: %v, want %v: %v", at, value, err == nil, want, err)
			}
		}
	}
}

func TestSchemaIsDescribed(t *testing.T) {
	var walk func(path string, v any)
	walk = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		if properties, ok := m["properties"].(map[string]any); ok && m["type"] == "object" {
			for name, p := range properties {
				if p, ok := p.(map[string]any); !ok || p["description"] == nil {
					t.Errorf("%s.%s has no description", path, name)
				}
			}
		}
		for name, part := range m {
			walk(path+"."+name, part)
		}
	}
	var root any
	if err := json.Unmarshal(Schema(nil), &root); err != nil {
		t.Fatal(err)
	}
	walk("", root)
}
