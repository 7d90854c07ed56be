package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// newPageTraffic lays a load's phases beside each other.
func newPageTraffic(r *engine.Result, l engine.LoadResult) pageTraffic {
	out := pageTraffic{Name: clean(l.Name)}
	if r.Experiment != nil {
		for _, x := range r.Experiment.Loads {
			if x.Name == l.Name {
				out.Request = request(x)
			}
		}
	}
	n := min(len(l.Phases), len(r.Phases))
	for _, p := range r.Phases[:n] {
		out.Phases = append(out.Phases, phaseTitle(r, p))
	}
	row := func(label string, cell func(engine.TrafficStats) string) {
		cells := make([]string, n)
		for i, s := range l.Phases[:n] {
			cells[i] = cell(s)
			if s.Due == 0 {
				cells[i] = "–"
			}
		}
		out.Rows = append(out.Rows, trafficRow{label, cells})
	}
	latency := func(label string, value func(engine.TrafficStats) float64) {
		row(label, func(s engine.TrafficStats) string {
			if s.Max == 0 { // nothing was answered: no latency, rather than one of 0 ms
				return "–"
			}
			return seconds(value(s))
		})
	}
	row("requests due", func(s engine.TrafficStats) string { return strconv.Itoa(s.Due) })
	row("answers", func(s engine.TrafficStats) string { return classes(s.Classes) })
	row("failed", func(s engine.TrafficStats) string { return fmt.Sprintf("%d (%s)", s.Errors, share(s.Errors, s.Due)) })
	row("never sent", func(s engine.TrafficStats) string { return strconv.Itoa(s.Dropped) })
	latency("p50", func(s engine.TrafficStats) float64 { return s.P50 })
	latency("p90", func(s engine.TrafficStats) float64 { return s.P90 })
	latency("p95", func(s engine.TrafficStats) float64 { return s.P95 })
	latency("p99", func(s engine.TrafficStats) float64 { return s.P99 })
	latency("p99.9", func(s engine.TrafficStats) float64 { return s.P999 })
	latency("slowest", func(s engine.TrafficStats) float64 { return s.Max })
	latency("mean", func(s engine.TrafficStats) float64 { return s.Mean })
	row("started late, p99", func(s engine.TrafficStats) string { return seconds(s.LateP99) })
	return out
}

// request says what a load sends, and how often.
func request(l experiment.Load) string {
	text := "invokes " + clean(l.Lambda)
	if l.HTTP != nil {
		text = clean(l.HTTP.Method + " " + l.HTTP.URL)
	}
	var steps []string
	for _, s := range l.Rate {
		step := plain(s.From) + "/s"
		if s.From != s.To {
			step += " to " + plain(s.To) + "/s"
		}
		if s.For > 0 {
			step += " for " + s.For.String()
		}
		steps = append(steps, step)
	}
	if len(steps) > 0 {
		text += ", " + strings.Join(steps, ", then ")
	}
	return text
}

// facts are the settings of the experiment that no other part of the page names.
func facts(r *engine.Result) []fact {
	x := r.Experiment
	if x == nil {
		return nil
	}
	var out []fact
	add := func(name, value string) {
		if value != "" {
			out = append(out, fact{name, value})
		}
	}
	var planned []string
	for _, p := range []struct {
		name string
		d    time.Duration
	}{{"baseline", x.Phases.Baseline}, {"fault", x.Phases.Fault}, {"recovery at most", x.Phases.Recovery}} {
		if p.d > 0 {
			planned = append(planned, p.name+" "+p.d.String())
		}
	}
	add("phases", strings.Join(planned, ", "))
	if len(x.Stages) > 1 {
		var stages []string
		for _, s := range x.Stages {
			stages = append(stages, plain(s)+" %")
		}
		add("stages", strings.Join(stages, ", "))
	}
	for _, s := range x.Stop {
		if s.Alarm.Name != "" {
			add("stops if", clean("alarm "+s.Alarm.String()+" fires"))
			continue
		}
		add("stops if", clean(s.Of+": "+s.When.Text)+forTime(s.For))
	}
	inFunctions := func(c experiment.Condition) bool { return c.Percentage > 0 }
	if x.Lease > 0 && slices.ContainsFunc(x.Conditions, inFunctions) {
		add("lease", x.Lease.String()+": after it, a fault in a function is over even if nobody puts it back")
	}
	if x.Guards.MaxDuration > 0 {
		add("longest run", x.Guards.MaxDuration.String())
	}
	if len(x.Guards.Protected) > 0 {
		protected := slices.Clone(x.Guards.Protected)
		slices.Sort(protected)
		add("protected", clean(strings.Join(protected, ", ")))
	}
	if r.Stop != nil {
		add("stopped", clean(string(r.Stop.Kind)+": "+r.Stop.Reason)+" "+offset(r, &r.Stop.At))
	}
	return out
}

func forTime(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return " for " + d.String()
}

// replay is the command that runs the experiment again; empty if the result does not know its file.
func replay(r *engine.Result) string {
	name := file(r)
	if name == "" {
		return ""
	}
	if strings.ContainsAny(name, " \t'\"\\$`&|;<>()*?[]#~!{}") {
		name = "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
	}
	return "firedrill run " + name
}
