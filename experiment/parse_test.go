package experiment

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/google/go-cmp/cmp"
)

func TestTemplate(t *testing.T) {
	x, problems := Parse(Template(), Options{File: "experiment.yaml", Vars: map[string]string{"api": "http://127.0.0.1:8080"}})
	if len(problems) > 0 { // not even a warning
		t.Fatal(problemText(problems))
	}
	if x.Conditions[0].Target.Lambda != "hello" || !strings.HasSuffix(x.Loads[0].HTTP.URL, ":8080/hello") {
		t.Errorf("the template must fit the functions file of init: %+v", x)
	}
	Template()[0] = 'x'
	if Template()[0] == 'x' {
		t.Error("the template can be changed by its users")
	}
}

// TestTooManyItems: a list that nobody could read is refused before its items are put side by side.
func TestTooManyItems(t *testing.T) {
	head := "version: 1\ntitle: t\nobjective: o\nload: {l: {http: GET http://h/, rate: 1/s}}\nphases: {baseline: 1s, fault: 1h}\n"
	measures, conditions, stop := "measures:\n", "conditions:\n", "stop:\n"
	for i := range 400 {
		measures += fmt.Sprintf("  - {name: m%d, of: load.l, expect: p95 < 1s}\n", i)
		stop += fmt.Sprintf("  - {of: m%d, when: p95 > 1s}\n", i)
		conditions += fmt.Sprintf("  - {name: c%d, fault: latency, target: {lambda: f%d}, with: {min: 1ms, max: 1ms}, for: 1s, after: c%d}\n", i, i, (i+1)%400)
	}
	_, problems := Parse([]byte(head+measures+conditions+stop), Options{File: "experiment.yaml"})
	if len(problems) != 3 {
		t.Fatalf("got %s", problemText(problems[:min(len(problems), 5)]))
	}
	for i, where := range []string{"measures", "conditions", "stop"} {
		if p := problems[i]; p.Field != where || p.Line == 0 || p.Hint == "" || !strings.Contains(p.Message, "at most 100") {
			t.Errorf("got %s", p)
		}
	}
}

func TestVariables(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"IN_ENV": "env", "everywhere": "env", "in_env_and_file": "env"}[name]
		return v, ok
	}
	s := func() *scope {
		return &scope{
			o:    Options{Vars: map[string]string{"everywhere": "flag", "empty": "", "dollar": "${IN_ENV}"}, Env: env},
			vars: map[string]string{"everywhere": "file", "in_env_and_file": "file", "in_file": "file"}, used: map[string]bool{}, room: 100,
		}
	}
	tests := []struct{ text, want, problem string }{
		{"plain", "plain", ""},
		{"${everywhere}", "flag", ""},
		{"a ${in_env_and_file} b ${in_file}", "a env b file", ""},
		{"[${empty}]", "[]", ""},
		{"${dollar}", "${IN_ENV}", ""}, // values are text, not looked at again
		{"$$ $${in_file} $$$$", "$ ${in_file} $$", ""},
		{"$", "$", ""},
		{"^/a$ $HOME $.x", "^/a$ $HOME $.x", ""},
		{"${missing}", "", "variable missing is not set"},
		{"${", "", "is not a variable"},
		{"${a b}", "", "is not a variable"},
		{"${}", "", "is not a variable"},
		{strings.Repeat("${in_file}", 26), "", "variables make the file grow by more than 1048576 bytes"},
	}
	for _, tt := range tests {
		got, problem := replaceVariables(tt.text, s())
		message := ""
		if problem != nil {
			message = problem.Message
		}
		if got != tt.want || message != tt.problem {
			t.Errorf("%q: %q, %q; want %q, %q", tt.text, got, message, tt.want, tt.problem)
		}
	}
}

// file is a right file with one load at a rate, which its measures are of.
func file(rate, rest string) []byte {
	return []byte("version: 1\ntitle: T\nobjective: O\nload: {shop: {lambda: x, rate: " + rate + "}}\n" + rest)
}

const rest = `measures: [{name: m, of: load.shop, expect: mean < 1s}]
conditions: [{name: c, fault: exception, target: {lambda: x}}]
phases: {baseline: 10s, fault: 10s}
`

func TestRates(t *testing.T) {
	const s = time.Second
	tests := []struct {
		rate  string
		steps []RateStep
		in20s float64 // requests due
	}{
		{"20/s", []RateStep{{20, 20, 0}}, 400},
		{"600/m", []RateStep{{10, 10, 0}}, 200},
		{"7200 / h", []RateStep{{2, 2, 0}}, 40},
		{"{from: 0/s, to: 10/s, over: 10s}", []RateStep{{0, 10, 10 * s}, {10, 10, 0}}, 150},
		{"{from: 10/s, to: 0/s, over: 40s}", []RateStep{{10, 0, 40 * s}, {0, 0, 0}}, 150},
		{"{base: 1/s, peak: 11/s, at: 5s, for: 5s}", []RateStep{{1, 1, 5 * s}, {11, 11, 5 * s}, {1, 1, 0}}, 70},
		{"[{rate: 2/s, for: 10s}, 4/s]", []RateStep{{2, 2, 10 * s}, {4, 4, 0}}, 60},
		{"[{rate: 2/s, for: 10s}, {from: 2/s, to: 4/s, over: 5s}]", []RateStep{{2, 2, 10 * s}, {2, 4, 5 * s}, {4, 4, 0}}, 55},
	}
	for _, tt := range tests {
		x, problems := Parse(file(tt.rate, rest), Options{File: "f.yaml"})
		if x == nil {
			t.Errorf("%s: %s", tt.rate, problemText(problems))
			continue
		}
		if diff := cmp.Diff(tt.steps, x.Loads[0].Rate); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.rate, diff)
		}
		if got := area(x.Loads[0].Rate, 20*s); math.Abs(got-tt.in20s) > 1e-9 {
			t.Errorf("%s: %v requests in 20 s, want %v", tt.rate, got, tt.in20s)
		}
	}
}

func TestDefaults(t *testing.T) {
	x, problems := Parse(file("20/s", rest), Options{File: "f.yaml"})
	if len(problems) > 0 {
		t.Fatal(problemText(problems))
	}
	want := Phases{Baseline: 10 * time.Second, BaselineMax: 30 * time.Second, Fault: 10 * time.Second, Recovery: DefaultRecovery}
	if x.Phases != want || x.Lease != DefaultLease || !reflect.DeepEqual(x.Stages, []float64{100}) || x.Conditions[0].Percentage != 100 {
		t.Errorf("defaults: %+v", x)
	}
	if l := x.Loads[0]; l.Timeout != DefaultLoadTimeout || l.MaxInFlight != DefaultMaxInFlight {
		t.Errorf("defaults of loads: %+v", l)
	}
}

// TestAttributesSurvive: what an experiment holds is what a fault set takes, as it is.
func TestAttributesSurvive(t *testing.T) {
	with := map[string]string{
		"latency":    "{min: 100ms, max: 0.2s}",
		"timeout":    "{timeout_buffer_ms: 5}",
		"exception":  "{message: 12, type: Boom}",
		"fail-after": "{message: late}",
		"statuscode": "{status: 503, body: {error: [busy, 1]}, headers: {retry-after: 5}}",
		"corruption": "{body: x}",
		"outgoing":   "{min: 1ms, hosts: [api.example.com]}",
		"diskspace":  "{leave: 10}", "memory": "{size: 64}", "cpu": "{cores: 1, percent: 50, for: 2s}",
		"filedescriptors": "{leave: 3}", "denylist": "{hosts: ['*.internal'], deny_list: ['^db'], mode: slow, delay: 2s}", "poison": "{remove: [a.b], replace: {c: x}}", "batch": "{share: 20}",
		"redelivery": "{answer: second}", "coldstart": "{min: 1s}", "throttle": "{as: error}",
		"awscall": "{delay: 1ms, service: dynamodb, operation: 'Get*', error: throttling, per: call}",
	}
	for _, kind := range newCatalog(nil).names() {
		text := strings.Replace(rest, "fault: exception", "fault: "+kind+", with: "+with[kind], 1)
		x, problems := Parse(file("20/s", text), Options{File: "f.yaml"})
		if x == nil {
			t.Errorf("%s: %s", kind, problemText(problems))
			continue
		}
		c := x.Conditions[0]
		again, wrong := fault.Normalize(fault.Kind(kind), c.With)
		if len(wrong) > 0 || !reflect.DeepEqual(again, c.With) {
			t.Errorf("%s: %v became %v, %v", kind, c.With, again, wrong)
		}
		if _, err := fault.Member(fault.Kind(kind), c.With, c.Percentage, c.Match); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestHostileFiles(t *testing.T) {
	tests := map[string]string{
		"huge":       "title: " + strings.Repeat("x", 2*maxBytes),
		"brackets":   strings.Repeat("[", 100_000),
		"braces":     strings.Repeat("{a: ", 30_000),
		"dashes":     strings.Repeat("- ", 60_000),
		"questions":  strings.Repeat("? ", 60_000),
		"anchors":    strings.Repeat("&a ", 40_000),
		"indents":    indents(5_000),
		"references": "vars: {a: " + strings.Repeat("x", 60_000) + "}\ntitle: " + strings.Repeat("${a}", 10_000),
		"doubling":   doubling(),
		"keys":       strings.Repeat("a: 1\n", 10_000),
		"items":      "measures:\n" + strings.Repeat("- b\n", 10_000),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			x, problems := Parse([]byte(text), Options{File: "f.yaml"})
			if x != nil || len(problems) == 0 {
				t.Error("the file was accepted")
			}
			if len(problems) > maxProblems+1 {
				t.Errorf("%d problems is more than anybody reads", len(problems))
			}
		})
	}
}

func indents(levels int) string {
	var b strings.Builder
	for i := 0; b.Len() < maxBytes-levels && i < levels; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

// doubling is the bomb of a thousand laughs, with variables.
func doubling() string {
	var b strings.Builder
	b.WriteString("vars:\n  a0: haha\n")
	for i := range 40 {
		n, m := string(rune('a'+i/10))+string(rune('0'+i%10)), string(rune('a'+(i+1)/10))+string(rune('0'+(i+1)%10))
		b.WriteString("  " + m + ": ${" + n + "}${" + n + "}\n")
	}
	return b.String()
}

func TestByteOrderMarkAndCRLF(t *testing.T) {
	text := "\uFEFF" + strings.ReplaceAll(string(file("20/s", rest)), "\n", "\r\n")
	if x, problems := Parse([]byte(text), Options{File: "f.yaml"}); x == nil {
		t.Error(problemText(problems))
	}
}

func TestSecretsStayOutOfReports(t *testing.T) {
	r := &HTTPRequest{Method: "GET", URL: "http://h/", Headers: map[string]string{"Authorization": "Bearer abc", "X-Api-Key": "def", "Accept": "text/html"}}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if s := string(text); strings.Contains(s, "abc") || strings.Contains(s, "def") || !strings.Contains(s, "text/html") {
		t.Errorf("marshalled as %s", s)
	}
	if r.Headers["Authorization"] != "Bearer abc" {
		t.Error("marshalling changed the request")
	}
}

func TestClosest(t *testing.T) {
	known := []string{"latency", "timeout", "exception"}
	tests := []struct{ word, want string }{
		{"latncy", `did you mean "latency"?`},
		{"Timeout", `did you mean "timeout"?`},
		{"xyz", "one of latency, timeout, exception"},
		{strings.Repeat("x", 1000), "one of latency, timeout, exception"},
	}
	for _, tt := range tests {
		if got := closest(tt.word, known); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.word, got, tt.want)
		}
	}
}

// TestBodiesKeepTheirNumbers: an event holds what the file says, to the last digit.
func TestBodiesKeepTheirNumbers(t *testing.T) {
	const body = `{id: 12345678901234567890, account: 012345678901, price: 1.50, large: 1e5, minus: -3, hex: 0x10, flag: true, none: ~, text: "5"}`
	const want = `{"account":"012345678901","flag":true,"hex":"0x10","id":12345678901234567890,"large":1e5,"minus":-3,"none":null,"price":1.50,"text":"5"}`
	text := vary("http.body", body)
	x, problems := Parse([]byte(text), Options{File: "f.yaml"})
	if x == nil {
		t.Fatal(problemText(problems))
	}
	if got := x.Loads[0].Body; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	x, problems = Parse([]byte(vary("statuscode.body", body)), Options{File: "f.yaml"})
	if x == nil {
		t.Fatal(problemText(problems))
	}
	if got := x.Conditions[0].With["body"]; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestForwardVariables are told from missing ones.
func TestForwardVariables(t *testing.T) {
	for vars, want := range map[string]string{
		`{a: "${b}", b: x}`:      "variable b is not set yet",
		`{a: "${b}", b: "${a}"}`: "variable b is not set yet", // and not another for the use of a, which is not missing
		`{a: "${a}"}`:            "variable a is not set yet",
		`{a: [x], b: "${a}"}`:    "expected text",
	} {
		text := vary("vars", vars) + "stop: [{of: '${a}', when: p95 > 2s}]\n"
		_, problems := Parse([]byte(text), Options{File: "f.yaml"})
		if len(problems) != 1 || problems[0].Message != want {
			t.Errorf("%s: %s", vars, problemText(problems))
		}
	}
}

// TestUnitHint speaks of json_path only where there is one.
func TestUnitHint(t *testing.T) {
	for measure, want := range map[string]bool{"of: http, http: GET http://h/": true, "of: invoke, lambda: f": true, "of: load.shop": false} {
		_, problems := Parse([]byte(vary("measures", "[{name: m, "+measure+", expect: p95 < 5}]")), Options{File: "f.yaml"})
		if len(problems) != 1 || strings.Contains(problems[0].Hint, "json_path") != want {
			t.Errorf("%s: %s", measure, problemText(problems))
		}
	}
}
