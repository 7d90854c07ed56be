package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A tally is what came of many runs of one comparison.
type tally struct {
	runs, held, disproved int
	looks                 int
	samples               int // seen until the decision, of both sides, in all runs
}

// String is what the tables show: how many of 100 runs held, and were disproved; with several looks also how many observations were seen.
func (t tally) String() string {
	if t.looks > 1 {
		return fmt.Sprintf("%s / %s / %d", percent(t.held, t.runs), percent(t.disproved, t.runs), t.samples/t.runs)
	}
	return fmt.Sprintf("%s / %s", percent(t.held, t.runs), percent(t.disproved, t.runs))
}

func percent(k, n int) string {
	if k == 0 || k == n {
		return fmt.Sprint(100 * k / n)
	}
	return fmt.Sprintf("%.3g", 100*float64(k)/float64(n))
}

// A trial compares one pair of samples: n of each side, looked at so many times.
type trial struct {
	expect verdict.Expectation
	n      int
	looks  int
	draw   func(r *rand.Rand, n int) (subject, control []verdict.Observation)
}

// alphas are those of the looks.
func (t trial) alphas() []float64 {
	alphas := make([]float64, t.looks)
	for i := range alphas {
		alphas[i] = verdict.Sequential{Looks: t.looks}.Look(i + 1)
	}
	return alphas
}

// run draws the samples and judges them, at each look those that have been seen by then.
func (t trial) run(r *rand.Rand, alphas []float64) (o verdict.Outcome, samples int) {
	subject, control := t.draw(r, t.n)
	for i, alpha := range alphas {
		seen := t.n * (i + 1) / len(alphas)
		if alpha == 0 {
			continue
		}
		o, samples = verdict.JudgeAgainst(t.expect, subject[:seen], control[:seen], verdict.Versus{Alpha: alpha}).Outcome, 2*seen
		if o == verdict.Disproved {
			break // only harm ends it early
		}
	}
	return o, samples
}

// count runs a trial many times. What is drawn depends on the seed, not on who draws it first.
func (t trial) count(runs int, seed uint64) tally {
	total, alphas := tally{runs: runs, looks: t.looks}, t.alphas()
	var mu sync.Mutex
	var workers sync.WaitGroup
	next := make(chan uint64)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				o, samples := t.run(rand.New(rand.NewPCG(seed, i)), alphas)
				mu.Lock()
				total.samples += samples
				switch o {
				case verdict.Held:
					total.held++
				case verdict.Disproved:
					total.disproved++
				}
				mu.Unlock()
			}
		})
	}
	for i := range runs {
		next <- uint64(i)
	}
	close(next)
	workers.Wait()
	return total
}
