package history_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A maker makes runs, one a day.
type maker struct {
	runs []history.Run
	file string
	env  string
}

func newMaker() *maker { return &maker{file: "drills/slow.yaml"} }

// add makes a run for each sign: + held, - disproved, ? inconclusive, n not steady, s stopped, ! error.
func (m *maker) add(version, signs string) *maker {
	outcomes := map[rune]verdict.Outcome{'+': verdict.Held, '-': verdict.Disproved, '?': verdict.Inconclusive, 'n': verdict.NotSteady, 's': verdict.Stopped, '!': verdict.Error}
	for _, sign := range signs {
		m.put(version, outcomes[sign], 0.2)
	}
	return m
}

// put makes a run with a value of its measure.
func (m *maker) put(version string, outcome verdict.Outcome, value float64) {
	n := len(m.runs)
	r := history.Run{
		Run: fmt.Sprintf("%026d", n), Experiment: m.file, Title: "A slow inventory", Source: "sha256:1", Verdict: outcome,
		Started: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).AddDate(0, 0, n), Labels: map[string]string{},
		Measures: []history.Measure{{Name: "latency", Finding: finding(outcome, value)}},
	}
	if version != "" {
		r.Labels[history.LabelVersion] = version
	}
	if m.env != "" {
		r.Labels[history.LabelEnvironment] = m.env
	}
	m.runs = append(m.runs, r)
}

func finding(outcome verdict.Outcome, value float64) verdict.Finding {
	e := verdict.Expectation{Text: "p95 < 400ms", Statistic: "p95", Op: "<", Threshold: 0.4, Unit: verdict.Seconds}
	return verdict.Finding{Expectation: e, Outcome: outcome, Estimate: value, Interval: verdict.Interval{Low: value * 0.9, High: value * 1.1, Confidence: 0.95}, Samples: 500}
}

// line is the only line of the runs.
func (m *maker) line() history.Line {
	lines := history.Lines(m.runs)
	if len(lines) != 1 {
		panic(fmt.Sprintf("%d lines", len(lines)))
	}
	return lines[0]
}

// series makes runs that hold, with a latency that grows by slope a run, with a noise of a tenth.
func series(r *rand.Rand, n int, slope float64) history.Line {
	m := newMaker()
	for i := range n {
		m.put("v1", verdict.Held, 0.2*(1+slope*float64(i))*(1+0.1*r.NormFloat64()))
	}
	return m.line()
}
