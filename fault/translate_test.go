package fault

import (
	"os"
	"slices"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	for doc, want := range map[string]string{
		`hello`: "",
		`{}`:    FormatFailure1,
		`{"latency":{"enabled":true,"min_latency":1},"x":1}`: FormatFailure1,
		`{"corruption":{"enabled":true,"body":"x"}}`:         FormatFailure1,
		`{"statuscode":{"enabled":true,"body":"x"}}`:         FormatFiredrill,
		`{"latency":{"enabled":true,"mean":1}}`:              FormatFiredrill,
		`{"fail-after":{"enabled":true}}`:                    FormatFiredrill,
		`{"firedrill":{}}`:                                   FormatFiredrill,
		`{"isEnabled":true,"failureMode":"latency"}`:         FormatFailure0,
		`{"failureMode":"latency","firedrill":{}}`:           FormatFailure0,
		`{"is_enabled":true,"fault_type":"latency"}`:         FormatChaos,
		`{"isEnabled":true,"delay":400,"rate":1}`:            FormatChaosOlder,
	} {
		if got := Translate([]byte(doc)).Format; got != want {
			t.Errorf("%s: %q, want %q", doc, got, want)
		}
	}
}

// Whatever the vectors hold, the translation of a document decides as the document does.
func TestTranslationDecidesAlike(t *testing.T) {
	vectors, err := LoadVectors(os.DirFS("testdata/vectors"))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors {
		decidesAlike(t, v.Source())
	}
}

func decidesAlike(t *testing.T, doc []byte) {
	t.Helper()
	translated, err := Translate(doc).Document()
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	before, _ := Parse(doc)
	after, problems := Parse(translated)
	if before.Empty() != after.Empty() {
		t.Fatalf("%s became %s: %v", doc, translated, problems)
	}
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for i := range 20 {
		inv := Invocation{RequestID: string(rune('a' + i)), Event: []byte(`{"a":{"b":1},"Records":[]}`), Deadline: now.Add(3 * time.Second)}
		x, y := before.Plan(inv, now), after.Plan(inv, now)
		if !slices.EqualFunc(x.Before, y.Before, sameInjection) || !slices.EqualFunc(x.After, y.After, sameInjection) {
			t.Errorf("%s plans %+v, its translation %s plans %+v", doc, x, translated, y)
		}
	}
}

// sameInjection compares what a host is told to do.
func sameInjection(x, y Injection) bool {
	event := []byte(`{"statusCode":200,"body":"hello, world: a text to mangle"}`)
	corrupted := func(i Injection) string {
		out, changed := i.Corrupt(event)
		if !changed {
			return ""
		}
		return string(out)
	}
	return x.Kind == y.Kind && x.Skip == y.Skip && x.Delay == y.Delay && x.ErrorType == y.ErrorType && x.ErrorMessage == y.ErrorMessage &&
		string(x.Payload) == string(y.Payload) && x.Status == y.Status && x.Body == y.Body && x.Usage == y.Usage && corrupted(x) == corrupted(y)
}

// The same over documents that nobody wrote.
func FuzzTranslate(f *testing.F) {
	f.Add([]byte(`{"isEnabled":true,"failureMode":"latency","rate":0.29,"minLatency":1,"maxLatency":2.5}`))
	f.Add([]byte(`{"is_enabled":true,"fault_type":"status_code","error_code":404,"rate":0.5,"firedrill":{"seed":7}}`))
	f.Add([]byte(`{"is_enabled":true,"fault_type":"exception","exception_msg":"\u2028<x>"}`))
	f.Fuzz(func(t *testing.T, doc []byte) { decidesAlike(t, doc) })
}
