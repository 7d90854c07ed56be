package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
)

// abandoned is a run of two conditions on 40 and 2 targets whose process ended before its undo.
func abandoned(t *testing.T, c *cloud) Options {
	t.Helper()
	x := example(t)
	crowd(c, x, 40)
	c.values["d"], c.values["e"] = "4", "5"
	x.Conditions = append(x.Conditions, experiment.Condition{Name: "then", Fault: "latency", Target: experiment.Target{Functions: []string{"d", "e"}}})
	c.fail = func(step, target string) error {
		if step == "revert" {
			return errors.New("the process is gone")
		}
		return nil
	}
	o := options(t, c)
	r, err := Run(t.Context(), x, o)
	if err != nil || len(r.Residue) != 42 {
		t.Fatalf("%d left behind, %v", len(r.Residue), err)
	}
	c.fail, c.calls = nil, nil
	return o
}

// TestRecoverInParallel: the last condition's targets come first, side by side; each is told.
func TestRecoverInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		was := maps.Clone(c.values)
		o := abandoned(t, c)
		c.slow = time.Second
		var told []string
		start := time.Now()
		got, err := o.State.Recover(t.Context(), "", RecoverOptions{
			Revert:   o.Registry.Revert,
			Progress: func(run string, done, all int) { told = append(told, fmt.Sprint(done, "/", all)) },
		})
		if err != nil || len(got) != 1 || len(got[0].Conditions) != 42 || got[0].Failed() {
			t.Fatalf("%+v, %v", got, err)
		}
		for name, value := range was {
			if c.values[name] != value {
				t.Errorf("%s is %q", name, c.values[name])
			}
		}
		first := []string{c.calls[0], c.calls[1]}
		if slices.Sort(first); !slices.Equal(first, []string{"revert d", "revert e"}) {
			t.Errorf("the last condition did not come first: %q", first)
		}
		if len(told) != 42 || told[0] != "1/42" || told[41] != "42/42" {
			t.Errorf("progress %q", told)
		}
		if took := time.Since(start); took != 4*time.Second { // 2 in one go, 40 in three of 16
			t.Errorf("took %s", took)
		}
	})
}

// TestRecoverInterrupted: what is under way comes to its end, no more begins, and the next call does the rest.
func TestRecoverInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		was := maps.Clone(c.values)
		o := abandoned(t, c)
		c.slow = time.Second
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(1500*time.Millisecond, func() { cancel(errors.New("lunch")) })
		got, err := o.State.Recover(ctx, "", RecoverOptions{Revert: o.Registry.Revert})
		if err == nil || !strings.Contains(err.Error(), "lunch; 24 of 42 are left") || len(got) != 1 || len(got[0].Conditions) != 18 {
			t.Fatalf("%+v, %v", got, err)
		}
		_, unfinished, err := o.State.Status(t.Context())
		if err != nil || len(unfinished) != 1 || len(unfinished[0].Pending) != 24 {
			t.Fatalf("%+v, %v", unfinished, err)
		}
		got, err = o.State.Recover(t.Context(), unfinished[0].Run, RecoverOptions{Revert: o.Registry.Revert})
		if err != nil || len(got[0].Conditions) != 24 || got[0].Failed() {
			t.Fatalf("%+v, %v", got, err)
		}
		for name, value := range was {
			if c.values[name] != value {
				t.Errorf("%s is %q", name, c.values[name])
			}
		}
	})
}

// TestRecoverGoesOn: one undo that fails, or panics, keeps no other from being done.
func TestRecoverGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud()
		o := abandoned(t, c)
		c.fail = func(step, target string) error {
			switch target {
			case "d":
				return errors.New("refused")
			case "c007":
				panic("oh no")
			}
			return nil
		}
		got, err := o.State.Recover(t.Context(), "", RecoverOptions{Revert: o.Registry.Revert})
		if err != nil || len(got) != 1 || !got[0].Failed() {
			t.Fatalf("%+v, %v", got, err)
		}
		var left []string
		for _, cond := range got[0].Conditions {
			if cond.Error != "" {
				left = append(left, cond.Target)
			}
		}
		slices.Sort(left)
		if !slices.Equal(left, []string{"c007", "d"}) {
			t.Errorf("left %q", left)
		}
	})
}

// TestByCondition: journals say which changes belong together; those that do not say so are undone one by one.
func TestByCondition(t *testing.T) {
	changes := []Change{{Condition: "a: 1", Of: "a"}, {Condition: "a: 2", Of: "a"}, {Condition: "b"}, {Condition: "c"}, {Condition: "d: 1", Of: "d"}}
	var got []int
	for _, g := range byCondition(changes) {
		got = append(got, len(g))
	}
	if !slices.Equal(got, []int{2, 1, 1, 1}) {
		t.Errorf("%v", got)
	}
}
