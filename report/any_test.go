package report_test

import (
	"encoding/json"
	"io"
	"testing"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

// FuzzAnyResult renders whatever a report.json may hold: numbers of any size, parts missing, times in any order.
func FuzzAnyResult(f *testing.F) {
	for _, build := range fixtures {
		data, err := json.Marshal(build())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"started":"9999-12-31T00:00:00Z","ended":"0001-01-01T00:00:00Z","phases":[{"name":"fault","end":"9999-12-31T00:00:00Z"}],
		"loads":[{"series":[{"t":-1e308,"count":1,"p95":1e308},{"t":1e308,"count":-3,"errors":9,"p95":-1}],"phases":[{"due":-1},{"due":1}]}],
		"measures":[{"series":[{"count":1,"stat":-5}],"baseline":{"outcome":"held","estimate":-1e308,"samples":1,"interval":{"low":1e308,"high":-1e308,"confidence":7}},"stages":[{},{}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r engine.Result
		if json.Unmarshal(data, &r) != nil {
			return
		}
		for _, write := range []func(io.Writer) error{
			func(w io.Writer) error { return report.Text(w, &r, report.Style{Width: 20, Color: true}) },
			func(w io.Writer) error { return report.JSON(w, &r) },
			func(w io.Writer) error { return report.Markdown(w, report.Of(&r), 0) },
			func(w io.Writer) error { return report.JUnit(w, report.Of(&r, &r)) },
			func(w io.Writer) error { return report.HTML(w, &r) },
			func(w io.Writer) error { return report.DrillHTML(w, report.Of(&r)) },
			func(w io.Writer) error { return report.SARIF(w, report.Of(&r), "v1") },
			func(w io.Writer) error { return report.CodeQuality(w, report.Of(&r)) },
			func(w io.Writer) error { return report.Annotations(w, report.Of(&r)) },
		} {
			if err := write(io.Discard); err != nil {
				t.Error(err)
			}
		}
	})
}

func BenchmarkHTML(b *testing.B) { // part of what an experiment costs beyond its phases
	r := disproved()
	for b.Loop() {
		if err := report.HTML(io.Discard, r); err != nil {
			b.Fatal(err)
		}
	}
}
