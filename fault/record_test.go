package fault

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestRecordRoundTrip(t *testing.T) {
	want := Record{Time: time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC), Run: "01J", Kind: Latency,
		Function: "inventory", RequestID: "r-1", Planned: 2, Fired: 1, Reason: `client "left"`}
	line := want.AppendJSON([]byte("prefix "))
	if !strings.HasPrefix(string(line), `prefix {"firedrill":"injection","time":"2026-11-21T10:00:00.123456789Z",`) || !strings.HasSuffix(string(line), "}\n") {
		t.Errorf("line %q", line)
	}
	if got, ok := ParseRecord(line); !ok || got != want {
		t.Errorf("ParseRecord = %+v, %v, want %+v", got, ok, want)
	}
}

// Lambda's JSON log format puts what a runtime prints into an envelope, as text or as an object.
func TestParseRecordInEnvelope(t *testing.T) {
	want := Record{Time: time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC), Run: "01J", Kind: Latency, Function: "f", Planned: 1, Reason: `a "reason"`}
	line := want.AppendJSON(nil)
	text, err := json.Marshal(map[string]any{"timestamp": "2026-11-21T10:00:00Z", "level": "INFO", "message": string(line)})
	if err != nil {
		t.Fatal(err)
	}
	object := `{"timestamp":"2026-11-21T10:00:00Z","message":` + strings.TrimSpace(string(line)) + `}`
	for _, envelope := range []string{string(text), object} {
		if got, ok := ParseRecord([]byte(envelope)); !ok || got != want {
			t.Errorf("%s: %+v, %v", envelope, got, ok)
		}
	}
}

func TestParseRecordRefuses(t *testing.T) {
	for _, line := range []string{
		"", "START RequestId: 1", `{"firedrill":"problem","message":"x"}`, `{"firedrill":"injection",`,
		`{"firedrill":"injection","kind":7}`, `{"firedrill":"injection","run":"x"}`, `{"firedrill":"injection","kind":"latency","fired":-1}`,
		`{"message":"{\"firedrill\":\"problem\"}"}`, `{"message":7,"x":"\"firedrill\""}`,
	} {
		if r, ok := ParseRecord([]byte(line)); ok {
			t.Errorf("ParseRecord(%q) = %+v", line, r)
		}
	}
}

func TestProblemLine(t *testing.T) {
	p := Problem{Field: "latency.min_latency", Value: "-1", Message: "is less than 0ms"}
	want := `{"firedrill":"problem","time":"2026-11-21T10:00:00Z","field":"latency.min_latency","value":"-1","message":"is less than 0ms"}` + "\n"
	if got := string(p.AppendJSON(nil, time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC))); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(Record{Kind: Latency, Planned: 1}.AppendJSON(nil))
	f.Add([]byte(`{"message":"{\"firedrill\":\"injection\",\"kind\":\"latency\"}"}`))
	f.Add([]byte("2026-11-21 " + recordMark + `"kind":"latency"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, ok := ParseRecord(line)
		if !ok {
			return
		}
		if again, ok := ParseRecord(r.AppendJSON(nil)); !ok || !again.Time.Equal(r.Time) || again.Kind != r.Kind || again.Fired != r.Fired {
			t.Errorf("%+v became %+v", r, again)
		}
	})
}
