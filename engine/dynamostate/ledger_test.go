package dynamostate

import (
	"errors"
	"io/fs"
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

// What is forgotten has left nothing in the table.
func TestForget(t *testing.T) {
	table, _ := newTable(t, 30*time.Second)
	const run, other = "01K0000000000000000000000A", "01K0000000000000000000000B"
	for _, id := range []string{run, other} {
		claim, err := table.Claim(t.Context(), id, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := claim.Append([]byte("{}\n"), true); err != nil {
			t.Fatal(err)
		}
		if err := table.Write(t.Context(), "runs/"+id+"/report.json", []byte("{}")); err != nil {
			t.Fatal(err)
		}
		claim.Release(true)
	}
	for range 2 { // again is fine
		if err := table.Forget(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	if runs, err := table.Runs(t.Context()); err != nil || len(runs) != 1 || runs[0] != other {
		t.Error(runs, err)
	}
	if _, err := table.Trace(t.Context(), run); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the journal:", err)
	}
	if _, err := table.Read(t.Context(), "runs/"+run+"/report.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the report:", err)
	}
	if trace, err := table.Trace(t.Context(), other); err != nil || string(trace.Lines) != "{}\n" {
		t.Error("another run:", err)
	}
}

// Whoever forgets a run gives its targets back, if the run could not: nobody else could put that right any more.
func TestForgetGivesTargetsBack(t *testing.T) {
	table, _ := newTable(t, 30*time.Second)
	const run, next, target = "01K0000000000000000000000A", "01K0000000000000000000000B", "lambda:shop"
	claim, err := table.Claim(t.Context(), run, true)
	if err == nil {
		err = claim.Lock(t.Context(), []string{target})
	}
	if err != nil {
		t.Fatal(err)
	}
	claim.Release(false) // as if the table had not answered
	if err := table.Forget(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if holder, err := table.Holder(t.Context(), target); err != nil || holder != "" {
		t.Errorf("the target belongs to %q, %v", holder, err)
	}
	claim, err = table.Claim(t.Context(), next, true)
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release(true)
	if err := claim.Lock(t.Context(), []string{target}); err != nil {
		t.Error(err)
	}
}
