package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/firedrill-dev/firedrill/verdict"
)

// sizes are the samples of each side.
func sizes() []int { return []int{100, 500, 1500} }

// slowdowns are the truths about a canary's latencies.
func slowdowns() []float64 { return []float64{0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5} }

// worsenings are the truths about its errors, in points.
func worsenings() []float64 { return []float64{0, 0.005, 0.01, 0.02, 0.03, 0.05} }

const looks = 5

func tables() []table {
	var effects, points []string
	for _, x := range slowdowns() {
		effects = append(effects, fmt.Sprintf("+%.3g %%", 100*x))
	}
	for _, x := range worsenings() {
		points = append(points, fmt.Sprintf("+%.3g", 100*x))
	}
	return []table{
		{"p95 <= +10%", "service, requests of each side", effects, latencies(1)},
		{"p95 <= +10%, five looks", "service, requests of each side", effects, latencies(looks)},
		{"error_rate <= +1%", "errors of the control, requests of each side", points, errors(1)},
		{"error_rate <= +1%, five looks", "errors of the control, requests of each side", points, errors(looks)},
	}
}

func latencies(looks int) (rows []row) {
	for _, s := range services() {
		for _, n := range sizes() {
			rows = append(rows, row{fmt.Sprintf("%s, %d", s.name, n), func(column int) trial {
				return trial{expect("p95 <= +10%"), n, looks, func(r *rand.Rand, n int) (subject, control []verdict.Observation) {
					return s.answers(r, n, slowdowns()[column]), s.answers(r, n, 0)
				}}
			}})
		}
	}
	return rows
}

func errors(looks int) (rows []row) {
	for _, usual := range []float64{0, 0.001, 0.01, 0.05} {
		for _, n := range sizes() {
			rows = append(rows, row{fmt.Sprintf("%.3g %%, %d", 100*usual, n), func(column int) trial {
				return trial{expect("error_rate <= +1%"), n, looks, func(r *rand.Rand, n int) (subject, control []verdict.Observation) {
					return failing(r, n, usual+worsenings()[column]), failing(r, n, usual)
				}}
			}})
		}
	}
	return rows
}
