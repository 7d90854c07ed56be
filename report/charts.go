package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A figure is a chart as the page shows it.
type figure struct {
	Title  string
	Legend []legend
	Half   bool // stands beside another one where there is room
	Wide   template.HTML
	Narrow template.HTML
}

type legend struct{ Name, Class string }

// figures are the charts of a result: latency, error rate and throughput of each load; the values of each probe.
func figures(r *engine.Result) []figure {
	base := chart{bands: bands(r), marks: marks(r), until: until(r)}
	var out []figure
	add := func(c chart, half bool) {
		c.id = fmt.Sprintf("c%d", len(out))
		out = append(out, c.figure(half))
	}
	for _, l := range r.Loads {
		if !hasData(l.Series) {
			continue
		}
		add(latencyChart(r, base, l), false)
		add(errorChart(r, base, l), true)
		add(throughputChart(r, base, l), true)
	}
	for _, m := range r.Measures {
		if !strings.HasPrefix(m.Of, "load.") && hasData(m.Series) {
			add(probeChart(r, base, m), false)
		}
	}
	return out
}

func hasData(series []engine.Point) bool {
	for _, p := range series {
		if p.Count > 0 {
			return true
		}
	}
	return false
}

func (c chart) figure(half bool) figure {
	f := figure{Title: c.title, Half: half}
	if half {
		c.marks = slices.Clone(c.marks)
		for i := range c.marks {
			c.marks[i].label = "" // the wide chart above says it
		}
		f.Wide = c.draw(besideAnother())
	} else {
		f.Wide = c.draw(wide())
	}
	f.Narrow = c.draw(narrow())
	for _, l := range c.lines {
		f.Legend = append(f.Legend, legend{l.name, l.class})
	}
	if len(c.limits) > 0 {
		f.Legend = append(f.Legend, legend{"limit", "limit"})
	}
	return f
}

// until is the length of the run in seconds.
func until(r *engine.Result) float64 {
	end := r.Ended.Sub(r.Started).Seconds()
	for _, p := range r.Phases {
		end = max(end, p.End.Sub(r.Started).Seconds())
	}
	return max(end, 0)
}

func bands(r *engine.Result) []band {
	var out []band
	for _, p := range r.Phases {
		class := "other"
		switch p.Name {
		case engine.PhaseBaseline, engine.PhaseFault, engine.PhaseRecovery:
			class = p.Name
		}
		out = append(out, band{p.Start.Sub(r.Started).Seconds(), p.End.Sub(r.Started).Seconds(), phaseTitle(r, p), class})
	}
	return out
}

// marks tell when the steady state was back.
func marks(r *engine.Result) []moment {
	spans := phases(r, engine.PhaseRecovery)
	if len(spans) == 0 || !r.Recovery.Recovered || r.Recovery.Seconds == nil {
		return nil
	}
	return []moment{{spans[0].Start.Sub(r.Started).Seconds() + *r.Recovery.Seconds, "steady again"}}
}

// isOf says whether a measure limits what a load's requests are, in a unit: how much more they may be than others is no such limit.
func isOf(m engine.MeasureResult, e verdict.Expectation, load string, unit verdict.Unit) bool {
	return m.Of == "load."+load && e.Unit == unit && e.Relative == ""
}

// limitsOf are the expectations that measures of a load have in a unit.
func limitsOf(r *engine.Result, load string, unit verdict.Unit) []limit {
	var out []limit
	seen := map[string]bool{}
	for _, m := range r.Measures {
		e := expected(r, m)
		label := clean(e.Statistic + " " + e.Op + " " + e.Format(e.Threshold))
		if isOf(m, e, load, unit) && !seen[label] {
			seen[label] = true
			out = append(out, limit{e.Threshold, label})
		}
	}
	return out
}

// points takes one value of each second of a series; it stands in the middle of its second.
func points(series []engine.Point, value func(engine.Point) *float64) []sample {
	out := make([]sample, len(series))
	for i, p := range series {
		v := value(p)
		out[i] = sample{t: p.T + 0.5, absent: v == nil}
		if v != nil {
			out[i].v = *v
		}
	}
	return out
}

func latencyChart(r *engine.Result, c chart, l engine.LoadResult) chart {
	c.title = "Latency of " + clean(l.Name)
	c.format = seconds
	c.limits = limitsOf(r, l.Name, verdict.Seconds)
	for _, m := range r.Measures {
		e := expected(r, m)
		if isOf(m, e, l.Name, verdict.Seconds) && e.Statistic != "p50" && e.Statistic != "p95" && e.Statistic != "p99" {
			c.lines = append(c.lines, curve{name: clean(e.Statistic), class: "stat", points: points(m.Series, func(p engine.Point) *float64 { return p.Stat })})
		}
	}
	c.lines = append(c.lines,
		curve{name: "p95", class: "p95", points: points(l.Series, func(p engine.Point) *float64 { return p.P95 })},
		curve{name: "p50 (median)", class: "p50", points: points(l.Series, func(p engine.Point) *float64 { return p.P50 })},
		curve{name: "p99", class: "p99", points: points(l.Series, func(p engine.Point) *float64 { return p.P99 })},
	)
	return c
}

func errorChart(r *engine.Result, c chart, l engine.LoadResult) chart {
	c.title = "Error rate of " + clean(l.Name)
	c.format = func(x float64) string { return verdict.Expectation{Unit: verdict.Ratio}.Format(x) }
	c.limits = limitsOf(r, l.Name, verdict.Ratio)
	c.floor, c.roof = 0.01, 1.05
	c.lines = []curve{{name: "failed requests", class: "errors", area: true, points: points(l.Series, func(p engine.Point) *float64 {
		if p.Count == 0 {
			return nil
		}
		rate := float64(p.Errors) / float64(p.Count)
		return &rate
	})}}
	return c
}

func throughputChart(r *engine.Result, c chart, l engine.LoadResult) chart {
	c.title = "Throughput of " + clean(l.Name)
	c.format = func(x float64) string { return verdict.Expectation{Unit: verdict.PerSecond}.Format(x) }
	c.limits = limitsOf(r, l.Name, verdict.PerSecond)
	whole := l.Series
	for len(whole) > 1 && whole[len(whole)-1].T+1 > c.until { // part of a second would look like a drop
		whole = whole[:len(whole)-1]
	}
	count := func(n func(engine.Point) int) []sample {
		return points(whole, func(p engine.Point) *float64 { x := float64(n(p)); return &x })
	}
	c.lines = []curve{
		{name: "answered", class: "p50", points: count(func(p engine.Point) int { return p.Count - p.Errors })},
		{name: "due", class: "p99", points: count(func(p engine.Point) int { return p.Count })},
	}
	return c
}

func probeChart(r *engine.Result, c chart, m engine.MeasureResult) chart {
	e := expected(r, m)
	c.title = clean(m.Name)
	c.format = e.Format
	c.limits = []limit{{e.Threshold, clean(e.Statistic + " " + e.Op + " " + e.Format(e.Threshold))}}
	if e.OfAlarm() { // its course is that of its state
		e = e.Live()
		c.format, c.limits = e.Format, nil
	}
	value := func(p engine.Point) *float64 { return p.Stat }
	if e.Statistic == "count" { // of the whole phase: no second shows it
		c.limits = nil
		value = func(p engine.Point) *float64 { x := float64(p.Count); return &x }
	}
	c.lines = []curve{{name: clean(e.Statistic), class: "p95", points: points(m.Series, value)}}
	return c
}
