package remote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

const armed = `{"exception":{"enabled":true}}`

// leased is a set whose lease ends after d.
func leased(d time.Duration) string {
	return fmt.Sprintf(`{"exception":{"enabled":true},"firedrill":{"expires_at":%q}}`, time.Now().Add(d).UTC().Format(time.RFC3339Nano))
}

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// fake is a store that answers as the test says, and counts the attempts.
type fake struct {
	mu     sync.Mutex
	answer func(ctx context.Context, etag string) (answer, error)
	asked  atomic.Int64
}

func (f *fake) fetch(ctx context.Context, etag string) (answer, error) {
	f.asked.Add(1)
	f.mu.Lock()
	reply := f.answer
	f.mu.Unlock()
	return reply(ctx, etag)
}

func (f *fake) set(reply func(ctx context.Context, etag string) (answer, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = reply
}

func (f *fake) document(text string) {
	f.set(func(context.Context, string) (answer, error) { return answer{body: []byte(text)}, nil })
}

func (f *fake) fails(err error) {
	f.set(func(context.Context, string) (answer, error) { return answer{}, err })
}

func (f *fake) hangs() {
	f.set(func(ctx context.Context, _ string) (answer, error) {
		<-ctx.Done()
		return answer{}, ctx.Err()
	})
}

// fixture is a source on a fake store, with no jitter; its clock is that of the synctest bubble.
type fixture struct {
	*live
	t     *testing.T
	store *fake
	log   *safeBuffer
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, store: &fake{}, log: &safeBuffer{}}
	f.live = newLive(t.Context(), place{field: source.Config, value: "fake", refresh: quietEvery}, f.store, &source.Gate{}, &problemLog{w: f.log})
	f.live.jitter = func() float64 { return 0 }
	return f
}

// invoke is one invocation: what it sees, with the attempt that it began done as far as it gets without time.
func (f *fixture) invoke() bool {
	got := f.Faults(time.Now()) != nil
	synctest.Wait()
	return got
}

// run invokes every 100 ms for d and returns the number of attempts.
func (f *fixture) run(d time.Duration) int64 {
	before := f.store.asked.Load()
	for end := time.Now().Add(d); time.Now().Before(end); {
		f.invoke()
		time.Sleep(100 * time.Millisecond) // the bubble's clock
	}
	return f.store.asked.Load() - before
}

func (f *fixture) lines(want ...string) {
	f.t.Helper()
	log := f.log.String()
	if n := strings.Count(log, "\n"); n != len(want) {
		f.t.Errorf("%d lines in the log, want %d:\n%s", n, len(want), log)
	}
	for _, w := range want {
		if !strings.Contains(log, w) {
			f.t.Errorf("log %s lacks %q", log, w)
		}
	}
}

func TestHowOftenAStoreIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.document(`{}`)
		if f.invoke() {
			t.Error("faults before there is an answer")
		}
		if n := f.run(10 * time.Minute); n != 9 {
			t.Errorf("disarmed: %d attempts in ten minutes after the first, want 9", n)
		}
		f.store.document(leased(time.Hour))
		f.run(quietEvery + time.Second)
		if !f.invoke() {
			t.Fatal("not armed within the interval")
		}
		if n := f.run(30 * time.Second); n != 29 {
			t.Errorf("armed: %d attempts in 30 s after the first, want 29", n)
		}
		f.store.document(`{}`)
		f.run(armedEvery)
		if f.invoke() {
			t.Error("armed a second after the set was disarmed")
		}
		f.lines()
	})
}

// A lease that has run out is nothing that anybody must stop soon.
func TestExpiredSetIsAskedForSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.document(leased(-time.Second))
		f.invoke()
		if n := f.run(quietEvery - time.Second); n != 0 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestJitterOnlyShortens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.live.jitter = func() float64 { return 0.9999999 }
		f.store.document(`{}`)
		f.invoke()
		if wait := time.Duration(f.wait.Load()); wait < quietEvery*8/10 || wait > quietEvery*8/10+time.Second {
			t.Errorf("%v, want 80 %% of %v", wait, quietEvery)
		}
	})
	for range 1000 {
		if r := random(); r < 0 || r >= 1 {
			t.Fatal(r)
		}
	}
}

func TestStoreThatCannotBeReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.document(leased(30 * time.Second))
		f.invoke()
		f.store.fails(errors.New("connection refused"))
		if n := f.run(29 * time.Second); n < 4 || n > 6 {
			t.Errorf("armed: %d attempts in 29 s, want about 5: at 1, 2, 4, 8, 16, 26", n)
		}
		set := f.Faults(time.Now())
		if set.Plan(fault.Invocation{}, time.Now()).Empty() {
			t.Error("the last set does not stay for its lease")
		}
		time.Sleep(time.Second)
		if !set.Plan(fault.Invocation{}, time.Now()).Empty() {
			t.Error("the last set outlives its lease")
		}
		f.run(5 * time.Minute)
		if n := f.run(10 * time.Minute); n < 9 || n > 11 {
			t.Errorf("disarmed: %d attempts in ten minutes, want about 10", n)
		}
		// Twice, because the trouble is the same but what it means is not; and repeated after ten minutes.
		f.lines("stays for its lease: connection refused", "no faults are injected meanwhile: connection refused", "")
		f.store.document(`{}`)
		f.run(time.Minute)
		f.store.document(armed)
		f.run(time.Minute)
		if !f.invoke() {
			t.Error("not armed after the store came back")
		}
	})
}

// Without a lease, nothing else would end a fault whose store is gone.
func TestSetWithoutLeaseEndsWithItsStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.document(armed)
		f.invoke()
		f.store.hangs()
		f.run(unleasedFor - time.Second)
		if !f.invoke() {
			t.Error("dropped at once")
		}
		f.run(armedBackOff + 2*lostAfter)
		if f.invoke() {
			t.Error("never dropped")
		}
		f.lines("no lease and stays for 1m0s: context deadline exceeded", "is dropped")
	})
}

// An invocation never waits for a store that hangs, and there is one attempt at a time.
func TestStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.hangs()
		before := time.Now()
		f.invoke()
		if took := time.Since(before); took != 0 {
			t.Errorf("the invocation took %v", took)
		}
		if n := f.run(attemptFor); n != 0 {
			t.Errorf("%d more attempts while one hangs", n)
		}
		f.run(time.Second)
		f.lines("context deadline exceeded")
	})
}

// In a frozen environment no timer fires and no answer comes. After the thaw the invocation itself sees by the
// wall clock that the attempt is lost, and what that brings later is not taken.
func TestFreezeDuringAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		release := make(chan struct{})
		f.store.set(func(context.Context, string) (answer, error) {
			<-release // deaf to its context, as a frozen timer is
			return answer{body: []byte(armed)}, nil
		})
		f.invoke()
		time.Sleep(time.Hour)
		f.store.document(`{}`)
		f.invoke()
		close(release)
		synctest.Wait()
		if f.invoke() {
			t.Error("an answer from before the freeze was taken")
		}
		if n := f.store.asked.Load(); n != 2 {
			t.Errorf("%d attempts, want 2", n)
		}
	})
}

// If the answer of before the freeze comes first, it is as old as the freeze was long.
func TestAnswerOlderThanAFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.set(func(context.Context, string) (answer, error) {
			time.Sleep(time.Hour)
			return answer{body: []byte(armed)}, nil
		})
		f.invoke()
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if f.live.set.Load() != nil {
			t.Error("an old answer was taken")
		}
		f.store.document(`{}`)
		f.invoke()
		if n := f.store.asked.Load(); n != 2 {
			t.Errorf("%d attempts, want the next one at once", n)
		}
	})
}

func TestClockThatIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.document(`{}`)
		f.invoke()
		f.store.document(armed)
		back := time.Now().Add(-24 * time.Hour)
		f.Faults(back)
		synctest.Wait()
		if n := f.store.asked.Load(); n != 2 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestWhatDisarms(t *testing.T) {
	for _, c := range []struct {
		name  string
		reply func(*fake)
		log   string // "" for no line
	}{
		{"an empty document", func(f *fake) { f.document(" \n") }, ""},
		{"a disarmed one", func(f *fake) { f.document(`{"exception":{"enabled":false}}`) }, ""},
		{"a malformed one", func(f *fake) { f.document(`{"exception":`) }, "is not a JSON object"},
		{"another root", func(f *fake) { f.document(`[1]`) }, "is not a JSON object"},
		{"binary", func(f *fake) { f.document("\x00\xff\xfe") }, "is not a JSON object"},
		{"a bad lease", func(f *fake) { f.document(`{"exception":{"enabled":true},"firedrill":{"expires_at":"soon"}}`) }, "expires_at"},
		{"a refusal", func(f *fake) { f.fails(&refusal{reason: "status 403"}) }, "no faults are injected: status 403"},
		{"a refusal, wrapped", func(f *fake) { f.fails(fmt.Errorf("x: %w", &refusal{reason: "gone"})) }, "gone"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.store.document(armed)
				f.invoke()
				if !f.invoke() {
					t.Fatal("not armed to begin with")
				}
				c.reply(f.store)
				f.run(armedEvery)
				for range 3 {
					f.run(armedEvery)
					if f.invoke() {
						t.Fatal("the last good set outlives its replacement")
					}
				}
				if c.log == "" {
					f.lines()
				} else {
					f.lines(c.log)
				}
				f.store.document(armed)
				f.run(quietEvery)
				if !f.invoke() {
					t.Error("not armed again")
				}
			})
		})
	}
}

// A store that flaps neither fills the log nor is asked more often.
func TestStoreThatFlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		var n int
		f.store.set(func(context.Context, string) (answer, error) {
			if n++; n%2 == 0 {
				return answer{}, errors.New("status 500")
			}
			return answer{body: []byte(armed)}, nil
		})
		f.invoke()
		if asked := f.run(9 * time.Minute); asked > 9*60 {
			t.Errorf("asked %d times in %v", asked, 9*time.Minute)
		}
		if !f.invoke() {
			t.Error("flapping disarms")
		}
		f.lines("status 500")
	})
}

// Neither does one that invents a new document, wrong in a new way, each time.
func TestJunkThatChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.live.place.refresh = floorEvery
		var n int
		f.store.set(func(context.Context, string) (answer, error) {
			n++
			return answer{body: fmt.Appendf(nil, `{"kind%d":{},"exception":{"enabled":%d}}`, n, n)}, nil
		})
		f.run(repeatAfter - time.Second)
		if lines := strings.Count(f.log.String(), "\n"); n < 1000 || lines != maxTold {
			t.Errorf("%d lines about %d documents, want %d", lines, n, maxTold)
		}
		f.run(time.Minute)
		if lines := strings.Count(f.log.String(), "\n"); lines <= maxTold || lines > 2*maxTold {
			t.Errorf("%d lines", lines)
		}
	})
}

func TestCancelledSourceIsQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		f.live.ctx = ctx
		f.store.document(leased(time.Hour))
		f.invoke()
		time.Sleep(armedEvery)
		f.store.hangs()
		f.invoke()
		cancel()
		synctest.Wait()
		if n := f.run(time.Minute); n != 0 {
			t.Errorf("%d attempts after the end", n)
		}
		if !f.invoke() {
			t.Error("the last set is gone")
		}
		f.lines()
	})
}

func TestFaultsConcurrently(t *testing.T) {
	f := newFixture(t)
	f.live.place.refresh = floorEvery
	var n atomic.Int64
	f.store.set(func(context.Context, string) (answer, error) {
		return answer{body: []byte([]string{armed, `{}`}[n.Add(1)%2])}, nil
	})
	start := time.Now()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for i := range 2000 {
				if set := f.Faults(start.Add(time.Duration(i) * time.Second)); set != nil && set.Empty() {
					t.Error("an empty set")
				}
			}
		})
	}
	group.Wait()
}

func TestFaultsDoesNotAllocate(t *testing.T) {
	f := newFixture(t)
	f.store.document(armed)
	now := time.Now()
	f.Faults(now)
	if n := testing.AllocsPerRun(100, func() { f.Faults(now) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkFaults(b *testing.B) {
	s := &fake{}
	s.document(`{}`)
	l := newLive(b.Context(), place{refresh: quietEvery}, s, &source.Gate{}, &problemLog{})
	b.ReportAllocs()
	for b.Loop() {
		l.Faults(time.Now())
	}
}

// A snapshot may be restored long after it was taken: what was in force then is not, leased or not, and neither is an
// answer that was on its way.
func TestNothingOutlivesASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.store.document(armed)
		f.invoke()
		if !f.invoke() {
			t.Fatal("not armed")
		}
		answers := make(chan string)
		f.store.set(func(context.Context, string) (answer, error) { return answer{body: []byte(<-answers)}, nil })
		time.Sleep(2 * armedEvery) // the bubble's clock
		f.invoke()                 // begins an attempt
		f.Restored(time.Now())
		synctest.Wait()
		if f.invoke() {
			t.Error("the fault set of the snapshot is in force")
		}
		answers <- armed // one of the two attempts gets it
		answers <- armed
		synctest.Wait()
		if !f.invoke() {
			t.Error("not armed by what was read after the snapshot")
		}
		if n := f.store.asked.Load(); n != 3 {
			t.Errorf("%d attempts, want 3", n)
		}
	})
}

func TestAnAnswerFromBeforeASnapshotIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		old, fresh := make(chan struct{}), make(chan struct{})
		f.store.set(func(context.Context, string) (answer, error) {
			if f.store.asked.Load() == 1 {
				<-old
				return answer{body: []byte(armed)}, nil
			}
			<-fresh
			return answer{body: []byte(`{}`)}, nil
		})
		f.invoke()
		f.Restored(time.Now())
		close(old)
		synctest.Wait()
		if f.invoke() {
			t.Error("armed by an answer from before the snapshot")
		}
		close(fresh)
		synctest.Wait()
	})
}
