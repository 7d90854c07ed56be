package reading

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func instant() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

func TestOf(t *testing.T) {
	for _, c := range []struct {
		name, text string
		format     string
		inForce    int
		problems   int
		warnings   int
	}{
		{"nothing", " ", "", 0, 0, 0},
		{"no document", "hello", "", 0, 1, 0},
		{"on", `{"latency":{"enabled":true},"exception":{"enabled":true}}`, "failure-lambda 1.x", 2, 0, 0},
		{"off", `{"latency":{"enabled":false},"exception":{"enabled":true,"percentage":0}}`, "failure-lambda 1.x", 0, 0, 0},
		{"one is wrong", `{"latency":{"enabled":true,"min_latency":"soon"},"exception":{"enabled":true}}`, "failure-lambda 1.x", 1, 1, 0},
		{"one is unknown", `{"latenzy":{"enabled":true}}`, "failure-lambda 1.x", 0, 0, 1},
		{"the lease runs", `{"latency":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:00:01Z"}}`, "Firedrill", 1, 0, 0},
		{"the lease is over", `{"latency":{"enabled":true},"firedrill":{"expires_at":"2026-11-21T10:00:00Z"}}`, "Firedrill", 0, 0, 0},
		{"the lease is wrong", `{"latency":{"enabled":true},"firedrill":{"expires_at":"soon"}}`, "Firedrill", 0, 1, 0},
		{"another tool's", `{"isEnabled":true,"failureMode":"latency","rate":0.5}`, "failure-lambda 0.x", 1, 0, 0},
		{"another tool's, wrong", `{"isEnabled":true,"failureMode":"latency","rate":1.5}`, "failure-lambda 0.x", 0, 1, 0},
		{"signed", `{"payloadType":"application/vnd.firedrill.fault-set+json","payload":"eyJsYXRlbmN5Ijp7ImVuYWJsZWQiOnRydWV9fQ==","signatures":[{"sig":"` + strings.Repeat("A", 86) + `=="}]}`, "failure-lambda 1.x", 1, 0, 1},
		{"signed, and broken", `{"payloadType":"application/vnd.firedrill.fault-set+json","payload":"!","signatures":[]}`, "", 0, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Of([]byte(c.text), instant())
			inForce := 0
			for _, f := range s.Faults {
				if f.InForce {
					inForce++
				}
			}
			if s.Format != c.format || inForce != c.inForce || len(s.Problems) != c.problems || len(s.Warnings) != c.warnings {
				t.Errorf("%+v", s)
			}
		})
	}
}

// Whatever a document is, it reads as something that can be printed, and never as faults in force where a function would find a
// mistake in the whole of it.
func FuzzReading(f *testing.F) {
	for _, seed := range []string{``, `{}`, `null`, `{"latency":{"enabled":true,"match":[{"path":"a"}]}}`, `{"latency":null,"firedrill":[]}`,
		`{"isEnabled":true,"failureMode":"latency","rate":0.29}`, `{"fault_type":"latency","is_enabled":true}`, `{"isEnabled":true,"delay":1}`,
		`{"version":"1","flags":{},"values":{"latency":{"enabled":true}}}`, `{"payload":"e30=","signatures":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, in := Of(text, instant()), Import(text)
		for _, v := range []any{s, in} {
			if _, err := json.Marshal(v); err != nil {
				t.Fatal(err)
			}
		}
		_ = Conditions(text, "hello", instant())
		_, _ = WithFaultType(text, "latency")
		for _, kind := range s.Faults {
			for _, p := range s.Problems {
				if kind.InForce && p.Field == "" {
					t.Fatalf("%s is in force, although the document is broken: %s", kind.Kind, p)
				}
			}
		}
	})
}
