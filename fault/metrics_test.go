package fault

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestRecordIsAMetric(t *testing.T) {
	file, err := os.Open("testdata/emf.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("emf.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema := compiler.MustCompile("emf.schema.json")
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)
	for _, c := range []struct {
		name       string
		record     Record
		dimensions [][]string
	}{
		{"armed by a run", Record{Time: at, Run: "01J", Kind: Latency, Function: "shop", Planned: 1, Fired: 1}, [][]string{{"function", "kind"}, {"function", "kind", "run"}}},
		{"armed by nobody's run", Record{Time: at, Kind: Latency, Function: "shop", Planned: 1, Reason: "dry run"}, [][]string{{"function", "kind"}}},
		{"no function's name", Record{Time: at, Run: "01J", Kind: Latency, Planned: 1}, [][]string{{"kind"}, {"kind", "run"}}},
		{"a run that is no dimension", Record{Time: at, Run: ":é" + strings.Repeat("x", 2000), Kind: Latency, Function: "shop", Planned: 1}, [][]string{{"function", "kind"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := c.record.AppendEMF([]byte("before "))
			line, ok := bytes.CutPrefix(line, []byte("before "))
			if back, is := ParseRecord(line); !ok || !is || back != c.record || bytes.Count(line, []byte("\n")) != 1 {
				t.Errorf("%s reads as %+v, %v", line, back, is)
			}
			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Error(err)
			}
			var got struct {
				AWS emfMetadata `json:"_aws"`
			}
			if err := json.Unmarshal(line, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.dimensions, got.AWS.Metrics[0].Dimensions); diff != "" || got.AWS.Timestamp != at.UnixMilli() {
				t.Errorf("at %d, dimensions %s", got.AWS.Timestamp, diff)
			}
			// What the format refers to is there, as texts and numbers.
			members := value.(map[string]any)
			for _, set := range got.AWS.Metrics[0].Dimensions {
				for _, name := range set {
					if text, ok := members[name].(string); !ok || text == "" {
						t.Errorf("dimension %s is %v", name, members[name])
					}
				}
			}
		})
	}
	if err := schema.Validate(map[string]any{"planned": 1.0}); err == nil {
		t.Error("the schema takes anything")
	}
}
