package remote

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
)

// confirm is one invocation that would be hit: whether it still is, and how long it waited.
func (f *fixture) confirm() (hit bool, waited time.Duration) {
	began := time.Now()
	f.Faults(began)
	set := f.Confirm(f.t.Context(), began)
	return !set.Plan(fault.Invocation{RequestID: "r"}, time.Now()).Empty(), time.Since(began)
}

// slowly answers after d.
func (f *fake) slowly(d time.Duration, text string) {
	f.set(func(ctx context.Context, _ string) (answer, error) {
		select {
		case <-time.After(d):
			return answer{body: []byte(text)}, nil
		case <-ctx.Done():
			return answer{}, ctx.Err()
		}
	})
}

// armedFixture has read a fault set with a lease of an hour.
func armedFixture(t *testing.T) *fixture {
	f := newFixture(t)
	f.store.document(leased(time.Hour))
	f.invoke()
	if hit, waited := f.confirm(); !hit || waited != 0 {
		t.Fatalf("just armed: hit %v after %v", hit, waited)
	}
	return f
}

// An environment that was idle while its faults were stopped is not hit by the set that it has read last.
func TestWhatWasStoppedMeanwhileHitsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := armedFixture(t)
		time.Sleep(10 * time.Second)
		f.store.slowly(20*time.Millisecond, `{}`)
		if hit, waited := f.confirm(); hit || waited != 20*time.Millisecond {
			t.Errorf("hit %v after %v", hit, waited)
		}
	})
}

// A store that does not answer costs a hit a moment, others nothing, and ends no fault before its lease.
func TestConfirmingWaitsAMomentAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := armedFixture(t)
		time.Sleep(10 * time.Second)
		f.store.hangs()
		for i, want := range []time.Duration{confirmFor, 0, 0} { // the attempt lasts longer, and is waited for once
			if hit, waited := f.confirm(); !hit || waited != want {
				t.Errorf("%d: hit %v after %v, want %v", i, hit, waited, want)
			}
		}
		time.Sleep(time.Hour)
		if hit, _ := f.confirm(); hit {
			t.Error("hit after the lease")
		}
	})
}

// An invocation that ends meanwhile waits no longer.
func TestConfirmingEndsWithTheInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := armedFixture(t)
		time.Sleep(10 * time.Second)
		f.store.hangs()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		f.Faults(began)
		if f.Confirm(ctx, began); time.Since(began) != time.Millisecond {
			t.Errorf("waited %v", time.Since(began))
		}
	})
}

// Where invocations are frequent none waits, however slowly the store answers within reason.
func TestBusyEnvironmentsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := armedFixture(t)
		f.store.slowly(150*time.Millisecond, leased(time.Hour))
		for range 300 {
			time.Sleep(10 * time.Millisecond)
			if hit, waited := f.confirm(); !hit || waited != 0 {
				t.Fatalf("hit %v after %v", hit, waited)
			}
		}
	})
}
