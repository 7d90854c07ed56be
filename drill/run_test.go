package drill

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// job is one that reaches what it is told to.
func job(file string, length time.Duration, reaches ...string) Job {
	j := Job{File: file, Length: length, Reach: Reach{names: map[string]bool{}}}
	j.Reach.Add(reaches...)
	return j
}

// A stage plays the engine: each run takes its job's length, and ends early if its context does.
type stage struct {
	mu       sync.Mutex
	started  []string
	going    map[string]bool
	most     int
	met      [][2]string // ran at the same time
	verdicts map[string][]verdict.Outcome
	results  func(file string, r *engine.Result)
	during   func(ctx context.Context, j *Job, link Link)
}

func (s *stage) run(ctx context.Context, j *Job, link Link) (*engine.Result, error) {
	s.begin(j.File)
	defer s.end(j.File)
	run := fmt.Sprintf("RUN-%s-%d", j.File, link.Attempt)
	link.Observe(engine.Event{Kind: engine.EventBegan, Run: run})
	r := &engine.Result{Run: run, Verdict: verdict.Held}
	if list := s.verdicts[j.File]; len(list) > 0 {
		r.Verdict = list[min(link.Attempt, len(list))-1]
	}
	if s.during != nil {
		s.during(ctx, j, link)
	}
	select {
	case <-time.After(j.Length):
	case <-ctx.Done():
		r.Verdict, r.Stop = verdict.Stopped, &engine.Stop{Kind: engine.StopInterrupted}
	}
	if s.results != nil {
		s.results(j.File, r)
	}
	return r, nil
}

func (s *stage) begin(file string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.going == nil {
		s.going = map[string]bool{}
	}
	for other := range s.going {
		s.met = append(s.met, [2]string{min(file, other), max(file, other)})
	}
	s.started, s.going[file] = append(s.started, file), true
	s.most = max(s.most, len(s.going))
}

func (s *stage) end(file string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.going, file)
}

// TestWidth: a hundred jobs of a second take no longer than they must, whatever the width.
func TestWidth(t *testing.T) {
	for _, width := range []int{0, 1, 7, 10, 1000} {
		synctest.Test(t, func(t *testing.T) {
			var jobs []Job
			for i := range 100 {
				jobs = append(jobs, job(fmt.Sprintf("%03d", i), time.Second, fmt.Sprint("f", i)))
			}
			var s stage
			began := time.Now()
			out, err := Run(t.Context(), jobs, Options{Width: width, Run: s.run})
			took, places := time.Since(began), max(width, 1)
			ideal := time.Duration(math.Ceil(100/float64(places))) * time.Second
			if err != nil || took != ideal || Forecast(jobs, width) != ideal || s.most != min(places, 100) {
				t.Errorf("width %d: %s instead of %s, %d at once, %v", width, took, ideal, s.most, err)
			}
			for i, o := range out {
				if o.File != jobs[i].File || o.Result == nil || o.Ending != nil || len(o.Earlier) != 0 {
					t.Errorf("%d: %+v", i, o)
				}
			}
			if width <= 1 && !slices.IsSorted(s.started) {
				t.Errorf("not in order: %v", s.started)
			}
		})
	}
}

// TestApart: what shares anything, or must be alone, never meets; what need not wait overtakes what must.
func TestApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		jobs := []Job{job("a", 3*time.Second, "x"), job("b", time.Second, "x"), job("c", time.Second, "y"), job("d", time.Second, "z"), job("e", time.Second, "w")}
		jobs[3].Reach.Alone = "it cannot be undone"
		var s stage
		out, err := Run(t.Context(), jobs, Options{Width: 4, Run: s.run})
		slices.Sort(s.started[:3]) // these three begin together
		if err != nil || !slices.Equal(s.started, []string{"a", "c", "e", "b", "d"}) {
			t.Errorf("%v, %v", s.started, err)
		}
		for _, pair := range s.met {
			if pair == [2]string{"a", "b"} || slices.Contains(pair[:], "d") {
				t.Errorf("%v ran at the same time", pair)
			}
		}
		if len(out[0].Beside) != 2 || len(out[3].Beside) != 0 {
			t.Errorf("beside a: %v, beside d: %v", out[0].Beside, out[3].Beside)
		}
	})
}

// TestEndings: who ends a drill, what becomes of what is going on, and of what has not begun.
func TestEndings(t *testing.T) {
	stopped := func(kind engine.StopKind) func(string, *engine.Result) {
		return func(file string, r *engine.Result) {
			if file == "a" {
				r.Verdict, r.Stop = verdict.Stopped, &engine.Stop{Kind: kind}
			}
		}
	}
	for _, test := range []struct {
		name    string
		results func(string, *engine.Result)
		fast    bool
		b, c    error // nil: it ran to its end
	}{
		{"firedrill stop", stopped(engine.StopRequested), false, ErrOrdered, ErrOrdered},
		{"kill switch", stopped(engine.StopKillSwitch), false, ErrOrdered, ErrOrdered},
		{"stop rule", stopped(engine.StopRule), false, nil, nil},
		{"residue", func(file string, r *engine.Result) {
			if file == "a" {
				r.Residue = []engine.Residue{{Target: "t"}}
			}
		}, false, ErrResidue, ErrResidue},
		{"disproved", func(file string, r *engine.Result) { r.Verdict = verdict.Disproved }, false, nil, nil},
		{"fail fast", func(file string, r *engine.Result) { r.Verdict = verdict.Disproved }, true, nil, ErrFailFast},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				jobs := []Job{job("a", time.Second, "a"), job("b", 5*time.Second, "b"), job("c", time.Second, "a")}
				s := stage{results: test.results}
				out, err := Run(t.Context(), jobs, Options{Width: 2, FailFast: test.fast, Run: s.run})
				if err != nil || !errors.Is(out[1].Ending, test.b) || !errors.Is(out[2].Ending, test.c) || (out[2].Result == nil) != (test.c != nil) {
					t.Errorf("b %v, c %v, %v", out[1].Ending, out[2].Ending, err)
				}
			})
		})
	}
}

// TestCallersContext: its end is the drill's, with its cause.
func TestCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := errors.New("too late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 1500*time.Millisecond, late)
		defer cancel()
		var s stage
		out, err := Run(ctx, []Job{job("a", time.Second, "x"), job("b", time.Second, "x"), job("c", time.Second, "x")}, Options{Width: 2, Run: s.run})
		if err != nil || out[0].Ending != nil || !errors.Is(out[1].Ending, late) || out[1].Result == nil || !errors.Is(out[2].Ending, late) || out[2].Result != nil {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestCannotBegin: a run that cannot begin ends the drill, and says why.
func TestCannotBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("the disk is full")
		var s stage
		run := func(ctx context.Context, j *Job, link Link) (*engine.Result, error) {
			if j.File == "a" {
				return nil, full
			}
			return s.run(ctx, j, link)
		}
		out, err := Run(t.Context(), []Job{job("a", time.Second, "x"), job("b", time.Second, "y"), job("c", time.Second, "x")}, Options{Width: 2, Run: run})
		if !errors.Is(err, full) || !errors.Is(out[1].Ending, full) || out[2].Result != nil {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

// TestRetries: only what is inconclusive is run again, and the last run counts.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stage{verdicts: map[string][]verdict.Outcome{
			"a": {verdict.Inconclusive, verdict.Held}, "b": {verdict.Inconclusive}, "c": {verdict.Disproved, verdict.Held}, "d": {verdict.NotSteady, verdict.Held},
		}}
		jobs := []Job{job("a", time.Second), job("b", time.Second), job("c", time.Second), job("d", time.Second)}
		out, err := Run(t.Context(), jobs, Options{Retries: 2, Run: s.run})
		for i, want := range []struct {
			attempts int
			verdict  verdict.Outcome
		}{{2, verdict.Held}, {3, verdict.Inconclusive}, {1, verdict.Disproved}, {1, verdict.NotSteady}} {
			if err != nil || len(out[i].Earlier)+1 != want.attempts || out[i].Result.Verdict != want.verdict {
				t.Errorf("%s: %d times, %s, %v", out[i].File, len(out[i].Earlier)+1, out[i].Result.Verdict, err)
			}
		}
	})
}

// TestWaitsForItsOwn: a run waits for a target that another run of the drill has, and for nobody else's.
func TestWaitsForItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waited time.Duration
		var own, others, over bool
		s := stage{during: func(ctx context.Context, j *Job, link Link) {
			if j.File == "b" {
				time.Sleep(time.Second)
				began := time.Now()
				own = link.Wait(ctx, &engine.TargetHeld{Run: "RUN-a-1"})
				waited = time.Since(began)
				others = link.Wait(ctx, &engine.TargetHeld{Run: "RUN-z-1"})
				time.Sleep(time.Second)
				over = link.Wait(ctx, &engine.TargetHeld{Run: "RUN-a-1"}) // it had the target when the engine looked
				ended, cancel := context.WithCancel(ctx)
				cancel()
				over = over && !link.Wait(ended, &engine.TargetHeld{Run: "RUN-a-1"})
			}
		}}
		if _, err := Run(t.Context(), []Job{job("a", 5*time.Second, "x"), job("b", time.Second, "y")}, Options{Width: 2, Run: s.run}); err != nil {
			t.Fatal(err)
		}
		if !own || others || !over || waited != 4*time.Second {
			t.Errorf("own %v after %s, others' %v, one that is over %v", own, waited, others, over)
		}
	})
}

// TestBudget: what runs spend counts together, while they run and afterwards.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		allowed := map[string]int{}
		var mu sync.Mutex
		s := stage{
			during: func(_ context.Context, j *Job, link Link) {
				mu.Lock()
				allowed[j.File] = link.Guards[0].Budget.Errors
				mu.Unlock()
				link.Observe(engine.Event{Run: "RUN-" + j.File + "-1", Budgets: []engine.Spent{
					{What: "failed requests", Used: 1000}, {What: "failed requests", Used: 30, File: budgetFile}, {What: "injections", Used: 500, File: budgetFile},
				}})
			},
			results: func(_ string, r *engine.Result) {
				r.Budgets = []engine.Spent{{What: "failed requests", Used: 40, File: budgetFile}}
			},
		}
		jobs := []Job{job("a", time.Second, "x"), job("b", time.Second, "x"), job("c", 9*time.Second, "y"), job("d", time.Second, "x")}
		out, err := Run(t.Context(), jobs, Options{Width: 1, Budget: Budget{Errors: 100}, Run: s.run})
		if err != nil || allowed["a"] != 100 || allowed["b"] != 60 || allowed["c"] != 20 || !errors.Is(out[2].Ending, ErrBudget) || !errors.Is(out[3].Ending, ErrBudget) || out[3].Result != nil {
			t.Errorf("allowed %v; %+v, %v", allowed, out, err)
		}
	})
}

// TestNotAffordable: what is sure to spend more than is left is not begun, and what spends less is.
func TestNotAffordable(t *testing.T) {
	predicted := func(j Job, errors, invocations, cost float64) Job {
		j.Prediction = engine.Prediction{Failed: engine.Range{Least: errors}, Injections: engine.Range{Least: invocations}, Cost: engine.Range{Most: cost}}
		return j
	}
	unknown := math.Inf(1)
	for _, test := range []struct {
		name    string
		budget  Budget
		jobs    []Job
		skipped string
	}{
		{"errors of one that is running", Budget{Errors: 100}, []Job{predicted(job("a", 9*time.Second), 60, 0, 0), predicted(job("b", time.Second), 60, 0, 0), predicted(job("c", time.Second), 40, 0, 0)}, "b"},
		{"injections", Budget{Invocations: 10}, []Job{predicted(job("a", time.Second), 0, 11, unknown), predicted(job("b", time.Second), 1000, 10, unknown)}, "a"},
		{"cost adds up", Budget{Cost: 1}, []Job{predicted(job("a", time.Second, "x"), 0, 0, 0.6), predicted(job("b", time.Second, "x"), 0, 0, 0.6), predicted(job("c", time.Second, "x"), 0, 0, 0.4)}, "b"},
		{"nobody knows the cost", Budget{Cost: 1}, []Job{predicted(job("a", time.Second), 0, 0, unknown), predicted(job("b", time.Second), 0, 0, 1)}, "a"},
		{"no budget", Budget{}, []Job{predicted(job("a", time.Second), 1e9, 1e9, unknown)}, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var s stage
			out, err := Run(t.Context(), test.jobs, Options{Width: 2, Budget: test.budget, Run: s.run})
			skipped := ""
			for _, o := range out {
				if errors.Is(o.Ending, ErrTooMuch) && o.Result == nil {
					skipped += o.File
				} else if o.Ending != nil || o.Result == nil {
					t.Errorf("%s: %s: %+v", test.name, o.File, o)
				}
			}
			if err != nil || skipped != test.skipped {
				t.Errorf("%s: not begun: %q, %v", test.name, skipped, err)
			}
		})
	}
}

// TestWatch: the standing adds up, and the time that is left is told.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s stage
		var left []time.Duration
		jobs := []Job{job("a", time.Second, "x"), job("b", 3*time.Second, "y"), job("c", 4*time.Second, "x")}
		_, err := Run(t.Context(), jobs, Options{Width: 2, Run: s.run, Watch: func(st Standing) {
			if (st.Began == nil) == (st.Ended == nil) || st.Done+st.Running > st.All || st.All != 3 {
				t.Errorf("%+v", st)
			}
			left = append(left, st.Left)
		}})
		if want := []time.Duration{5, 5, 4, 4, 2, 0}; err != nil || len(left) != len(want) {
			t.Fatalf("%v, %v", left, err)
		} else {
			for i := range want {
				if left[i] != want[i]*time.Second {
					t.Errorf("left: %v", left)
					break
				}
			}
		}
	})
}

// TestRetriesAreAfforded: a run is not made again whose cost, or what it is sure to spend, is no longer left.
func TestRetriesAreAfforded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts, j := 0, job("a", time.Second)
		j.Prediction.Cost.Most = 0.4
		out, err := Run(t.Context(), []Job{j}, Options{Width: 1, Retries: 5, Budget: Budget{Cost: 1}, Run: func(context.Context, *Job, Link) (*engine.Result, error) {
			attempts++
			return &engine.Result{Verdict: verdict.Inconclusive}, nil
		}})
		if err != nil || attempts != 2 || out[0].Result == nil || len(out[0].Earlier) != 1 || !errors.Is(out[0].Ending, ErrTooMuch) {
			t.Errorf("%d attempts, %+v, %v", attempts, out[0], err)
		}
	})
}
