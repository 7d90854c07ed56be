package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// Whatever the event: it is not modified, and what comes of it is JSON.
func FuzzPoisonEvent(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,{"c":2}]}}`, `[{"a":1},{"a":2}]`, `{"a":`, `null`, `{"*":{"a":1}}`, "{\"a\":\"\xff\"}"} {
		f.Add([]byte(seed), "a.b.*.c", "*.a", "x")
	}
	f.Fuzz(func(t *testing.T, event []byte, remove, nullify, replace string) {
		document, err := json.Marshal(map[string]any{"poison": map[string]any{"enabled": true,
			"remove": []string{remove}, "nullify": []string{nullify}, "replace": map[string]string{replace: "text"}}})
		if err != nil {
			t.Skip()
		}
		set, _ := Parse(document)
		before := bytes.Clone(event)
		for _, i := range set.Plan(Invocation{RequestID: "r", Event: event}, set.Expires()).Before {
			out, changed := i.PoisonEvent(event)
			if !bytes.Equal(event, before) {
				t.Fatalf("the event has become %q", event)
			}
			if changed && !json.Valid(out) {
				t.Errorf("%q became %q, which is no JSON", event, out)
			}
		}
	})
}

// Whatever the response: what comes of it is JSON that reports the record.
func FuzzFailItems(f *testing.F) {
	for _, seed := range []string{``, `null`, `{}`, `"x"`, `{"batchItemFailures":null}`, `{"batchItemFailures":[{"itemIdentifier":"m"}]}`, `{"batchItemFailures":[1]}`, `{"batchItemfailures":null}`} {
		f.Add([]byte(seed), "m")
	}
	f.Fuzz(func(t *testing.T, response []byte, id string) {
		out, changed := failItems(response, []string{id})
		if !changed {
			if !bytes.Equal(out, response) {
				t.Errorf("%q became %q", response, out)
			}
			return
		}
		var report map[string]json.RawMessage // and not a struct, whose members are found whatever their case
		var items []json.RawMessage
		if err := errors.Join(json.Unmarshal(out, &report), json.Unmarshal(report["batchItemFailures"], &items)); err != nil || len(items) == 0 {
			t.Errorf("%q became %q, %v", response, out, err)
		}
	})
}
