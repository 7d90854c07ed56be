package fault

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseBoundsTheDocument(t *testing.T) {
	big := `{"exception":{"enabled":true,"exception_msg":"` + strings.Repeat("x", maxDocument) + `"}}`
	deep := `{"exception":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`
	for name, doc := range map[string]string{"big": big, "deep": deep, "binary": "\x00\xff\xfe", "empty": ""} {
		set, problems := Parse([]byte(doc))
		if !set.Empty() || len(problems) != 1 || problems[0].Warning {
			t.Errorf("%s: empty %v, problems %v", name, set.Empty(), problems)
		}
		for _, p := range problems {
			if len(p.Value) > 200 {
				t.Errorf("%s: the problem quotes %d bytes", name, len(p.Value))
			}
		}
	}
}

func TestParseBoundsConditions(t *testing.T) {
	conditions := strings.Repeat(`{"path":"a","operator":"exists"},`, maxConditions) + `{"path":"a","operator":"exists"}`
	set, problems := Parse([]byte(`{"exception":{"enabled":true,"match":[` + conditions + `]}}`))
	if !set.Empty() || len(problems) != 1 || problems[0].Field != "exception.match" {
		t.Errorf("empty %v, problems %v", set.Empty(), problems)
	}
}

// Every problem is a line in the log of a function, whose owner may not have written the document.
func TestParseBoundsWhatItTells(t *testing.T) {
	long, strangers := strings.Repeat("x", 200_000), ""
	for i := range 2000 {
		strangers += fmt.Sprintf(`"x%d":1,`, i)
	}
	for name, doc := range map[string]string{
		"many mistakes":   `{"denylist":{"enabled":true,"deny_list":[` + strings.Repeat(`"(",`, 100_000) + `"x"]}}`,
		"many strangers":  `{` + strangers + `"x":1}`,
		"a long name":     `{"` + long + `":1}`,
		"a long pattern":  `{"exception":{"enabled":true,"match":[{"path":"a","operator":"regex","value":"(` + long + `"}]}}`,
		"a long host":     `{"outgoing":{"enabled":true,"refuse":true,"hosts":["[` + long + `"]}}`,
		"a long header":   `{"statuscode":{"enabled":true,"headers":{"` + long + `":1}}}`,
		"a long rate":     `{"isEnabled":true,"failureMode":"latency","rate":"` + long + `"}`,
		"a long operator": `{"exception":{"enabled":true,"match":[{"path":"a","operator":"` + long + `","value":""}]}}`,
		"wide characters": `{"` + strings.Repeat("\u0001", 1000) + `":1}`,
	} {
		set, problems := Parse([]byte(doc))
		size := 0
		for _, p := range problems {
			size += len(p.AppendJSON(nil, time.Unix(0, 0)))
		}
		if size == 0 || size > 32<<10 || !set.Empty() {
			t.Errorf("%s: %d problems take %d bytes of log, empty %t", name, len(problems), size, set.Empty())
		}
	}
	if _, problems := Parse([]byte(`{` + strangers + `"x":1}`)); anyFatal(problems) {
		t.Error("what is left out of a list of warnings is no warning")
	}
	_, problems := Parse([]byte(`{"denylist":{"enabled":true,"deny_list":[` + strings.Repeat(`"(",`, 99) + `"("]}}`))
	if last := problems[len(problems)-1]; last.Message != "80 more problems are not listed" || last.Warning {
		t.Errorf("the last problem is %+v", last)
	}
}

func TestNilSetInjectsNothing(t *testing.T) {
	var set *Set
	if !set.Empty() || set.HasOutgoing() || set.NeedsEvent() || set.Run() != "" || !set.Expires().IsZero() || set.Armed() != nil {
		t.Error("a nil set is not empty")
	}
	if plan := set.Plan(Invocation{}, time.Now()); !plan.Empty() {
		t.Errorf("a nil set plans %v", plan)
	}
	if _, hit := set.PlanOutgoing(Invocation{}, "a", time.Now()); hit {
		t.Error("a nil set plans an outgoing fault")
	}
}

func TestDrillIsReadable(t *testing.T) {
	set, problems := Parse([]byte(`{"firedrill":{"run":"01J","expires_at":"2026-11-21T10:00:00Z","armed":["latency"]}}`))
	if len(problems) > 0 || set.Run() != "01J" || len(set.Armed()) != 1 || set.Armed()[0] != Latency ||
		!set.Expires().Equal(time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("run %q, armed %v, expires %v, problems %v", set.Run(), set.Armed(), set.Expires(), problems)
	}
}

func FuzzParse(f *testing.F) {
	vectors, err := LoadVectors(os.DirFS("testdata/vectors"))
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		f.Add(v.Source(), []byte(`{"a":{"b":1}}`))
	}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, doc, event []byte) {
		set, problems := Parse(doc)
		for _, p := range problems {
			if p.Message == "" {
				t.Errorf("a problem says nothing: %+v", p)
			}
		}
		inv := Invocation{RequestID: "r-1", Event: event, Deadline: now.Add(time.Second)}
		plan := set.Plan(inv, now)
		for _, i := range append(plan.Before, plan.After...) {
			if i.Delay < 0 || i.Delay > 25*time.Hour {
				t.Errorf("%s: delay %v", i.Kind, i.Delay)
			}
			if i.corrupt != nil {
				i.Corrupt(event)
			}
		}
		set.PlanOutgoing(inv, "host:80", now)
	})
}

func TestRateIsToldAsItStands(t *testing.T) {
	for raw, want := range map[string]string{`1.5`: "1.5", `-0.5`: "-0.5", `"1"`: "1"} {
		set, problems := Parse([]byte(`{"isEnabled":true,"failureMode":"latency","rate":` + raw + `}`))
		if len(problems) != 1 || problems[0].Field != "rate" || problems[0].Value != want ||
			problems[0].Message != "is not a number between 0 and 1" || !set.Empty() {
			t.Errorf("rate %s: %+v", raw, problems)
		}
	}
}
