package fault

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func planOne(t *testing.T, doc string) Injection {
	t.Helper()
	set, problems := Parse([]byte(doc))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	plan := set.Plan(Invocation{RequestID: "r-1"}, time.Time{})
	return append(plan.Before, plan.After...)[0]
}

func TestCorruptStreamedHTTP(t *testing.T) {
	const stream = `{"statusCode":200,"headers":{"a":"b"}}` + preludeEnd + "hello, hello, hello"
	tests := []struct{ name, doc, want string }{
		{"replace", `{"corruption":{"enabled":true,"body":"x"}}`, `{"statusCode":200,"headers":{"a":"b"}}` + preludeEnd + "x"},
		{"status", `{"statuscode":{"enabled":true,"status_code":404,"keep_body":true}}`, `{"headers":{"a":"b"},"statusCode":404}` + preludeEnd + "hello, hello, hello"},
	}
	for _, test := range tests {
		if got, changed := planOne(t, test.doc).Corrupt([]byte(stream)); string(got) != test.want || !changed {
			t.Errorf("%s: %q, %v, want %q", test.name, got, changed, test.want)
		}
	}
	got, changed := planOne(t, `{"corruption":{"enabled":true}}`).Corrupt([]byte(stream))
	prelude, body, ok := strings.Cut(string(got), preludeEnd)
	if !changed || !ok || prelude != `{"statusCode":200,"headers":{"a":"b"}}` || !strings.HasSuffix(body, "\uFFFD\uFFFD\uFFFD") || len(body) >= 30 {
		t.Errorf("mangled stream %q", got)
	}
}

func TestStreamPayload(t *testing.T) {
	i := planOne(t, `{"statuscode":{"enabled":true,"status_code":503,"body":"no"}}`)
	if got, want := string(i.StreamPayload()), `{"statusCode":503,"headers":{"Content-Type":"application/json"}}`+preludeEnd+"no"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzCorrupt(f *testing.F) {
	for _, seed := range []string{`{"body":"héllo"}`, `{"body":null}`, `[]`, ``, `{"a":1}` + preludeEnd + "x", `{"body":"` + "\xff" + `"}`} {
		f.Add([]byte(seed), 0.5)
	}
	f.Fuzz(func(t *testing.T, response []byte, share float64) {
		before := string(response)
		for _, c := range []corruption{{replace: true, body: "b"}, {share: mangleMin + (mangleMax-mangleMin)*0.5}, {status: 404}} {
			out, changed := Injection{corrupt: &c}.Corrupt(response)
			if string(response) != before {
				t.Fatal("the response was modified")
			}
			if !changed && string(out) != before {
				t.Fatalf("unchanged, yet %q", out)
			}
			if changed && utf8.ValidString(before) && !utf8.Valid(out) {
				t.Fatalf("%q is not UTF-8", out)
			}
		}
	})
}
