package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/action"
	"github.com/firedrill-dev/firedrill/fault"
)

// TestInjectionsInAWS: where no host of ours counts, records count that come back with invocations, and those in
// CloudWatch Logs, each once.
func TestInjectionsInAWS(t *testing.T) {
	record := func(id string) string {
		return string(fault.Record{Time: time.Now(), Run: "R1", Kind: fault.Latency, Function: "shop", RequestID: id, Planned: 1, Fired: 1}.AppendJSON(nil))
	}
	first, second := record("r-1"), record("r-2")
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".FilterLogEvents"):
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			writeJSON(t, w, map[string]any{"events": []any{map[string]any{"message": first, "timestamp": time.Now().UnixMilli()}, map[string]any{"message": second}}})
		case strings.HasSuffix(r.URL.Path, "/invocations"):
			if r.Header.Get("X-Amz-Log-Type") == "Tail" {
				w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString([]byte(first)))
			}
			_, _ = io.WriteString(w, "{}")
		case strings.HasSuffix(r.URL.Path, "/configuration"):
			writeJSON(t, w, map[string]string{"FunctionName": "shop"})
		default: // like moto's, for what only a host of ours knows
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(api.Close)
	t.Setenv("AWS_REGION", "eu-west-1")
	env := map[string]string{"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": api.URL}
	a := &app{lookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
	s, err := a.open(t.Context(), inputs{endpoint: api.URL}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.invoke(t.Context(), "shop", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	want := action.Proof{Known: true, Planned: 2, Fired: 2, Late: true}
	if p, err := s.injections(t.Context(), "shop", "R1", "latency"); p != want || err != nil {
		t.Errorf("%+v, %v, want %+v", p, err, want)
	}
}

func writeJSON(t *testing.T, w io.Writer, v any) {
	t.Helper()
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}
