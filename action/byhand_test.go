package action

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
)

// at is when people edit by hand in these tests.
var at = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

func percent(p float64) *float64 { return &p }

func TestSwitchOn(t *testing.T) {
	in := at.Add(15 * time.Minute)
	for _, c := range []struct {
		name, before string
		s            Switch
		want         string
		notes        string
	}{
		{"into nothing", "", Switch{Kind: "latency", With: fault.Attributes{"min": "100ms"}, Expires: in},
			`{"latency":{"enabled":true,"min_latency":100},"firedrill":{"expires_at":"2026-11-21T10:15:00Z"}}`, ""},
		{"settings stay", `{"latency":{"enabled":false,"min_latency":1e2,"max_latency":400,"percentage":5,"match":[{"path":"a","value":"b"}]}}`, Switch{Kind: "latency", Expires: in},
			`{"latency":{"enabled":true,"min_latency":1e2,"max_latency":400,"percentage":5,"match":[{"path":"a","value":"b"}]},"firedrill":{"expires_at":"2026-11-21T10:15:00Z"}}`, ""},
		{"settings change, under another name", `{"latency":{"enabled":true,"min_latency":100,"max_latency":400,"note":"ours"}}`,
			Switch{Kind: "latency", With: fault.Attributes{"max": "0.2s"}, Percentage: percent(7), Match: []fault.Condition{}},
			`{"latency":{"enabled":true,"min_latency":100,"max_latency":200,"note":"ours","percentage":7}}`, ""},
		{"a wrong setting is mended", `{"latency":{"enabled":true,"min_latency":-1}}`, Switch{Kind: "latency", With: fault.Attributes{"min_latency": 1.0}, Match: []fault.Condition{}},
			`{"latency":{"enabled":true,"min_latency":1}}`, ""},
		{"a lease of a part of a second", `{}`, Switch{Kind: "exception", Expires: at.Add(time.Millisecond)},
			`{"exception":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:00:01Z"}}`, ""},
		{"match goes", `{"exception":{"enabled":true,"match":[{"path":"a","value":"b"}]}}`, Switch{Kind: "exception", Match: []fault.Condition{}},
			`{"exception":{"enabled":true}}`, ""},
		{"match comes", `{}`, Switch{Kind: "exception", Match: []fault.Condition{{Path: "a", Operator: "exists"}}},
			`{"exception":{"enabled":true,"match":[{"path":"a","operator":"exists"}]}}`, ""},
		{"the rest stays", `{"x":[1.50],"denylist":{"enabled":false,"deny_list":["a"]},"firedrill":{"seed":18446744073709551615,"more":null}}`, Switch{Kind: "exception", Expires: in},
			`{"x":[1.50],"denylist":{"enabled":false,"deny_list":["a"]},"exception":{"enabled":true},"firedrill":{"seed":18446744073709551615,"more":null,"expires_at":"2026-11-21T10:15:00Z"}}`, ""},
		{"one lease for all", `{"timeout":{"enabled":true}}`, Switch{Kind: "exception", Expires: in},
			`{"timeout":{"enabled":true},"exception":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:15:00Z"}}`, "timeout ends with it"},
		{"no lease for any", `{"timeout":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:01:00Z"}}`, Switch{Kind: "exception"},
			`{"timeout":{"enabled":true},"exception":{"enabled":true}}`, "timeout has none any more"},
		{"what is over does not come back", `{"timeout":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:00:00Z"}}`, Switch{Kind: "exception", Expires: in},
			`{"timeout":{"enabled":false},"exception":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:15:00Z"}}`, "timeout is switched off"},
		{"nor without a lease", `{"timeout":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T09:00:00Z"}}`, Switch{Kind: "exception"},
			`{"timeout":{"enabled":false},"exception":{"enabled":true}}`, "timeout is switched off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, notes, err := c.s.On([]byte(c.before), at)
			if err != nil {
				t.Fatal(err)
			}
			if canonical(got) != canonical([]byte(c.want)) {
				t.Errorf("got  %s\nwant %s", canonical(got), canonical([]byte(c.want)))
			}
			if all := strings.Join(notes, "\n"); (c.notes == "") != (all == "") || !strings.Contains(all, c.notes) {
				t.Errorf("notes %q, want %q", all, c.notes)
			}
			if set, problems := fault.Parse(got); set.Empty() || mistakes(problems) != nil {
				t.Errorf("functions read no fault: %v", problems)
			}
		})
	}
}

func TestSwitchRefuses(t *testing.T) {
	for _, c := range []struct {
		name, before string
		s            Switch
		want         string
	}{
		{"no kind", `{}`, Switch{Kind: "latenzy"}, "latenzy is not a kind of fault"},
		{"no attribute", `{}`, Switch{Kind: "latency", With: fault.Attributes{"max_latenzy": 1.0}}, "latency.max_latenzy: is not an attribute"},
		{"twice", `{}`, Switch{Kind: "latency", With: fault.Attributes{"max": "1s", "max_latency": 1.0}}, "is given twice"},
		{"out of range", `{}`, Switch{Kind: "statuscode", With: fault.Attributes{"status": 99.0}}, "statuscode.status: 99 is less than 100"},
		{"not with what is there", `{"latency":{"enabled":false,"min_latency":100}}`, Switch{Kind: "latency", With: fault.Attributes{"max": "5ms"}}, "less than min_latency 100"},
		{"wrong as it is", `{"latency":{"enabled":false,"min_latency":"soon"}}`, Switch{Kind: "latency"}, "latency.min_latency: soon is not a duration"},
		{"percentage", `{}`, Switch{Kind: "exception", Percentage: percent(101)}, "exception.percentage: 101"},
		{"percentage that is none", `{}`, Switch{Kind: "exception", Percentage: percent(math.NaN())}, "exception.percentage: NaN is not a number between 0 and 100"},
		{"percentage that is there", `{"exception":{"percentage":"x"}}`, Switch{Kind: "exception"}, "exception.percentage: x"},
		{"match", `{}`, Switch{Kind: "exception", Match: []fault.Condition{{Path: "a", Operator: "regex", Value: "("}}}, "exception.match[0].value: ("},
		{"no object", `{"exception":true}`, Switch{Kind: "exception"}, "the member exception is not an object"},
		{"no document", `hello`, Switch{Kind: "exception"}, "is not a JSON object"},
		{"an older document", `{"isEnabled":false,"failureMode":"latency"}`, Switch{Kind: "exception"}, "older tool's format"},
		{"a lease that cannot be read", `{"firedrill":{"expires_at":"soon"}}`, Switch{Kind: "exception"}, "firedrill.expires_at: soon is not an instant"},
		{"null", `{"firedrill":null}`, Switch{Kind: "exception"}, "firedrill: null is not an object"},
		{"a run", `{"latency":{"enabled":true},"firedrill":{"run":"01J","armed":["latency"],"expires_at":"2026-11-21T10:00:01Z"}}`, Switch{Kind: "exception"}, "run 01J has armed"},
		{"a run that died", `{"latency":{"enabled":true},"firedrill":{"run":"01J","armed":["latency"],"expires_at":"2026-11-21T10:00:00Z"}}`, Switch{Kind: "exception"}, "its lease ended"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := c.s.On([]byte(c.before), at)
			var refused *Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want a refusal: %s", err, c.want)
			}
		})
	}
}

func TestSwitchOff(t *testing.T) {
	const two = `{"latency":{"enabled":true,"min_latency":1e2},"exception":{"enabled":true},"x":1.50}`
	for _, c := range []struct {
		name, before string
		kinds        []fault.Kind
		want, off    string
	}{
		{"one", two, []fault.Kind{"latency"}, `{"latency":{"enabled":false,"min_latency":1e2},"exception":{"enabled":true},"x":1.50}`, "latency"},
		{"all", two, nil, `{"latency":{"enabled":false,"min_latency":1e2},"exception":{"enabled":false},"x":1.50}`, "latency,exception"},
		{"nothing is on", `{"latency":{"enabled":false}}`, nil, `{"latency":{"enabled":false}}`, ""},
		{"it is off", `{"latency":{"enabled":false}}`, []fault.Kind{"latency"}, `{"latency":{"enabled":false}}`, ""},
		{"nothing at all", ``, nil, ``, ""},
		{"failure-lambda 0.x", `{"isEnabled":true,"failureMode":"latency","rate":1}`, nil, `{"isEnabled":false,"failureMode":"latency","rate":1}`, "latency"},
		{"failure-lambda 0.x by kind", `{"isEnabled":true,"failureMode":"denylist","denylist":["a"]}`, []fault.Kind{"denylist"}, `{"isEnabled":false,"failureMode":"denylist","denylist":["a"]}`, "denylist"},
		{"chaos-lambda", `{"is_enabled":true,"fault_type":"status_code"}`, nil, `{"is_enabled":false,"fault_type":"status_code"}`, "status_code"},
		{"chaos-lambda, older", `{"isEnabled":true,"delay":5}`, nil, `{"isEnabled":false,"delay":5}`, "isEnabled"},
		{"of a run", `{"latency":{"enabled":true},"firedrill":{"run":"01J","armed":["latency"],"expires_at":"2026-11-21T10:00:01Z"}}`, []fault.Kind{"latency"},
			`{"latency":{"enabled":false},"firedrill":{"run":"01J","armed":["latency"],"expires_at":"2026-11-21T10:00:01Z"}}`, "latency"},
		{"of a run that died", `{"latency":{"enabled":true},"firedrill":{"run":"01J","armed":["latency"],"seed":7,"expires_at":"2026-11-21T10:00:00Z"}}`, nil,
			`{"latency":{"enabled":false},"firedrill":{"seed":7}}`, "latency"},
		{"the mark of a run that died", `{"firedrill":{"run":"01J","expires_at":"2026-11-21T10:00:00Z"}}`, nil, `{}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, off, err := Off([]byte(c.before), c.kinds, at)
			if err != nil || canonical(got) != canonical([]byte(c.want)) || strings.Join(off, ",") != c.off {
				t.Errorf("%s, off %v, %v", got, off, err)
			}
			again, off, err := Off(got, c.kinds, at)
			if string(again) != string(got) || len(off) != 0 || err != nil {
				t.Errorf("again: %s, off %v, %v", again, off, err)
			}
		})
	}
	for before, want := range map[string]string{`hello`: "is not a JSON object", two: "has no timeout"} {
		if _, _, err := Off([]byte(before), []fault.Kind{"timeout"}, at); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", before, err, want)
		}
	}
}

// Whatever a document is, editing it never panics, keeps what it does not edit, and leaves a document.
func FuzzByHand(f *testing.F) {
	f.Add([]byte(ownerText))
	f.Add([]byte(`{"isEnabled":true,"failureMode":"latency","firedrill":null}`))
	f.Add([]byte(`{"exception":{"enabled":true},"firedrill":{"run":"01J","expires_at":"2020-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		before, _ := decodeDocument(text)
		for _, edit := range []func() ([]byte, error){
			func() ([]byte, error) {
				next, _, err := Switch{Kind: "latency", Expires: at}.On(text, at)
				return next, err
			},
			func() ([]byte, error) { next, _, err := Off(text, nil, at); return next, err },
		} {
			next, err := edit()
			if err != nil {
				continue
			}
			after, err := decodeDocument(next)
			if err != nil {
				t.Fatalf("%s became %s: %v", text, next, err)
			}
			for name, raw := range before {
				if _, known := after[name]; !known && name != memberDrill {
					t.Errorf("%s is gone", name)
				}
				if attributesOf(fault.Kind(name)) == nil && name != memberDrill && name != "isEnabled" && name != "is_enabled" && canonical(raw) != canonical(after[name]) {
					t.Errorf("%s was %s, is %s", name, raw, after[name])
				}
			}
		}
	})
}

// Editing goes through the stores: nobody's write is lost, and nothing is written that changes nothing.
func TestEditor(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		e, err := p.factory().Editor(t.Context(), p.target)
		if err != nil {
			t.Fatal(err)
		}
		text, exists := p.get()
		now, err := e.Read(t.Context())
		if err != nil || string(now.Text) != text || now.Exists != exists || e.Key() == "" || e.String() == "" {
			t.Fatalf("%+v, %v", now, err)
		}
		if err := e.Update(t.Context(), func(now Content) (Content, error) { return now, nil }); err != nil {
			t.Error(err)
		}
		next := Content{Text: []byte(p.seal(`{"timeout":{"enabled":true}}`)), Exists: true}
		if err := e.Update(t.Context(), func(found Content) (Content, error) {
			if !found.Same(now) {
				t.Errorf("found %+v", found)
			}
			return next, nil
		}); err != nil {
			t.Fatal(err)
		}
		if text, exists := p.get(); text != string(next.Text) || !exists {
			t.Errorf("%q, %t", text, exists)
		}
		no := errors.New("no")
		if err := e.Update(t.Context(), func(Content) (Content, error) { return now, no }); !errors.Is(err, no) {
			t.Error(err)
		}
		if err := e.Update(t.Context(), func(Content) (Content, error) { return now, nil }); err != nil {
			t.Fatal(err)
		}
		if back, there := p.get(); back != string(now.Text) || there != now.Exists {
			t.Errorf("%q, %t is not what it was", back, there)
		}
	})
}

// A run must not prolong what somebody has switched on by hand for a while.
func TestRunRefusesFaultsByHand(t *testing.T) {
	path := filepath.Join(t.TempDir(), "faults.json")
	p := place{target: experiment.Target{File: path}, calls: &faults{}}
	for text, refused := range map[string]bool{
		`{"exception":{"enabled":true},"firedrill":{"expires_at":"2020-01-01T00:00:00Z"}}`:  true,
		`{"exception":{"enabled":true},"firedrill":{"expires_at":"2999-01-01T00:00:00Z"}}`:  true,
		`{"exception":{"enabled":false},"firedrill":{"expires_at":"2999-01-01T00:00:00Z"}}`: false,
		`{"exception":{"enabled":true}}`: false,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := p.action(t, p.factory(), p.latency()).Prepare(t.Context())
		if (err != nil) != refused || (refused && !strings.Contains(err.Error(), "switched on by hand (exception)")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Who switches a run's fault off by hand stops it: the run neither brings it back nor loses what was done by hand.
func TestOffByHandUnderARun(t *testing.T) {
	everywhere(t, func(t *testing.T, p place) {
		a, undo := p.applied(t, p.factory(), p.latency())
		e, err := p.factory().Editor(t.Context(), p.target)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Update(t.Context(), func(now Content) (Content, error) {
			text, off, err := Off(now.Text, nil, time.Now())
			if len(off) == 0 {
				t.Error("nothing was on")
			}
			return Content{Text: text, Exists: true}, err
		}); err != nil {
			t.Fatal(err)
		}
		if err := a.Renew(t.Context(), undo, 100); err == nil || !strings.Contains(err.Error(), "somebody else has removed or changed the fault latency") {
			t.Errorf("renewing: %v", err)
		}
		var drift *Drift
		if err := a.Revert(t.Context(), undo); !errors.As(err, &drift) {
			t.Errorf("undoing: %v", err)
		}
		text, _ := p.get()
		set, problems := fault.Parse(unsealed([]byte(text)))
		if !set.Empty() || set.Run() != "" || mistakes(problems) != nil {
			t.Errorf("left: %s, %v", text, problems)
		}
	})
}
