package fault

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestMarkText(t *testing.T) {
	for _, c := range []struct {
		mark Mark
		want string
	}{
		{Mark{[]Kind{Latency}, "01JABC"}, "latency;run=01JABC"},
		{Mark{[]Kind{Latency, Corruption}, ""}, "latency,corruption"},
		{Mark{nil, "01JABC"}, "none;run=01JABC"},
		{Mark{[]Kind{FailAfter}, "a\r\nSet-Cookie: x=\"1\"\\;é"}, "fail-after;run=a__Set-Cookie:_x__1____"},
		{Mark{nil, strings.Repeat("x", 1000)}, "none;run=" + strings.Repeat("x", maxMarkText)},
	} {
		got := c.mark.String()
		if got != c.want {
			t.Errorf("%+v: %q, want %q", c.mark, got, c.want)
		}
		back, ok := ParseMark(got)
		if !ok || back.String() != got || len(back.Kinds) != len(c.mark.Kinds) {
			t.Errorf("%q reads as %+v, %v", got, back, ok)
		}
	}
	for _, value := range []string{"", ",", "latency,", "lat ency", "latency;run=a b", "latency; run=x", strings.Repeat("x", 65), strings.Repeat("x,", 40) + "x"} {
		if m, ok := ParseMark(value); ok {
			t.Errorf("%q reads as %+v", value, m)
		}
	}
}

func TestMarkOf(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	parse := func(text string) *Set { s, _ := Parse([]byte(text)); return s }
	armed := parse(`{"latency":{"enabled":true},"firedrill":{"run":"01J","expires_at":"2026-11-21T10:00:01Z"}}`)
	own := parse(`{"latency":{"enabled":true}}`)
	for _, c := range []struct {
		name  string
		set   *Set
		kinds []Kind
		now   time.Time
		want  string
	}{
		{"hit", armed, []Kind{Latency}, now, "latency;run=01J"},
		{"spared", armed, nil, now, "none;run=01J"},
		{"hit, and the lease is over by now", armed, []Kind{Latency}, now.Add(time.Minute), "latency;run=01J"},
		{"lease over", armed, nil, now.Add(time.Second), ""},
		{"hit by no run", own, []Kind{Latency}, now, "latency"},
		{"spared by no run", own, nil, now, ""},
		{"nothing armed", parse(`{"firedrill":{"run":"01J"}}`), nil, now, ""},
		{"no set", nil, nil, now, ""},
	} {
		mark, ok := c.set.MarkOf(c.kinds, c.now)
		if got := mark.String(); ok != (c.want != "") || (ok && got != c.want) {
			t.Errorf("%s: %q, %v, want %q", c.name, got, ok, c.want)
		}
	}
}

func TestMarkResponse(t *testing.T) {
	mark := Mark{[]Kind{Latency}, "r1"}
	const h = `"x-firedrill-fault":"latency;run=r1"`
	const multi = `"x-firedrill-fault":["latency;run=r1"]`
	for _, c := range []struct{ name, response, want string }{
		{"no headers", `{"statusCode":200,"body":"x"}`, `{"headers":{` + h + `},"statusCode":200,"body":"x"}`},
		{"spaced", " { \"statusCode\" : 200 }\n", " {\"headers\":{" + h + "}, \"statusCode\" : 200 }\n"},
		{"headers", `{"statusCode":200,"headers":{"a":"b"},"body":"\u00e9"}`, `{"statusCode":200,"headers":{` + h + `,"a":"b"},"body":"\u00e9"}`},
		{"empty headers", `{"headers":{ },"statusCode":"404"}`, `{"headers":{` + h + ` },"statusCode":"404"}`},
		{"null headers", `{"headers":null,"statusCode":200}`, `{"headers":{` + h + `},"statusCode":200}`},
		{"multi-value", `{"statusCode":200,"multiValueHeaders":{"a":["b"]}}`, `{"statusCode":200,"multiValueHeaders":{` + multi + `,"a":["b"]}}`},
		{"both", `{"statusCode":200,"headers":{},"multiValueHeaders":{}}`, `{"statusCode":200,"headers":{` + h + `},"multiValueHeaders":{` + multi + `}}`},
		{"null multi-value", `{"statusCode":200,"headers":null,"multiValueHeaders":null}`, `{"statusCode":200,"headers":{` + h + `},"multiValueHeaders":null}`},
		{"a mark from downstream", `{"statusCode":200,"headers":{"X-Firedrill-Fault":"exception;run=r0","a":"b"}}`, `{"statusCode":200,"headers":{"X-Firedrill-Fault":"latency;run=r1","a":"b"}}`},
		{"a key with escapes", `{"st\u0061tusCode":200}`, `{"headers":{` + h + `},"st\u0061tusCode":200}`},
		{"duplicate headers: the last counts", `{"statusCode":200,"headers":{"a":"b"},"headers":{}}`, `{"statusCode":200,"headers":{"a":"b"},"headers":{` + h + `}}`},
		{"inferred", `{"message":"hi"}`, ""},
		{"no status", `{"statusCode":null,"body":"x"}`, ""},
		{"strange status", `{"statusCode":"20x"}`, ""},
		{"status out of range", `{"statusCode":1000}`, ""},
		{"strange headers", `{"statusCode":200,"headers":"x"}`, ""},
		{"text", `"statusCode"`, ""},
		{"list", `[{"statusCode":200}]`, ""},
		{"nothing", ``, ""},
		{"cut off", `{"statusCode":200,"body":"x`, ""},
		{"something behind", `{"statusCode":200} x`, ""},
	} {
		in := []byte(c.response)
		out, changed := mark.Response(in)
		want := c.want
		if want == "" {
			want = c.response
		}
		if read := ReadMark(out); c.want != "" && c.name != "a mark from downstream" && read != mark.String() {
			t.Errorf("%s: %q is read from %s", c.name, read, out)
		}
		if string(out) != want || changed != (c.want != "") || string(in) != c.response {
			t.Errorf("%s: %s, %v, want %s", c.name, out, changed, want)
		}
	}
}

func TestMarkStream(t *testing.T) {
	mark := Mark{nil, "r1"}
	const begin = `{"statusCode":200,"cookies":["a"]}`
	for _, c := range []struct {
		name, begin, want string
		more              bool
	}{
		{"whole", begin + preludeEnd + "body\x00", `{"headers":{"x-firedrill-fault":"none;run=r1"},"statusCode":200,"cookies":["a"]}` + preludeEnd + "body\x00", false},
		{"part of the end", begin + preludeEnd[:7], begin + preludeEnd[:7], true},
		{"nothing yet", "", "", true},
		{"no JSON", "<html>" + preludeEnd + "x", "<html>" + preludeEnd + "x", false},
		{"no end", strings.Repeat("x", maxPrelude), strings.Repeat("x", maxPrelude), false},
	} {
		if out, more := mark.Stream([]byte(c.begin)); string(out) != c.want || more != c.more {
			t.Errorf("%s: %q, %v", c.name, cutBytes(string(out), 200), more)
		}
	}
}

// Whatever a response is, a mark changes nothing of it but the one header.
func FuzzMarkResponse(f *testing.F) {
	for _, seed := range []string{`{"statusCode":200}`, `{"headers":{"A":"b","a":1},"statusCode":"200","body":"\ud800"}`,
		`{"multiValueHeaders":{"a":[]},"statusCode":200}`, `{"statusCode":200,"headers":{"X-FIREDRILL-fault":null}}`, `[]`} {
		f.Add([]byte(seed), "01J")
	}
	f.Fuzz(func(t *testing.T, response []byte, run string) {
		out, changed := Mark{[]Kind{Latency}, run}.Response(response)
		if !changed {
			if !bytes.Equal(out, response) {
				t.Fatalf("%q became %q", response, out)
			}
			return
		}
		var before, after map[string]any
		if json.Unmarshal(response, &before) != nil || json.Unmarshal(out, &after) != nil {
			t.Fatalf("%q became %q", response, out)
		}
		unmark := func(object map[string]any) {
			for _, name := range []string{"headers", "multiValueHeaders"} {
				headers, _ := object[name].(map[string]any)
				for key := range headers {
					if strings.EqualFold(key, MarkHeader) {
						delete(headers, key)
					}
				}
				if len(headers) == 0 {
					delete(object, name)
				}
			}
		}
		unmark(before)
		unmark(after)
		if !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", response, out)
		}
	})
}

func FuzzParseMark(f *testing.F) {
	f.Add("latency,corruption;run=01J")
	f.Add("none")
	f.Fuzz(func(t *testing.T, value string) {
		m, ok := ParseMark(value)
		if !ok {
			return
		}
		if again, ok := ParseMark(m.String()); !ok || !reflect.DeepEqual(again, m) {
			t.Errorf("%q: %+v, then %+v", value, m, again)
		}
	})
}
