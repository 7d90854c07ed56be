package engine_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/engine/dynamostate"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

// TestEachCallFails lets each call to DynamoDB fail in turn: once, in each way that one can, or from then on. Nothing
// stays behind, and what the table knows is the truth.
func TestEachCallFails(t *testing.T) {
	once := []moto.Mishap{moto.Throttled, moto.Broken, moto.Cut, moto.Lost}
	for _, forGood := range []bool{false, true} {
		t.Run(fmt.Sprintf("for good=%v", forGood), func(t *testing.T) {
			t.Parallel()
			relay := moto.NewRelay(t, moto.Start(t))
			d := &disaster{table: relay.URL}
			if _, err := home("", d.table).(*dynamostate.Table).Create(t.Context()); err != nil {
				t.Fatal(err)
			}
			relay.Decide(nil)
			mishapRun(t, d, d.newDir(t))
			calls := len(relay.Calls())
			if calls < 15 {
				t.Errorf("only %d calls: this was no whole run", calls)
			}
			for at := 1; at <= calls; at++ {
				relay.Decide(func(c moto.Call) moto.Mishap {
					switch {
					case forGood && c.Number >= at:
						return moto.Refused
					case c.Number == at:
						return once[at%len(once)]
					}
					return moto.None
				})
				dir := d.newDir(t)
				began := mishapRun(t, d, dir)
				relay.Decide(nil)
				compareWorld(t, dir) // although nobody has recovered anything yet
				if !forGood && !began {
					t.Errorf("call %d failed once, and the run never began", at)
				}
			}
			d.restored(t)
		})
	}
}

func mishapRun(t *testing.T, d *disaster, dir string) (began bool) {
	t.Helper()
	x, err := killExperiment(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	x.Conditions, x.Stages = x.Conditions[:1], []float64{100}
	r, _ := engine.Run(t.Context(), x, engine.Options{Registry: fileRegistry(), State: engine.StateAt(home(dir, d.table))})
	if r != nil && len(r.Residue) > 0 {
		t.Errorf("left behind: %+v", r.Residue)
	}
	return r != nil
}

// TestTargetOfADeadRun: what a run without a process has is free if the run has nothing to put back, else not.
func TestTargetOfADeadRun(t *testing.T) {
	t.Parallel()
	d := &disaster{table: moto.NewRelay(t, moto.Start(t)).URL}
	place := home("", d.table)
	if _, err := place.(*dynamostate.Table).Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := d.newDir(t)
	x, err := killExperiment(dir, true)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := fileRegistry().Actions(t.Context(), x.Conditions[0], engine.ActionParams{Run: "R", Lease: time.Minute, Share: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, dead := range []struct {
		run, journal string
		free         bool
	}{
		{"01DIEDEARLY", `{"v":1,"seq":1,"type":"run","run":"01DIEDEARLY"}`, true},
		{"01LEFTMUCH", `{"v":1,"seq":1,"type":"prepared","condition":"slow","kind":"gremlins","undo":1}`, false},
	} {
		claim, err := place.Claim(t.Context(), dead.run, true)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(claim.Lock(t.Context(), []string{targets[0].Key}), claim.Append([]byte(dead.journal+"\n"), true)); err != nil {
			t.Fatal(err)
		}
		claim.Release(false)
		r, err := engine.Run(t.Context(), x, engine.Options{Registry: fileRegistry(), State: engine.StateAt(place)})
		if err != nil {
			t.Fatal(err)
		}
		if dead.free != (r.Error == "") || !dead.free && r.Hint != "put back what it left: firedrill recover "+dead.run {
			t.Errorf("%s: %q, hint %q", dead.run, r.Error, r.Hint)
		}
		compareWorld(t, dir)
	}
}
