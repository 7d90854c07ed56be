package main

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/firedrill-dev/firedrill/verdict"
)

// An evidence is two sorted samples, and how much larger a quantile of x was than that of y in resamples of both, sorted.
type evidence struct {
	x, y  []float64
	q     float64
	drawn []float64
}

func (e evidence) seen() float64 { return at(e.x, e.q) - at(e.y, e.q) }

// A method makes a 95 % interval of how much larger the quantile is. The ones here but ours are what textbooks do.
type method struct {
	name     string
	interval func(e evidence) verdict.Interval
}

func methods() []method {
	return []method{
		{"ours", ours},
		{"percentile", func(e evidence) verdict.Interval {
			return verdict.Interval{Low: at(e.drawn, 0.025), High: at(e.drawn, 0.975)}
		}},
		{"basic", func(e evidence) verdict.Interval {
			return verdict.Interval{Low: 2*e.seen() - at(e.drawn, 0.975), High: 2*e.seen() - at(e.drawn, 0.025)}
		}},
		{"bias-corrected", func(e evidence) verdict.Interval {
			below, _ := slices.BinarySearch(e.drawn, e.seen())
			z := quantileOfNormal((float64(below) + 0.5) / float64(len(e.drawn)+1))
			return verdict.Interval{Low: at(e.drawn, normal(2*z-1.96)), High: at(e.drawn, normal(2*z+1.96))}
		}},
	}
}

// ours is what verdict.Compare says.
func ours(e evidence) verdict.Interval {
	c, _ := verdict.Compare(fmt.Sprintf("p%g", 100*e.q), observed(e.x), observed(e.y))
	return c.Difference.Interval
}

func observed(xs []float64) []verdict.Observation {
	obs := make([]verdict.Observation, len(xs))
	for i, x := range xs {
		obs[i].Value = x
	}
	return obs
}

// drawn are the differences in 500 resamples, sorted.
func drawn(r *rand.Rand, x, y []float64, q float64) []float64 {
	d := make([]float64, 500)
	for i := range d {
		d[i] = at(resample(r, x), q) - at(resample(r, y), q)
	}
	slices.Sort(d)
	return d
}

// resample draws as many as there are from sorted values, with replacement, sorted.
func resample(r *rand.Rand, sorted []float64) []float64 {
	times := make([]int, len(sorted))
	for range sorted {
		times[r.IntN(len(sorted))]++
	}
	again := make([]float64, 0, len(sorted))
	for i, n := range times {
		for range n {
			again = append(again, sorted[i])
		}
	}
	return again
}

// at is the smallest of sorted values that a share of them does not exceed.
func at(sorted []float64, q float64) float64 {
	return sorted[min(len(sorted)-1, max(0, int(math.Ceil(q*float64(len(sorted))-1e-9))-1))]
}

func normal(z float64) float64           { return math.Erfc(-z/math.Sqrt2) / 2 }
func quantileOfNormal(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }

// writeCoverage prints how many of 100 intervals hold the truth, for every method.
func writeCoverage(w io.Writer, runs int) error {
	line, rule := "| quantile, service, requests of each side", "|---"
	for _, m := range methods() {
		line, rule = line+" | "+m.name, rule+"|---"
	}
	if _, err := fmt.Fprintf(w, "<!-- coverage of 95 %% intervals -->\n%s |\n%s|\n", line, rule); err != nil {
		return err
	}
	for _, q := range []float64{0.5, 0.95, 0.99} {
		for _, s := range services() {
			if s.clock > 0 {
				continue // its truth is not a number of steps
			}
			for _, n := range []int{50, 500} {
				name := fmt.Sprintf("p%g, %s, %d", 100*q, s.name, n)
				line := "| " + name
				for _, holds := range coverage(s, q, n, runs, seedOf(name, 0)) {
					line += " | " + percent(holds, runs)
				}
				if _, err := fmt.Fprintln(w, line+" |"); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// coverage compares a service with itself, of which the true difference is none, and counts the intervals of each method that hold it.
func coverage(s service, q float64, n, runs int, seed uint64) []int {
	holds := make([]int, len(methods()))
	for i := range runs {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		draw := func() []float64 {
			xs := make([]float64, n)
			for i := range xs {
				xs[i] = s.draw(r)
			}
			slices.Sort(xs)
			return xs
		}
		e := evidence{x: draw(), y: draw(), q: q}
		e.drawn = drawn(r, e.x, e.y, q)
		for k, m := range methods() {
			if in := m.interval(e); in.Low <= 0 && 0 <= in.High {
				holds[k]++
			}
		}
	}
	return holds
}
