package engine

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/verdict"
)

func TestCompare(t *testing.T) {
	var obs []verdict.Observation
	add := func(n int, mark string, value float64, failed bool) {
		for range n {
			obs = append(obs, verdict.Observation{Value: value, Mark: mark, Failed: failed})
		}
	}
	add(5, "", 9, true)
	add(4, "none;run=OTHER", 9, true)
	add(3, "a b", 9, true)
	if c := compare("RUN", obs); c != nil {
		t.Errorf("no mark of this run: %+v", c)
	}
	add(200, "none;run=RUN", 0.02, false)
	if c := compare("RUN", obs); c == nil || c.Spared != 200 || c.Hit != 0 || c.Contrasts != nil {
		t.Errorf("nothing was hit: %+v", c)
	}
	add(90, "latency;run=RUN", 0.42, false)
	add(10, "latency,statuscode;run=RUN", 0.42, true)
	got := compare("RUN", obs)
	want := &Comparison{Hit: 100, Spared: 200, Unmarked: 12, Kinds: map[fault.Kind]int{"latency": 100, "statuscode": 10}, Contrasts: got.Contrasts}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(got.Contrasts) != 3 || got.Contrasts[1].Hit.Estimate != 0.42 || got.Contrasts[1].Spared.Estimate != 0.02 || got.Contrasts[2].Difference.Estimate != 0.1 {
		t.Errorf("%+v", got.Contrasts)
	}
}
