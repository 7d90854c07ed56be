package experiment

import (
	"strings"
	"testing"
	"time"
)

const settable = `version: 1
title: T
objective: It holds
vars: {delay: 10ms, share: 50%}
load:
  shop: {http: GET http://127.0.0.1/, rate: 20/s}
measures:
  - {name: latency, of: load.shop, expect: p95 < 1s}
conditions:
  - {name: slow inventory, fault: latency, target: {lambda: inventory}, with: {min: 1ms, max: 20ms}, percentage: "${share}"}
  - {name: "no = cards", fault: latency, target: {lambda: payment}, with: {min: "${delay}"}}
phases: {baseline: 10s, fault: 10s}
`

func parseSet(t *testing.T, settings ...string) (*Experiment, []Problem) {
	t.Helper()
	o := options("t.yaml")
	for _, text := range settings {
		s, err := ParseSetting(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != text {
			t.Errorf("%q became %q", text, s)
		}
		o.Set = append(o.Set, s)
	}
	return Parse([]byte(settable), o)
}

func TestSettings(t *testing.T) {
	latency := func(i int, name string) func(x *Experiment) any {
		return func(x *Experiment) any { return x.Conditions[i].With[name] }
	}
	for _, test := range []struct {
		set  string
		got  func(x *Experiment) any
		want any
	}{
		{"conditions[0].with.max=300ms", latency(0, "max_latency"), 300.0},
		{`conditions["slow inventory"].with.max=300ms`, latency(0, "max_latency"), 300.0},
		{`conditions["no = cards"].percentage=30`, func(x *Experiment) any { return x.Conditions[1].Percentage }, 30.0},
		{"conditions[0].with.{min,max}=0.4s", latency(0, "min_latency"), 400.0},
		{"load.shop.rate=80/s", func(x *Experiment) any { return x.Loads[0].Rate[0].To }, 80.0},
		{"phases.fault=90s", func(x *Experiment) any { return x.Phases.Fault }, 90 * time.Second},
		{"lease=20s", func(x *Experiment) any { return x.Lease }, 20 * time.Second},
		{"delay=70ms", latency(1, "min_latency"), 70.0},
		{"vars.delay=70ms", latency(1, "min_latency"), 70.0},
		{"share=7%", func(x *Experiment) any { return x.Conditions[0].Percentage }, 7.0},
	} {
		x, found := parseSet(t, test.set)
		if x == nil {
			t.Errorf("%s: %s", test.set, problemText(found))
			continue
		}
		if got := test.got(x); got != test.want {
			t.Errorf("%s: got %v, want %v", test.set, got, test.want)
		}
	}
}

func TestSettingsThatAreWrong(t *testing.T) {
	for _, test := range []struct{ set, want string }{
		{"conditions[2].with.max=1s", `t.yaml:10:3: conditions: has 2 items, counted from 0: there is no [2]: "[2]"` + "\n" + `  hint: one of ["slow inventory"], ["no = cards"]`},
		{`conditions["slow"].with.max=1s`, `conditions: has no item of the name "slow"`},
		{"conditions.with=1s", "conditions: is a list, which has no keys"},
		{"load.shop[0]=1", "load.shop: is no list"},
		{"load.stop.rate=1/s", `load: has no key "stop": "stop"` + "\n" + `  hint: did you mean "shop"?`},
		{"load.shop.rate.x=1/s", "load.shop.rate: has no parts"},
		{"conditions[0].with.maxi=1s", `t.yaml:10:79: conditions[0].with.maxi`},
		{"conditions[0].with.max=fast", `conditions[0].with.max`},
		{"conditions[0].with.max=0.1ms", `conditions[0].with`}, // below min
		{"phases.fault=10", `phases.fault: has no unit: "10"`},
		{"dely=10ms", "dely: is set, but is neither a key of the file nor a variable that it uses\n  hint: did you mean \"delay\"?"},
	} {
		x, found := parseSet(t, test.set)
		if x != nil || !strings.Contains(problemText(found), test.want) {
			t.Errorf("%s: want %q, got\n%s", test.set, test.want, problemText(found))
		}
	}
}

func TestPathsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "a key is expected at character 1",
		"[0].a=1":                        "a key is expected at character 1",
		"{a,b}=1":                        "a key is expected at character 1",
		"a..b=1":                         "a key is expected at character 3",
		"a[=1":                           "a bracket is left open",
		"a[x]=1":                         "a number, counted from 0, or a name in quotes",
		"a[-1]=1":                        "a number, counted from 0",
		`a["x=1`:                         "has no value",
		`a["x"=1`:                        "a bracket is left open",
		"a.{b=1":                         "a brace is left open",
		"a.{b}.c=1":                      "a brace is left open, or is not the end",
		"a.{b,b}=1":                      "the key b is there twice",
		"a.{}=1":                         "keys with commas",
		"a b=1":                          "a dot or a bracket is expected at character 2",
		"a":                              "has no value: write PATH=VALUE",
		"=1":                             "a key is expected",
		strings.Repeat("a.", 99) + "a=1": "more than 16 steps",
	} {
		if _, err := ParseSetting(text); err == nil || !strings.Contains(err.Error(), want) {
			if text == "" && err != nil {
				continue
			}
			t.Errorf("%q: want %q, got %v", text, want, err)
		}
	}
}

// FuzzSetting looks for settings that make Parse panic, or that it accepts in another place than they say.
func FuzzSetting(f *testing.F) {
	for _, seed := range []string{"conditions[0].with.{min,max}=1s", `conditions["slow inventory"].percentage=5`, "delay=1ms", "vars.delay=${x}", "load=1", "a[0", "phases.fault=", "title=${api}", "version[0].x=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSetting(text)
		if err != nil {
			return
		}
		o := options("t.yaml")
		o.Set = []Setting{s}
		x, problems := Parse([]byte(settable), o)
		if (x == nil) != anyFatal(problems) {
			t.Fatalf("x is %v with problems:\n%s", x, problemText(problems))
		}
		if again, err := ParsePath(s.Path.String()); err != nil || len(again.ways) != len(s.Path.ways) {
			t.Errorf("the path %q is not read again: %v", s.Path, err)
		}
		if x != nil {
			checkAccepted(t, x)
		}
	})
}
