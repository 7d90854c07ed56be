package fault

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNormalize(t *testing.T) {
	tests := []struct {
		name     string
		kind     Kind
		in       Attributes
		want     Attributes
		problems []string // their fields
	}{
		{"friendly", Latency, Attributes{"min": "100ms", "max": "1.5s"}, Attributes{"min_latency": 100.0, "max_latency": 1500.0}, nil},
		{"own names", Latency, Attributes{"min_latency": 100, "max_latency": uint64(200)}, Attributes{"min_latency": 100.0, "max_latency": 200.0}, nil},
		{"own name with a unit", Latency, Attributes{"min_latency": "1m"}, Attributes{"min_latency": 60000.0}, nil},
		{"zero needs no unit", Latency, Attributes{"min": 0, "max": "1ms"}, Attributes{"min_latency": 0.0, "max_latency": 1.0}, nil},
		{"no unit", Latency, Attributes{"min": 100}, Attributes{}, []string{"min"}},
		{"bad unit", Latency, Attributes{"min": "100 parsecs"}, Attributes{}, []string{"min"}},
		{"both names", Latency, Attributes{"min": "1ms", "min_latency": 1}, Attributes{"min_latency": 1.0}, []string{"min_latency"}},
		{"unknown name", Latency, Attributes{"minimum": "1ms"}, Attributes{}, []string{"minimum"}},
		{"bounds that cross", Latency, Attributes{"min": "2ms", "max": "1ms"}, Attributes{"min_latency": 2.0, "max_latency": 1.0}, []string{"max_latency"}},
		{"status", StatusCode, Attributes{"status": 503, "headers": map[string]any{"A": "b"}, "body": map[string]any{"a": 1}},
			Attributes{"status_code": 503.0, "headers": map[string]string{"A": "b"}, "body": `{"a":1}`}, nil},
		{"error", Exception, Attributes{"type": "T", "message": "m"}, Attributes{"exception_type": "T", "exception_msg": "m"}, nil},
		{"buffer", Timeout, Attributes{"buffer": "50ms"}, Attributes{"timeout_buffer_ms": 50.0}, nil},
		{"mode", Corruption, Attributes{"mode": "shred"}, Attributes{}, []string{"mode"}},
		{"hosts", Outgoing, Attributes{"hosts": []any{"a", "b"}, "refuse": true}, Attributes{"hosts": []string{"a", "b"}, "refuse": true}, nil},
		{"hosts missing", Outgoing, Attributes{"refuse": true}, Attributes{"refuse": true}, []string{"hosts"}},
		{"unknown kind", Kind("gravity"), Attributes{}, nil, []string{""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, problems := Normalize(test.kind, test.in)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			var fields []string
			for _, p := range problems {
				fields = append(fields, p.Field)
			}
			if diff := cmp.Diff(test.problems, fields); diff != "" {
				t.Errorf("problems (-want +got):\n%s\n%v", diff, problems)
			}
		})
	}
}

// A normalized member reads back as itself: what the runner writes is what the function does.
func TestMemberReadsBack(t *testing.T) {
	attributes := map[Kind]Attributes{
		Latency: {"min": "10ms", "max": "20ms"}, Timeout: {"buffer": "1s"}, Exception: {"type": "T"}, StatusCode: {"status": 404, "body": "x"},
		FailAfter: {"message": "m"}, Corruption: {"body": "x"}, Outgoing: {"hosts": []any{"a"}, "status": 500},
		DiskSpace: {"size": 50}, Memory: {"size": 8}, CPU: {"cores": 1, "for": "1s"}, FileDescriptors: {"count": 3},
		ColdStart: {"min": "1s"}, Poison: {"remove": []any{"a"}}, Denylist: {"hosts": []any{"s3"}},
		AWSCall: {"service": "dynamodb", "operation": "Get*", "error": "throttling", "per": "call"},
	}
	for _, info := range Kinds() {
		match := []Condition{{Path: "a", Value: "b"}}
		if info.Kind == ColdStart {
			if _, err := Member(ColdStart, attributes[ColdStart], 5, match); err == nil {
				t.Error("a match of what has no event is accepted")
			}
			match = nil
		}
		member, err := Member(info.Kind, attributes[info.Kind], 12.5, match)
		if err != nil {
			t.Errorf("%s: %v", info.Kind, err)
			continue
		}
		set, problems := Parse(fmt.Appendf(nil, `{%q:%s}`, info.Kind, member))
		if len(problems) > 0 || set.Empty() {
			t.Errorf("%s: %s reads back with %v", info.Kind, member, problems)
		}
	}
	for _, percentage := range []float64{-1, 101, nan()} {
		if _, err := Member(Latency, nil, percentage, nil); err == nil {
			t.Errorf("percentage %v is accepted", percentage)
		}
	}
	if _, err := Member(Latency, nil, 5, []Condition{{Path: "a", Operator: "like", Value: "b"}}); err == nil || !strings.Contains(err.Error(), "match[0].operator") {
		t.Errorf("a bad condition gives %v", err)
	}
	if _, err := Member(Latency, Attributes{"min": 5}, 5, nil); err == nil {
		t.Error("a bad attribute is accepted")
	}
}

func nan() float64 {
	zero := 0.0
	return zero / zero
}

func TestEveryKindIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, info := range Kinds() {
		if info.Doc == "" || strings.HasSuffix(info.Doc, ".") || seen[string(info.Kind)] {
			t.Errorf("%+v", info)
		}
		seen[string(info.Kind)] = true
		names := map[string]bool{}
		for _, a := range info.Attributes {
			if a.Doc == "" || a.Type == "" || names[a.Name] || names[a.Friendly] {
				t.Errorf("%s: %+v", info.Kind, a)
			}
			names[a.Name] = true
			if a.Friendly != "" {
				names[a.Friendly] = true
			}
		}
		set, _ := Parse(fmt.Appendf(nil, `{%q:{"enabled":true,"hosts":["*"],"refuse":true}}`, info.Kind))
		if info.Kind == Outgoing {
			continue
		}
		plan := set.Plan(Invocation{Deadline: time.Unix(1, 0)}, time.Unix(0, 0))
		for _, i := range append(plan.Before, plan.After...) {
			if i.Skip == Unsupported {
				t.Errorf("%s: planned as %q", info.Kind, i.Skip)
			}
		}
		if (len(plan.After) > 0) != info.After {
			t.Errorf("%s: after %v, but planned %+v", info.Kind, info.After, plan)
		}
	}
}

func TestAttributesSurviveJSON(t *testing.T) {
	first, problems := Normalize(Latency, Attributes{"min": "100ms"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	text, err := json.Marshal(first)
	if err != nil {
		t.Fatal(err)
	}
	var second Attributes
	if err := json.Unmarshal(text, &second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
}
