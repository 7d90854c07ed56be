package main

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A service answers with latencies of a shape. What is slower by a share has every quantile slower by it.
type service struct {
	name  string
	draw  func(*rand.Rand) float64 // seconds
	clock float64                  // it is read in steps of so many seconds; 0 is a clock as good as can be
}

func services() []service {
	return []service{
		{name: "demo shop", draw: shop},
		{name: "demo shop, busy", draw: busyShop},
		{name: "lognormal", draw: func(r *rand.Rand) float64 { return 0.1 * math.Exp(0.3*r.NormFloat64()) }},
		{name: "exponential", draw: func(r *rand.Rand) float64 { return 0.1 * r.ExpFloat64() }},
		{name: "two modes", draw: twoModes},
		{name: "heavy tail", draw: func(r *rand.Rand) float64 { return 0.05 / math.Sqrt(1-r.Float64()) }},
		{name: "1 ms clock", draw: func(r *rand.Rand) float64 { return 0.02 * math.Exp(0.3*r.NormFloat64()) }, clock: 0.001},
	}
}

// shop answers like the purchases of the demo shop on an idle machine: two calls that take 14 ms, what it costs to make them, and now
// and then a wait for a processor.
func shop(r *rand.Rand) float64 {
	x := 0.0185 + 0.0012*r.ExpFloat64()
	if r.Float64() < 0.02 {
		x += 0.02 * r.ExpFloat64()
	}
	return x
}

// busyShop answers like the same purchases on a machine that has ten times more to do than it can: the quantiles of 2,000 of them, with straight
// lines between.
func busyShop(r *rand.Rand) float64 {
	shares := []float64{0, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.999, 1}
	ms := []float64{18.5, 18.9, 19.8, 22, 29, 52.7, 84, 133, 152, 202, 240}
	p := r.Float64()
	i := 1
	for p > shares[i] {
		i++
	}
	along := (p - shares[i-1]) / (shares[i] - shares[i-1])
	return (ms[i-1] + along*(ms[i]-ms[i-1])) / 1000
}

// twoModes is a cache that misses once in ten times.
func twoModes(r *rand.Rand) float64 {
	middle := 0.05
	if r.IntN(10) == 0 {
		middle = 0.3
	}
	return middle * math.Exp(0.1*r.NormFloat64())
}

// answers draws n requests to the service when it is slower by a share.
func (s service) answers(r *rand.Rand, n int, slower float64) []verdict.Observation {
	obs := make([]verdict.Observation, n)
	for i := range obs {
		x := s.draw(r) * (1 + slower)
		if s.clock > 0 {
			x = math.Floor(x/s.clock) * s.clock
		}
		obs[i] = verdict.Observation{At: time.Unix(int64(i), 0), Value: x, Class: "200"}
	}
	return obs
}

// failing draws n requests of which a share fails.
func failing(r *rand.Rand, n int, share float64) []verdict.Observation {
	obs := make([]verdict.Observation, n)
	for i := range obs {
		obs[i] = verdict.Observation{Value: 0.1, Class: "200"}
		if r.Float64() < share {
			obs[i].Failed, obs[i].Class = true, "503"
		}
	}
	return obs
}
