package proxy

import (
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/runtimeapi"
)

// Faults of what a function sends are told once to be nothing for the proxy, and the invocations pass.
func TestOutgoingFaultsAreWarnedOfOnce(t *testing.T) {
	set, problems := fault.Parse([]byte(`{"outgoing": {"enabled": true, "hosts": ["*"], "refuse": true},
		"awscall": {"enabled": true, "service": "*", "error": "internal"}}`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	inWorld(t, fixed{set}, time.Time{}, posts("ok"), func(t *testing.T, w *world) {
		for _, id := range []string{"r-1", "r-2"} {
			got, err := w.api.Invoke(t.Context(), runtimeapi.Event{RequestID: id, Payload: []byte("{}")})
			if err != nil || got.Failed || string(got.Payload) != "ok" {
				t.Errorf("%s: %s, %v", id, got.Payload, err)
			}
		}
		for _, kind := range []string{"outgoing", "awscall"} {
			if n := strings.Count(w.log.String(), `"field":"`+kind+`"`); n != 1 {
				t.Errorf("%s is warned of %d times: %s", kind, n, w.log.String())
			}
		}
	})
}
