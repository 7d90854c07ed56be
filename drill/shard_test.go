package drill

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// drawn are jobs of any length that share anything or nothing.
func drawn(rt *rapid.T) []Job {
	var jobs []Job
	for i := range rapid.IntRange(0, 30).Draw(rt, "jobs") {
		j := job(fmt.Sprintf("%02d", i), time.Duration(rapid.IntRange(1, 60).Draw(rt, "seconds"))*time.Second)
		for _, n := range rapid.SliceOfN(rapid.IntRange(0, 20), 0, 2).Draw(rt, "reaches") {
			j.Reach.Add(fmt.Sprint("r", n))
		}
		if rapid.IntRange(0, 20).Draw(rt, "alone") == 0 {
			j.Reach.Alone = "why not"
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// TestShards: each job is in exactly one shard, in order; what must be kept apart is in one; and the longest shard is no longer than the
// shortest by more than the longest bundle.
func TestShards(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		jobs, of, together := drawn(rt), rapid.IntRange(1, 8).Draw(rt, "of"), rapid.Bool().Draw(rt, "together")
		in := map[string]int{}
		sums := make([]time.Duration, of)
		for n := range of {
			chosen := Shard{n + 1, of}.Choose(jobs, together)
			if !slices.IsSortedFunc(chosen, func(a, b Job) int { return int(slices.IndexFunc(jobs, is(a)) - slices.IndexFunc(jobs, is(b))) }) {
				rt.Fatalf("shard %d is not in order", n+1)
			}
			for _, j := range chosen {
				if _, twice := in[j.File]; twice {
					rt.Fatalf("%s is in two shards", j.File)
				}
				in[j.File] = n
				sums[n] += j.Length
			}
		}
		if len(in) != len(jobs) {
			rt.Fatalf("%d of %d jobs are in a shard", len(in), len(jobs))
		}
		var longest time.Duration
		for _, bundle := range bundled(jobs, together) {
			var sum time.Duration
			for _, i := range bundle {
				sum += jobs[i].Length
			}
			longest = max(longest, sum)
		}
		if slices.Max(sums)-slices.Min(sums) > longest {
			rt.Fatalf("uneven: %v", sums)
		}
		for i, row := range apart(jobs) {
			for k, not := range row {
				if together && not && in[jobs[i].File] != in[jobs[k].File] {
					rt.Fatalf("%s and %s are in two shards", jobs[i].File, jobs[k].File)
				}
			}
		}
	})
}

func is(a Job) func(Job) bool { return func(b Job) bool { return a.File == b.File } }

// TestScheduleKeepsApart: whatever the jobs, all are run, no two that must be kept apart meet, and it takes as long as was forecast.
func TestScheduleKeepsApart(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		jobs, width := drawn(rt), rapid.IntRange(0, 6).Draw(rt, "width")
		synctest.Test(t, func(t *testing.T) {
			var s stage
			began := time.Now()
			out, err := Run(t.Context(), jobs, Options{Width: width, Run: s.run})
			if took := time.Since(began); err != nil || took != Forecast(jobs, width) {
				rt.Fatalf("took %s instead of %s, %v", took, Forecast(jobs, width), err)
			}
			if s.most > max(width, 1) {
				rt.Fatalf("%d at once", s.most)
			}
			conflicts := apart(jobs)
			for _, pair := range s.met {
				i, k := slices.IndexFunc(jobs, is(Job{File: pair[0]})), slices.IndexFunc(jobs, is(Job{File: pair[1]}))
				if conflicts[i][k] {
					rt.Fatalf("%v met", pair)
				}
			}
			for _, o := range out {
				if o.Result == nil {
					rt.Fatalf("%s was not run", o.File)
				}
			}
		})
	})
}

// TestParse: what shards and budgets may look like.
func TestParse(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {1, 1}, "2/4": {2, 4}, "": {}, "0/4": {}, "1/1000000000": {}, "5/4": {}, "1": {}, "1/2/3": {}, "a/b": {}, "-1/4": {}, "1/ 4": {}} {
		if got, err := ParseShard(text); got != want || (err == nil) != (want != Shard{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for text, want := range map[string]Budget{"errors=5": {Errors: 5}, "invocations=7, errors=5": {5, 7, 0}, "cost=0.5": {Cost: 0.5}, "cost=0": {}, "cost=NaN": {}, "cost=inf": {}, "euros=3": {}, "": {}, "errors": {}, "errors=0": {}, "errors=-1": {}, "errors=99999999999": {}, "errors=5,": {}} {
		if got, err := ParseBudget(text); (err == nil) != (want != Budget{}) || (err == nil && got != want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1/4")
	f.Add("errors=5,invocations=7")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseShard(text); err == nil && (s.Number < 1 || s.Number > s.Of) {
			t.Errorf("%q: %v", text, s)
		}
		if b, err := ParseBudget(text); err == nil && (b == Budget{} || b.Errors < 0 || b.Invocations < 0 || b.Cost < 0) {
			t.Errorf("%q: %v", text, b)
		}
	})
}
