package dynamostate

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestActions: the permissions that are told are those of the calls that are made.
func TestActions(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	relay.Decide(nil)
	c := claimed(t, table, "R1", true).(*claim)
	if err := c.Lock(t.Context(), []string{"x"}); err != nil {
		t.Fatal(err)
	}
	appended(t, c, "a", true)
	if err := c.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Release(true)
	claimed(t, table, "R1", false).Release(true)
	note := make([]byte, 10)
	if err := table.Write(t.Context(), "killswitch", note); err != nil {
		t.Fatal(err)
	}
	if err := table.Remove(t.Context(), "killswitch"); err != nil {
		t.Fatal(err)
	}
	lines(t, table, "R1")
	made := map[string]bool{}
	for _, call := range relay.Calls() {
		if call.Operation() != "TransactWriteItems" { // it needs what its parts need
			made["dynamodb:"+call.Operation()] = true
			continue
		}
		var body struct{ TransactItems []map[string]any }
		if err := json.Unmarshal(call.Body, &body); err != nil {
			t.Fatal(err)
		}
		for _, part := range body.TransactItems {
			for verb, what := range part {
				if what != nil {
					made["dynamodb:"+verb+"Item"] = true
				}
			}
		}
	}
	if diff := cmp.Diff(Actions(), slices.Sorted(maps.Keys(made))); diff != "" {
		t.Error(diff)
	}
}
