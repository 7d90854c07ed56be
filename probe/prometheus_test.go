package probe

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

func TestPrometheus(t *testing.T) {
	vector := func(samples string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[` + samples + `]}}`
	}
	tests := []struct {
		name, answer string
		status       int
		want         float64
		fails        string
	}{
		{"scalar", `{"status":"success","data":{"resultType":"scalar","result":[1435781451.781,"1.5"]}}`, 200, 1.5, ""},
		{"vector", vector(`{"metric":{"__name__":"up"},"value":[1435781451.781,"-3e2"]}`), 200, -300, ""},
		{"warnings do no harm", `{"status":"success","warnings":["w"],"data":{"resultType":"scalar","result":[1,"2"]}}`, 200, 2, ""},
		{"no data", vector(""), 200, 0, "finds no data"},
		{"many", vector(`{"metric":{},"value":[1,"1"]},{"metric":{},"value":[1,"2"]}`), 200, 0, "yields 2 numbers"},
		{"NaN", vector(`{"metric":{},"value":[1,"NaN"]}`), 200, 0, "not a finite number"},
		{"infinite", vector(`{"metric":{},"value":[1,"+Inf"]}`), 200, 0, "not a finite number"},
		{"histogram", vector(`{"metric":{},"histogram":[1,{}]}`), 200, 0, "not a pair"},
		{"matrix", `{"status":"success","data":{"resultType":"matrix","result":[]}}`, 200, 0, `a "matrix"`},
		{"string", `{"status":"success","data":{"resultType":"string","result":[1,"x"]}}`, 200, 0, `a "string"`},
		{"bad query", `{"status":"error","errorType":"bad_data","error":"parse error"}`, 400, 0, "400 Bad Request: bad_data: parse error"},
		{"another server", `<html>`, 200, 0, "not what Prometheus answers"},
		{"empty", ``, 502, 0, "502"},
		{"number instead of text", `{"status":"success","data":{"resultType":"scalar","result":[1,2]}}`, 200, 0, "a sample's value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "POST" || r.URL.Path != "/prom/api/v1/query" || r.FormValue("query") != "sum(up)" || r.FormValue("timeout") != "5s" || r.Header.Get("X-Scope-Orgid") != "shop" {
					t.Errorf("%s %s %v %v", r.Method, r.URL, r.Form, r.Header)
				}
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.answer)
			}))
			defer s.Close()
			m := experiment.Measure{Of: experiment.Prometheus, Timeout: 5 * time.Second, Expect: expect(t, "value < 1"), Probe: experiment.ProbeSpec{
				URL: s.URL + "/prom/", Query: "sum(up)", HTTP: &experiment.HTTPRequest{Headers: map[string]string{"X-Scope-OrgID": "shop"}}}}
			o, err := read(t, m, Deps{})
			if tt.fails == "" {
				if err != nil || o.Value != tt.want {
					t.Errorf("observed %+v, %v; want %v", o, err, tt.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.fails) || !math.IsNaN(o.Value) || o.Class != "no-number" {
				t.Errorf("observed %+v, %v; want %q", o, err, tt.fails)
			}
		})
	}
}

func FuzzPrometheusAnswer(f *testing.F) {
	f.Add([]byte(`{"status":"success","data":{"resultType":"vector","result":[{"value":[1,"2"]}]}}`))
	f.Add([]byte(`{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		if x, err := sampleOf(answer); err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
			t.Errorf("%s is %v", answer, x)
		}
	})
}

func FuzzNumberAt(f *testing.F) {
	f.Add([]byte(`{"items":[{"count":7}]}`), "items.0.count")
	f.Add([]byte(`[1e999]`), "$.0")
	f.Fuzz(func(t *testing.T, answer []byte, path string) {
		if x, err := numberAt(answer, path); err == nil && (math.IsNaN(x) || math.IsInf(x, 0)) {
			t.Errorf("%s at %s is %v", answer, path, x)
		}
	})
}
