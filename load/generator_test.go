package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// observations collects what a generator reports.
type observations struct {
	mu  sync.Mutex
	all []verdict.Observation
}

func (o *observations) add(one verdict.Observation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, one)
}

func (o *observations) classes() map[string]int {
	n := map[string]int{}
	for _, one := range o.all {
		n[one.Class]++
	}
	return n
}

type invokeFunc = func(ctx context.Context, name string, payload []byte) (int, string, error)

// simulate runs a load of invocations for a while of fake time and returns what it reported, by intended start, and how long it took.
func simulate(t *testing.T, l experiment.Load, d time.Duration, invoke invokeFunc) (*observations, time.Duration) {
	t.Helper()
	l.Name, l.Lambda = "orders", "shop"
	g, err := New(l, Deps{Invoke: func(ctx context.Context, name string, payload []byte) (Invoked, error) {
		status, functionError, err := invoke(ctx, name, payload)
		return Invoked{Status: status, FunctionError: functionError, Mark: "latency;run=R1", Version: "7"}, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var got observations
	start := time.Now()
	if err := g.Run(ctx, got.add); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	slices.SortFunc(got.all, func(a, b verdict.Observation) int { return a.At.Compare(b.At) })
	return &got, took
}

// after waits in (fake) time, or until ctx is done.
func after(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting: %w", ctx.Err())
	}
}

func TestRequestsStartWhenTheyAreDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, _ := simulate(t, experiment.Load{Rate: constant(20)}, 9990*ms, func(ctx context.Context, _ string, _ []byte) (int, string, error) {
			return 200, "", after(ctx, 300*ms) // slower than requests come: six are under way at a time
		})
		if len(got.all) != 200 {
			t.Fatalf("%d requests; want 200", len(got.all))
		}
		for i, o := range got.all {
			want := verdict.Observation{At: start.Add(time.Duration(i) * 50 * ms), Value: 0.3, Class: "200"}
			if !o.At.Equal(want.At) || o.Value != want.Value || o.Failed || o.Class != want.Class || o.Late != 0 {
				t.Fatalf("request %d: %+v; want %+v", i, o, want)
			}
		}
	})
}

// stalled answers at once, but for calls that arrive between 2 s and 3 s: they wait until 3 s.
func stalled() invokeFunc {
	start := time.Now()
	return func(ctx context.Context, _ string, _ []byte) (int, string, error) {
		if now := time.Since(start); now >= 2*sec && now < 3*sec {
			return 200, "", after(ctx, 3*sec-now)
		}
		return 200, "", nil
	}
}

func TestStallShowsInTheLatencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, _ := simulate(t, experiment.Load{Rate: constant(2000)}, 10*sec-1, stalled())
		if len(got.all) != 20_000 {
			t.Fatalf("%d requests; want 20000", len(got.all))
		}
		e, err := verdict.ParseExpectation("p99 < 100ms")
		if err != nil {
			t.Fatal(err)
		}
		f := verdict.Judge(e, got.all, 10*sec)
		// A tenth of all requests waited, evenly from 0 to 1 s, but only the first 1,000 of them found room.
		if f.Outcome != verdict.Disproved || !math.IsInf(f.Estimate, 1) {
			t.Errorf("%s: %s", f.Outcome, f.Reason)
		}
		if n := got.classes()[ClassDropped]; n != 1000 {
			t.Errorf("%d dropped; want 1000", n)
		}
	})
}

func TestStallWithRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, _ := simulate(t, experiment.Load{Rate: constant(100)}, 10*sec-1, stalled())
		waited := 0
		for i, o := range got.all {
			want := 0.0
			if i >= 200 && i < 300 {
				want = float64(300-i) / 100
				waited++
			}
			if math.Abs(o.Value-want) > 1e-9 || o.Failed {
				t.Fatalf("request %d: %+v; want a latency of %v", i, o, want)
			}
		}
		if len(got.all) != 1000 || waited != 100 {
			t.Fatalf("%d requests, %d of them in the stall", len(got.all), waited)
		}
		e, err := verdict.ParseExpectation("p99 < 100ms")
		if err != nil {
			t.Fatal(err)
		}
		if f := verdict.Judge(e, got.all, 10*sec); f.Outcome != verdict.Disproved || math.Abs(f.Estimate-0.9) > 0.02 {
			t.Errorf("%s: %s", f.Outcome, f.Reason)
		}
	})
}

func TestTooManyInFlightAreDroppedOnTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, _ := simulate(t, experiment.Load{Rate: constant(10), MaxInFlight: 3}, 2*sec-1, func(ctx context.Context, _ string, _ []byte) (int, string, error) {
			return 200, "", after(ctx, 950*ms)
		})
		// Requests 0 to 2 occupy the room until 0.95 to 1.15 s, so 3 to 9 are dropped; 10 to 12 find room again.
		for i, o := range got.all {
			dropped := i%10 >= 3
			if (o.Class == ClassDropped) != dropped || o.Failed != dropped || math.IsInf(o.Value, 1) != dropped || o.Late != 0 ||
				!o.At.Equal(start.Add(time.Duration(i)*100*ms)) {
				t.Errorf("request %d: %+v; dropped: %v", i, o, dropped)
			}
		}
		if len(got.all) != 20 {
			t.Errorf("%d observations; want 20", len(got.all))
		}
	})
}

func TestRunWaitsForRequestsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, took := simulate(t, experiment.Load{Rate: constant(1), Timeout: 5 * sec}, 2500*ms, func(ctx context.Context, _ string, _ []byte) (int, string, error) {
			return 0, "", after(ctx, time.Hour)
		})
		if took != 7*sec { // the third request started at 2 s
			t.Errorf("Run took %v; want 7s", took)
		}
		for _, o := range got.all {
			if !o.Failed || o.Class != ClassTimeout || o.Value != 5 {
				t.Errorf("%+v; want a timeout after 5 s", o)
			}
		}
		if len(got.all) != 3 {
			t.Errorf("%d observations; want 3", len(got.all))
		}
	})
}

func TestRunWaitsOutASilentSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := []experiment.RateStep{{From: 2, To: 2, For: sec}, {}}
		got, took := simulate(t, experiment.Load{Rate: steps}, time.Minute, func(context.Context, string, []byte) (int, string, error) { return 200, "", nil })
		if took != time.Minute || len(got.all) != 2 {
			t.Errorf("%d requests in %v; want 2 in 1m", len(got.all), took)
		}
	})
}

func TestInvocationClasses(t *testing.T) {
	tests := []struct {
		status        int
		functionError string
		err           error
		class         string
		failed        bool
		answered      bool
	}{
		{200, "", nil, "200", false, true},
		{202, "", nil, "202", false, true},
		{200, "Unhandled", nil, ClassFunctionError, true, true},
		{429, "", nil, ClassThrottled, true, true},
		{404, "", nil, "404", true, true},
		{0, "", errors.New("signing failed"), ClassError, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.class, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, _ := simulate(t, experiment.Load{Rate: constant(1)}, sec/2, func(context.Context, string, []byte) (int, string, error) {
					return tt.status, tt.functionError, tt.err
				})
				o := got.all[0]
				if o.Class != tt.class || o.Failed != tt.failed || math.IsInf(o.Value, 1) == tt.answered {
					t.Errorf("got %+v", o)
				}
			})
		})
	}
}

func TestOneSeedSendsTheSameTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		payloads := func(seed int64) string {
			sent := make([]string, 0, 100)
			simulate(t, experiment.Load{Rate: constant(100), Seed: seed, Body: `{{printf "%03d" .Seq}} {{.UUID}} {{.Rand 1 1000}}`}, sec-1, func(_ context.Context, _ string, p []byte) (int, string, error) {
				sent = append(sent, string(p)) // one at a time: each is answered before the next is due
				return 200, "", nil
			})
			return strings.Join(sent, "\n")
		}
		first := payloads(7)
		if first != payloads(7) {
			t.Error("two runs with one seed sent different bodies")
		}
		if first == payloads(8) {
			t.Error("two seeds sent the same bodies")
		}
		if unseeded := payloads(0); unseeded == payloads(0) {
			t.Error("two runs without a seed sent the same identifiers")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	get := &experiment.HTTPRequest{Method: "GET", URL: "http://127.0.0.1/"}
	tests := []struct {
		name string
		load experiment.Load
		want string
	}{
		{"nothing to send", experiment.Load{Rate: constant(1)}, "either an HTTP request or a Lambda function"},
		{"two things to send", experiment.Load{Rate: constant(1), HTTP: get, Lambda: "f"}, "either an HTTP request or a Lambda function"},
		{"no rate", experiment.Load{HTTP: get}, "never above 0"},
		{"no invoker", experiment.Load{Rate: constant(1), Lambda: "f"}, "nothing to invoke function f with"},
		{"bad URL", experiment.Load{Rate: constant(1), HTTP: &experiment.HTTPRequest{URL: "ftp://x/"}}, "write http://HOST"},
		{"bad method", experiment.Load{Rate: constant(1), HTTP: &experiment.HTTPRequest{Method: "G T", URL: get.URL}}, "invalid method"},
		{"bad body", experiment.Load{Rate: constant(1), HTTP: get, Body: "{{.Nope}}"}, "body: "},
		{"bad URL template", experiment.Load{Rate: constant(1), HTTP: &experiment.HTTPRequest{URL: "http://h/{{.Nope}}"}}, "url: "},
		{"bad header template", experiment.Load{Rate: constant(1), HTTP: &experiment.HTTPRequest{URL: get.URL, Headers: map[string]string{"X-Id": "{{"}}}, "header X-Id: "},
		{"bad event", experiment.Load{Rate: constant(1), Lambda: "f", Body: "{{"}, "unclosed action"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.load.Name = "orders"
			d := Deps{Invoke: func(context.Context, string, []byte) (Invoked, error) { return Invoked{Status: 200}, nil }}
			if tt.name == "no invoker" {
				d = Deps{}
			}
			_, err := New(tt.load, d)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "load orders: ") {
				t.Errorf("got %v; want an error with %q", err, tt.want)
			}
		})
	}
}

// TestMarksOfInvocations: what a function's response says of its fault is kept, and its version even if it failed.
func TestMarksOfInvocations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got, _ := simulate(t, experiment.Load{Rate: constant(10)}, time.Second, func(context.Context, string, []byte) (int, string, error) { return 200, "", nil })
		if len(got.all) == 0 || got.all[0].Mark != "latency;run=R1" || got.all[0].Version != "7" {
			t.Errorf("%+v", got.all)
		}
		got, _ = simulate(t, experiment.Load{Rate: constant(10)}, time.Second, func(context.Context, string, []byte) (int, string, error) { return 200, "Unhandled", nil })
		if len(got.all) == 0 || got.all[0].Class != ClassFunctionError || got.all[0].Version != "7" {
			t.Errorf("%+v", got.all)
		}
	})
}

// TestAPanicEndsTheLoadAlone: it must not end the process, which has faults to undo.
func TestAPanicEndsTheLoadAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		g, err := New(experiment.Load{Name: "orders", Rate: constant(10), Lambda: "shop", MaxInFlight: 1}, Deps{
			Invoke: func(context.Context, string, []byte) (Invoked, error) {
				if n++; n == 3 {
					panic("a bug")
				}
				return Invoked{Status: 200}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got observations
		err = g.Run(t.Context(), got.add)
		if err == nil || !strings.Contains(err.Error(), "load orders: panic: a bug") {
			t.Errorf("got %v", err)
		}
		if len(got.all) != 2 {
			t.Errorf("%d observations; want 2", len(got.all))
		}
	})
}
