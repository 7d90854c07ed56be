package dynamostate

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/internal/moto"
)

func claimed(t *testing.T, table *Table, run string, fresh bool) engine.Claim {
	t.Helper()
	c, err := table.Claim(t.Context(), run, fresh)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func appended(t *testing.T, c engine.Claim, line string, durable bool) {
	t.Helper()
	if err := c.Append([]byte(line+"\n"), durable); err != nil {
		t.Fatal(err)
	}
}

func lines(t *testing.T, table *Table, run string) string {
	t.Helper()
	trace, err := table.Trace(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(trace.Lines), "\n", " ")
}

func TestJournalIsContinued(t *testing.T) {
	table, _ := newTable(t, time.Minute)
	if _, err := table.Trace(t.Context(), "R1"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such run: %v", err)
	}
	if _, err := table.Claim(t.Context(), "R1", false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no such run: %v", err)
	}
	c := claimed(t, table, "R1", true)
	appended(t, c, "a", true)
	appended(t, c, "b", false)
	appended(t, c, "c", true)
	if got := lines(t, table, "R1"); got != "a b c " {
		t.Errorf("%q", got)
	}
	trace, err := table.Trace(t.Context(), "R1")
	if err != nil || !trace.Live {
		t.Errorf("%+v, %v", trace, err)
	}
	if _, err := table.Claim(t.Context(), "R1", false); !errors.Is(err, engine.ErrHeld) || engine.HintOf(err) == "" {
		t.Errorf("it is held: %v", err)
	}
	appended(t, c, "d", false)
	c.Release(true)
	c.Release(true)
	if err := c.Append([]byte("late\n"), true); err == nil {
		t.Error("appended after the release")
	}
	again := claimed(t, table, "R1", false)
	appended(t, again, "e", true)
	again.Release(false)
	if got := lines(t, table, "R1"); got != "a b c d e " {
		t.Errorf("%q", got)
	}
	claimed(t, table, "R0", true).Release(true)
	if runs, err := table.Runs(t.Context()); err != nil || strings.Join(runs, " ") != "R0 R1" {
		t.Errorf("%v, %v", runs, err)
	}
}

// TestLongRecords: what is longer than an item is split; what is longer than a transaction is refused.
func TestLongRecords(t *testing.T) {
	table, _ := newTable(t, time.Minute)
	c := claimed(t, table, "R1", true)
	defer c.Release(true)
	long := strings.Repeat("äö", maxItem) + "\n"
	for _, text := range []string{"a\n", long, "b\n"} {
		if err := c.Append([]byte(text), true); err != nil {
			t.Fatal(err)
		}
	}
	if trace, err := table.Trace(t.Context(), "R1"); err != nil || string(trace.Lines) != "a\n"+long+"b\n" {
		t.Errorf("%d bytes, %v", len(trace.Lines), err)
	}
	if err := c.Append(make([]byte, maxBatch+1), true); err == nil || !strings.Contains(err.Error(), "bytes are more than") {
		t.Errorf("%v", err)
	}
}

// TestManyWriters: lines that wait together are written together, and none is lost.
func TestManyWriters(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	c := claimed(t, table, "R1", true)
	relay.Decide(nil)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { appended(t, c, "x", true) })
	}
	all.Wait()
	if n := len(relay.Calls()); n > 60 {
		t.Errorf("%d requests for 100 lines", n)
	}
	c.Release(true)
	if got := len(lines(t, table, "R1")); got != 200 {
		t.Errorf("%d bytes", got)
	}
}

// TestTakenOver: whoever lost a run can write nothing to it any more, and knows it.
func TestTakenOver(t *testing.T) {
	table, relay := newTable(t, shortestLease)
	sleeper := claimed(t, table, "R1", true)
	appended(t, sleeper, "a", true)
	if err := sleeper.Lock(t.Context(), []string{"x"}); err != nil {
		t.Fatal(err)
	}
	asleep := []byte(sleeper.(*claim).holder)
	relay.Decide(func(c moto.Call) moto.Mishap {
		if bytes.Contains(c.Body, asleep) {
			return moto.Cut
		}
		return moto.None
	})
	taker := takeOver(t, tableAt(relay.URL, shortestLease), "R1")
	relay.Decide(nil)
	defer taker.Release(true)
	for _, durable := range []bool{true, false} {
		if err := sleeper.Append([]byte("overwritten\n"), durable); durable && !errors.Is(err, engine.ErrLost) {
			t.Errorf("the sleeper's write: %v", err)
		}
	}
	if err := sleeper.Held(t.Context()); !errors.Is(err, engine.ErrLost) {
		t.Errorf("the sleeper holds it: %v", err)
	}
	if err := sleeper.Lock(t.Context(), []string{"y"}); !errors.Is(err, engine.ErrLost) {
		t.Errorf("the sleeper locks: %v", err)
	}
	appended(t, taker, "b", true)
	sleeper.Release(true)
	if got := lines(t, table, "R1"); got != "a b " {
		t.Errorf("%q", got)
	}
	if run, err := table.Holder(t.Context(), "x"); err != nil || run != "R1" {
		t.Errorf("the sleeper gave back what is no longer its own: %q, %v", run, err)
	}
}

// takeOver waits until a claim has ended.
func takeOver(t *testing.T, table *Table, run string) engine.Claim {
	t.Helper()
	for {
		c, err := table.Claim(t.Context(), run, false)
		if err == nil {
			return c
		}
		if !errors.Is(err, engine.ErrHeld) {
			t.Fatal(err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

// TestOneTakesOver: of many who would recover a run at once, one does.
func TestOneTakesOver(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	claimed(t, table, "R1", true).Release(false)
	var mu sync.Mutex
	var won []engine.Claim
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c, err := tableAt(relay.URL, time.Minute).Claim(t.Context(), "R1", false)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won = append(won, c)
			} else if !errors.Is(err, engine.ErrHeld) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Errorf("%d took it over", len(won))
	}
	for _, c := range won {
		c.Release(true)
	}
}

// TestTargets: a target is one run's at a time, and a dead run's until somebody has looked into its journal.
func TestTargets(t *testing.T) {
	table, _ := newTable(t, time.Minute)
	var many []string
	for i := range 100 {
		many = append(many, strings.Repeat("t", i+1))
	}
	first, second := claimed(t, table, "R1", true), claimed(t, table, "R2", true)
	for range 2 { // the answer of the first time may have been lost
		if err := first.Lock(t.Context(), many); err != nil {
			t.Fatal(err)
		}
	}
	var held *engine.TargetHeld
	if err := second.Lock(t.Context(), []string{"free", "tt"}); !errors.As(err, &held) || held.Target != "tt" || held.Run != "R1" || held.Gone {
		t.Errorf("%v", err)
	}
	if run, err := table.Holder(t.Context(), "free"); err != nil || run != "" {
		t.Errorf("what could not be taken whole was taken in part: %q, %v", run, err)
	}
	first.Release(false)
	if err := second.Lock(t.Context(), []string{"tt"}); !errors.As(err, &held) || !held.Gone {
		t.Errorf("%v", err)
	}
	again := claimed(t, table, "R1", false)
	again.Release(true)
	if err := second.Lock(t.Context(), many); err != nil {
		t.Errorf("%v", err)
	}
	second.Release(true)
	for _, target := range many {
		if run, err := table.Holder(t.Context(), target); err != nil || run != "" {
			t.Errorf("%q is still locked by %q, %v", target, run, err)
		}
	}
}

func TestNotes(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	noise := make([]byte, 3*maxItem)
	source := rand.NewChaCha8([32]byte{1})
	if _, err := source.Read(noise); err != nil {
		t.Fatal(err)
	}
	for _, note := range [][]byte{[]byte("short\n"), noise, bytes.Repeat([]byte("long"), maxItem), noise[:maxItem+1], {}} {
		if err := table.Write(t.Context(), "runs/R1/report.json", note); err != nil {
			t.Fatal(err)
		}
		got, err := tableAt(relay.URL, time.Minute).Read(t.Context(), "runs/R1/report.json")
		if err != nil || !bytes.Equal(got, note) {
			t.Errorf("%d bytes became %d, %v", len(note), len(got), err)
		}
	}
	for range 2 {
		if err := table.Remove(t.Context(), "runs/R1/report.json"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := table.Read(t.Context(), "runs/R1/report.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	if items, err := table.query(t.Context(), noteKey("runs/R1/report.json"), "0", last); err != nil || len(items) != 0 {
		t.Errorf("left behind: %d items, %v", len(items), err)
	}
}

// TestWrongClock: a machine whose clock is an hour fast takes nothing over that is alive.
func TestWrongClock(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	c := claimed(t, table, "R1", true)
	defer c.Release(true)
	for _, wrong := range []time.Duration{time.Hour, -time.Hour} {
		other := tableAt(relay.URL, time.Minute)
		other.clock.now = func() time.Time { return time.Now().Add(wrong) }
		if _, err := other.Claim(t.Context(), "R1", false); !errors.Is(err, engine.ErrHeld) {
			t.Errorf("%s: %v", wrong, err)
		}
		run := "W" + wrong.String()
		theirs := claimed(t, other, run, true)
		if _, err := table.Claim(t.Context(), run, false); !errors.Is(err, engine.ErrHeld) {
			t.Errorf("%s: %v", wrong, err)
		}
		theirs.Release(true)
		if trace, err := table.Trace(t.Context(), run); err != nil || trace.Live {
			t.Errorf("%s: %+v, %v", wrong, trace, err)
		}
	}
}

// TestMishaps: whatever happens to a request, the journal has each line that Append accepted once, and no other.
func TestMishaps(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	for _, mishap := range []moto.Mishap{moto.Throttled, moto.Broken, moto.Cut, moto.Lost, moto.Hung} {
		for at := 1; at <= 6; at++ {
			if mishap == moto.Hung && at != 3 { // each takes the client's whole patience
				continue
			}
			run := mishap.String() + string(rune('0'+at))
			relay.Decide(func(c moto.Call) moto.Mishap {
				if c.Number == at {
					return mishap
				}
				return moto.None
			})
			c := claimed(t, table, run, true)
			if err := c.Lock(t.Context(), []string{run}); err != nil {
				t.Fatalf("%s: %v", run, err)
			}
			appended(t, c, "a", true)
			appended(t, c, "b", true)
			c.Release(true)
			relay.Decide(nil)
			if got := lines(t, table, run); got != "a b " {
				t.Errorf("%s: %q", run, got)
			}
			if trace, err := table.Trace(t.Context(), run); err != nil || trace.Live {
				t.Errorf("%s: %+v, %v", run, trace, err)
			}
			if holder, err := table.Holder(t.Context(), run); err != nil || holder != "" {
				t.Errorf("%s: %q, %v", run, holder, err)
			}
		}
	}
}

// TestNotWritten: a line whose Append failed does not stay in the journal, although its request may have been carried
// out, once another one is written.
func TestNotWritten(t *testing.T) {
	table, relay := newTable(t, time.Minute)
	c := claimed(t, table, "R1", true).(*claim)
	appended(t, c, "a", true)
	relay.Decide(func(moto.Call) moto.Mishap { return moto.Lost })
	c.learned(time.Now(), errors.New("so that it does not try for long"))
	if err := c.Append([]byte(strings.Repeat("doubtful", maxItem/4)+"\n"), true); err == nil {
		t.Fatal("no answer, and yet written")
	}
	appended(t, c, "b", false) // waits
	relay.Decide(nil)
	appended(t, c, "c", true)
	c.Release(true)
	if got := lines(t, table, "R1"); got != "a b c " {
		t.Errorf("%.100q", got)
	}
}

func TestNoTable(t *testing.T) {
	table := tableAt(moto.Start(t), time.Minute)
	_, err := table.Runs(t.Context())
	if err == nil || !strings.Contains(engine.HintOf(err), "firedrill state create dynamodb:drills") {
		t.Errorf("%v, hint %q", err, engine.HintOf(err))
	}
	for _, first := range []bool{true, false} {
		if created, err := table.Create(t.Context()); err != nil || created != first {
			t.Errorf("%v, %v", created, err)
		}
	}
}
