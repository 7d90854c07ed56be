package flag

import (
	"errors"
	"strings"
	"testing"
)

var somebody = Attributes{"userId": "42", "email": "a@example.com", "age": 30.0, "beta": true, "state": "Virginia"}

func TestRules(t *testing.T) {
	for _, test := range []struct {
		rule      string
		want      bool
		undecided bool
	}{
		{`(eq $userId "42")`, true, false},
		{`(eq $userId 42)`, true, false},
		{`(eq $userId "43")`, false, false},
		{`(eq $nobody "43")`, false, false},
		{`(not (eq $userId "43"))`, true, false},
		{`(and (eq $state "Virginia") (gt $age 29) (lte $age 30))`, true, false},
		{`(or (eq $state "Ohio") (lt $age 29))`, false, false},
		{`(in $userId ["41", "42"])`, true, false},
		{`(in $userId ["41" "43"])`, false, false},
		{`(begins_with $state "V")`, true, false},
		{`(ends_with $email "@example.com")`, true, false},
		{`(contains $email "@")`, true, false},
		{`(exists key::"email")`, true, false},
		{`(exists key::"phone")`, false, false},
		{`(eq $beta true)`, true, false},
		{`(split pct::10 by::$userId)`, false, true},
		{`(matches in::$email pattern::".*")`, false, true},
		{`(gt $email 3)`, false, true},
		{`(gt $age 2012-03-04)`, false, true},
		{`(eq $state "a\"b")`, false, true},
	} {
		got, err := evaluateRule(test.rule, somebody)
		if got != test.want || errors.Is(err, ErrUndecided) != test.undecided || (err != nil) != test.undecided {
			t.Errorf("%s = %v, %v", test.rule, got, err)
		}
	}
	for _, rule := range []string{"", "(", "()", "eq", "(eq", `(eq $a "b"`, `(eq $a "b")) `, `(not)`, `(eq ) )`, `(in $a [)`, `(and 3)`, `(exists)`, strings.Repeat("(not ", 200), strings.Repeat("(in [", 200)} {
		if got, err := evaluateRule(rule, somebody); err == nil {
			t.Errorf("%q = %v", rule, got)
		}
	}
}

func TestLogic(t *testing.T) {
	for _, test := range []struct {
		rule, want string // want: a variant, or "undecided", or "error"
	}{
		{`{"if":[{"==":[{"var":"userId"},"42"]},"on"]}`, "on"},
		{`{"if":[{"==":[{"var":["userId"]},42]},"on","off"]}`, "on"},
		{`{"if":[{"===":[{"var":"userId"},42]},"on","off"]}`, "off"},
		{`{"if":[{"!=":[{"var":"userId"},"42"]},"on"]}`, ""},
		{`{"if":[{"!==":[{"var":"userId"},"42"]},"on"]}`, ""},
		{`{"if":[{"==":[{"var":"x"},"42"]},"off",{"<":[{"var":"age"},31]},"on","off"]}`, "on"},
		{`{"if":[{">=":[{"var":"age"},30]},"on"]}`, "on"},
		{`{"if":[{"and":[{"var":"beta"},{"in":[{"var":"state"},["Ohio","Virginia"]]}]},"on"]}`, "on"},
		{`{"if":[{"or":[{"var":"x"},{"!":[{"var":"beta"}]}]},"on"]}`, ""},
		{`{"if":[{"!!":{"var":"beta"}},"on"]}`, "on"},
		{`{"if":[{"in":["@example.com",{"var":"email"}]},"on"]}`, "on"},
		{`{"if":[{"starts_with":[{"var":"email"},"a@"]},{"if":[{"ends_with":[{"var":"email"},".org"]},"off","on"]}]}`, "on"},
		{`{"if":[{"var":["x","on"]},"on"]}`, "on"},
		{`{"==":[1,2]}`, "off"}, // flagd takes true and false for the variants of that name
		{`null`, ""},
		{`{}`, ""},
		{`"on"`, "on"},
		{`{"fractional":[["on",50],["off",50]]}`, "undecided"},
		{`{"if":[{"==":[{"var":"a.b"},"42"]},"on"]}`, "undecided"},
		{`{"if":[{"==":[{"var":"beta"},"true"]},"on"]}`, "undecided"},
		{`{"if":[{"<":[{"var":"email"},3]},"on"]}`, "undecided"},
		{`{"$ref":"others"}`, "undecided"},
		{`{"if":[true,"nothing"]}`, "error"},
		{`3`, "error"},
		{`{"!":[1,2]}`, "error"},
		{`{"==":[1]}`, "error"},
		{`{"a":1,"b":2}`, "error"},
		{strings.Repeat(`{"!":`, 300) + "1" + strings.Repeat("}", 300), "error"},
	} {
		doc := `{"flags":{"f":{"state":"ENABLED","variants":{"on":1,"off":2,"false":2,"":0},"defaultVariant":"","targeting":` + test.rule + `}}}`
		if test.rule == `{"==":[1,2]}` {
			test.want = "false"
		}
		e, err := Flagd().Evaluate([]byte(doc), "f", somebody)
		got := e.Variant
		switch {
		case errors.Is(err, ErrUndecided):
			got = "undecided"
		case err != nil:
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s = %q, %v; want %q", test.rule, got, err, test.want)
		}
	}
}

// TestRefusals: what cannot be turned on for sure is not touched.
func TestRefusals(t *testing.T) {
	flagd := func(rest string) string {
		return `{"flags":{"f":{"variants":{"on":true,"off":false},"defaultVariant":"off",` + rest + `}}}`
	}
	for _, test := range []struct {
		name   string
		format Format
		doc    string
		order  Order
		want   string
	}{
		{"no such flag", Flagd(), flagd(`"state":"ENABLED"`), Order{Flag: "g"}, `no flag "g"`},
		{"disabled", Flagd(), flagd(`"state":"DISABLED"`), Order{Flag: "f"}, "DISABLED"},
		{"no such variant", Flagd(), flagd(`"state":"ENABLED"`), Order{Flag: "f", Variant: "blue"}, `no variant "blue"`},
		{"no variant on", Flagd(), strings.Replace(flagd(`"state":"ENABLED"`), `"on"`, `"blue"`, 1), Order{Flag: "f"}, "called on"},
		{"on already", Flagd(), flagd(`"state":"ENABLED","targeting":{"if":[{"==":[{"var":"cohort"},"beta"]},"on"]}`), Order{Flag: "f"}, "already"},
		{"on for all", Flagd(), strings.Replace(flagd(`"state":"ENABLED"`), `"defaultVariant":"off"`, `"defaultVariant":"on"`, 1), Order{Flag: "f"}, "already"},
		{"a fraction", Flagd(), flagd(`"state":"ENABLED","targeting":{"fractional":[["on",1],["off",99]]}`), Order{Flag: "f"}, "cannot be evaluated"},
		{"not JSON", Flagd(), `flags: {}`, Order{Flag: "f"}, "not JSON"},
		{"two documents", Flagd(), `{} {}`, Order{Flag: "f"}, "something follows"},
		{"a list", Flagd(), `{"flags":[]}`, Order{Flag: "f"}, "not an object"},
		{"twice", Flagd(), `{"flags":{"f":{},"f":{}}}`, Order{Flag: "f"}, "twice"},
		{"no default", AppConfig(), `{"values":{"f":{"_variants":[{"name":"x","enabled":true,"rule":"(exists key::\"a\")"}]}}}`, Order{Flag: "f"}, "default"},
		{"a split", AppConfig(), `{"values":{"f":{"_variants":[{"name":"x","enabled":true,"rule":"(split pct::10 by::$a)"},{"name":"Default","enabled":false}]}}}`, Order{Flag: "f"}, "cannot be evaluated"},
		{"enabled", AppConfig(), `{"values":{"f":{"enabled":true}}}`, Order{Flag: "f"}, "already"},
		{"null", AppConfig(), `{"values":{"f":null}}`, Order{Flag: "f"}, "null"},
	} {
		test.order.Cohort, test.order.Run = Cohort{"cohort", "beta"}, "RUN"
		if next, err := test.format.added([]byte(test.doc), test.order); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %s", test.name, err, next)
		}
	}
}

func TestVariantsAttributes(t *testing.T) {
	doc := `{"values":{"f":{"_variants":[{"name":"QA","enabled":true,"rule":"(eq $cohort \"qa\")","attributeValues":{"rate":7}},{"name":"Default","enabled":false,"attributeValues":{"rate":1}}]}}}`
	for variant, want := range map[string]string{"": `{"enabled":true,"rate":1}`, "QA": `{"enabled":true,"rate":7}`} {
		next, err := AppConfig().added([]byte(doc), Order{Flag: "f", Variant: variant, Cohort: Cohort{"cohort", "beta"}, Run: "RUN"})
		if err != nil {
			t.Fatal(err)
		}
		if e, err := AppConfig().Evaluate(next, "f", Attributes{"cohort": "beta"}); err != nil || string(e.Value) != want || e.Reason != ReasonTargeted {
			t.Errorf("variant %q: %s, %v", variant, e, err)
		}
		if e, err := AppConfig().Evaluate(next, "f", Attributes{"cohort": "gamma"}); err != nil || string(e.Value) != `{"enabled":false}` || e.Reason != ReasonDefault {
			t.Errorf("others: %s, %v", e, err)
		}
	}
}

func TestParseCohort(t *testing.T) {
	for _, text := range []string{"", "a", "a=", "=b", "a.b=c", "1a=b", `a=b"c`, `a=b\c`, "a=b\nc", "a=" + strings.Repeat("x", 300), "a=\xff"} {
		if c, err := ParseCohort(text); err == nil {
			t.Errorf("%q is %v", text, c)
		}
	}
	if c, err := ParseCohort("cohort=beta=1 ü"); err != nil || c != (Cohort{"cohort", "beta=1 ü"}) {
		t.Errorf("%v, %v", c, err)
	}
}

// FuzzAdded: whatever the document, what is added comes out again and leaves what was there.
func FuzzAdded(f *testing.F) {
	for _, doc := range []string{
		`{"flags":{"f":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off","targeting":{"if":[{"in":["@x",{"var":"email"}]},"on"]}}}}`,
		`{"values":{"f":{"_variants":[{"name":"QA","enabled":true,"rule":"(and (eq $a \"b\") (in $c [1, \"2\"]))"},{"name":"Default","enabled":false}]}}}`,
		`{"values":{"f":{"enabled":false,"x":1}}}`, `{"flags":{"f":{"f":{}}}}`,
	} {
		f.Add(doc, "beta")
	}
	f.Fuzz(func(t *testing.T, doc, value string) {
		c, err := ParseCohort("cohort=" + value)
		if err != nil {
			return
		}
		o := Order{Flag: "f", Cohort: c, Run: "RUN"}
		for _, format := range Formats() {
			next, err := format.added([]byte(doc), o)
			if err != nil {
				continue
			}
			u := record{Order: o, Original: []byte(doc), Format: format.Name}
			back, _, drift, err := u.restore(format, next)
			if err != nil || drift != "" || canonical(back) != canonical([]byte(doc)) {
				t.Errorf("%s -> %s -> %s (%q, %v)", doc, next, back, drift, err)
			}
		}
	})
}

func FuzzRule(f *testing.F) {
	f.Add(`(and (eq $state "Virginia") (in $userId ["1", 2]) (exists key::"a"))`)
	f.Fuzz(func(t *testing.T, rule string) { _, _ = evaluateRule(rule, somebody) })
}

// TestRuleOfNames refuses names of names without end, as it does brackets in brackets.
func TestRuleOfNames(t *testing.T) {
	for _, name := range []string{"k::", "k:: "} {
		_, err := evaluateRule("(eq "+strings.Repeat(name, 2000)+`"x" "x")`, Attributes{})
		if err == nil || !strings.Contains(err.Error(), "nested deeper") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
