package account

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPolicyText(t *testing.T) {
	const ours = `{"Sid":"FiredrillX","Effect":"Deny"}`
	for name, c := range map[string]struct{ text, want string }{
		"none":           {noPolicy, `{"Version":"2012-10-17","Statement":[` + ours + `]}`},
		"empty, spaced":  {`{"Statement": [ ] }`, `{"Statement": [` + ours + ` ] }`},
		"list":           {`{"Statement": [ {"Sid":"A"} , {} ], "Id":"x"}`, `{"Statement": [ {"Sid":"A"} , {},` + ours + ` ], "Id":"x"}`},
		"one statement":  {`{"Statement": {"Sid":"A"}}`, `{"Statement": [{"Sid":"A"},` + ours + `]}`},
		"escaped name":   {`{"Statemen\u0074":[{}]}`, `{"Statemen\u0074":[{},` + ours + `]}`},
		"nested look":    {`{"Id":"\"Statement\":[","Statement":[{"Statement":[{}]}]}`, `{"Id":"\"Statement\":[","Statement":[{"Statement":[{}]},` + ours + `]}`},
		"other's of run": {`{"Statement":[{"Sid":"FiredrillY"}]}`, `{"Statement":[{"Sid":"FiredrillY"},` + ours + `]}`},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := parsePolicy(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, doc.with(ours)); diff != "" {
				t.Errorf("with (-want +got):\n%s", diff)
			}
			with, err := parsePolicy(doc.with(ours))
			if err != nil {
				t.Fatal(err)
			}
			rest := with.without("FiredrillX")
			if canonical(rest.text) != canonical(c.text) || doc.list && rest.text != c.text {
				t.Errorf("without = %s, want %s", rest.text, c.text)
			}
		})
	}
}

func TestPolicyWithoutOursAmongOthers(t *testing.T) {
	const o = `{"Sid":"X"}`
	for text, want := range map[string]string{
		`{"Statement":[` + o + `, {"Sid":"A"}]}`:                    `{"Statement":[{"Sid":"A"}]}`,
		`{"Statement":[{"Sid":"A"} , ` + o + ` , {"Sid":"B"}]}`:     `{"Statement":[{"Sid":"A"} , {"Sid":"B"}]}`,
		`{"Statement":[` + o + `,` + o + `,{"Sid":"A"},` + o + `]}`: `{"Statement":[{"Sid":"A"}]}`,
		`{"Statement":` + o + `}`:                                   `{"Statement":[]}`,
		`{"Statement":[{}]}`:                                        `{"Statement":[{}]}`,
		`{"Statement":[{"Sid":7},{"Sid":"x"}]}`:                     `{"Statement":[{"Sid":7},{"Sid":"x"}]}`,
	} {
		doc, err := parsePolicy(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.without("X").text; got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestPolicyThatIsNone(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "not JSON",
		"[]":                              "not a JSON object",
		"{}":                              "no Statement",
		`{"Statement":[],"Statement":[]}`: "twice",
		`{"Statement":7}`:                 "neither",
		`{"Statement":["a"]}`:             "statement 1 is not an object",
		`{"Statement":[{}]} x`:            "not JSON",
	} {
		if _, err := parsePolicy(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestCanonical(t *testing.T) {
	same := [][2]string{
		{`{"Action":["a"]}`, `{ "Action" : "a" }`},
		{`{"Principal":"*"}`, `{"Principal":{"AWS":["*"]}}`},
		{`{"Action":["b","a"]}`, `{"Action":["a","b"]}`},
		{`{"Condition":{"Bool":{"x":true}}}`, `{"Condition":{"Bool":{"x":"true"}}}`},
		{`{"Condition":{"NumericLessThan":{"x":1e3}}}`, `{"Condition":{"NumericLessThan":{"x":"1e3"}}}`},
	}
	for _, c := range same {
		if canonical(c[0]) != canonical(c[1]) {
			t.Errorf("%s and %s are told apart", c[0], c[1])
		}
	}
	other := [][2]string{
		{`{"Action":"a"}`, `{"Action":"b"}`},
		{`{"Statement":[{"Sid":"A"},{"Sid":"B"}]}`, `{"Statement":[{"Sid":"A"}]}`},
		{"", noPolicy},
	}
	for _, c := range other {
		if canonical(c[0]) == canonical(c[1]) {
			t.Errorf("%s and %s are not told apart", c[0], c[1])
		}
	}
}

// FuzzPolicy: whatever the policy, ours is added to it and taken out again, and the rest is what it was, to the letter
// where there was a list.
func FuzzPolicy(f *testing.F) {
	for _, seed := range []string{noPolicy, typedPolicy, `{"Statement":{}}`, `{"Statement":[ ]}`, `{"Statement":[{"Sid":"FiredrillX"},{}]}`, `{"Statement":null}`, "{", `[1]`} {
		f.Add(seed)
	}
	end := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := parsePolicy(text)
		if err != nil || doc.index("FiredrillX") >= 0 {
			return
		}
		ours, err := statement{Sid: "FiredrillX", Effect: "Deny", Action: []string{"s3:GetObject"}, Resource: "*"}.until(end)
		if err != nil {
			t.Fatal(err)
		}
		text2 := doc.with(ours)
		with, err := parsePolicy(text2)
		if err != nil || !json.Valid([]byte(text2)) {
			t.Fatalf("%s became %s: %v", text, text2, err)
		}
		if got, ok := with.statement("FiredrillX"); !ok || got != ours || len(with.statements) != len(doc.statements)+1 {
			t.Fatalf("%s became %s", text, text2)
		}
		rest := with.without("FiredrillX")
		if doc.list && rest.text != text || canonical(rest.text) != canonical(text) {
			t.Fatalf("%s came back as %s", text, rest.text)
		}
		longer := extendDenial(kept{Policy: text2}, kept{Policy: text2, Sid: "FiredrillX"}, end.Add(time.Hour))
		if !sameDenial(ourStatement(longer.Policy, "FiredrillX"), ours) || !strings.Contains(longer.Policy, "T11:00:00Z") {
			t.Fatalf("extended to %s", longer.Policy)
		}
	})
}
