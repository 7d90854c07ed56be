package dynamostate

import (
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
)

// What is settled of runs is told with the list of them, without a look at their journals.
func TestLedger(t *testing.T) {
	table, _ := newTable(t, 30*time.Second)
	for _, run := range []string{"01K0000000000000000000000A", "01K0000000000000000000000B"} {
		claim, err := table.Claim(t.Context(), run, true)
		if err != nil {
			t.Fatal(err)
		}
		claim.Release(true)
	}
	lines := map[string][]byte{"01K0000000000000000000000A": []byte("a line"), "01K0000000000000000000000Z": []byte("of a run that is not there")}
	_ = table.Settle(t.Context(), map[string][]byte{"01K0000000000000000000000Z": []byte("no")})
	delete(lines, "01K0000000000000000000000Z")
	if err := table.Settle(t.Context(), lines); err != nil {
		t.Fatal(err)
	}
	got, err := table.Settled(t.Context())
	if err != nil || len(got) != 2 || string(got["01K0000000000000000000000A"]) != "a line" || got["01K0000000000000000000000B"] != nil {
		t.Errorf("%q %v", got, err)
	}
	runs, err := engine.StateAt(table).Runs(t.Context())
	if err != nil || len(runs) != 2 {
		t.Error(runs, err)
	}
}
