package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// path is what one way to the Runtime API took.
type path struct {
	P50, P99  float64 // of an invocation, in microseconds
	PerSecond float64 // invocations while this path had its turn
}

// row is one workload. Added is the median that each adds to the direct path, in microseconds.
type row struct {
	Workload             string
	Direct, Relay, Proxy path
	IdleRSS, RSS         float64 // of the proxy before and after, in MB
	armed, stored        bool
	size                 int
}

func (r row) addedRelay() float64 { return r.Relay.P50 - r.Direct.P50 }
func (r row) addedProxy() float64 { return r.Proxy.P50 - r.Direct.P50 }

// A bar is a promise with what was measured.
type bar struct {
	Name         string
	Value, Limit float64
	AtLeast      bool
	Pass         bool
}

type result struct {
	Pinned    bool
	Rows      []row
	ListenMS  float64 // median, from before fork until it listens
	RuntimeMS float64 // and until the runtime behind it runs
	BinaryMB  float64
	Bars      []bar
	Pass      bool
}

func summarize(c *client) path {
	slices.Sort(c.durations)
	var sum time.Duration
	for _, d := range c.durations {
		sum += d
	}
	n := len(c.durations)
	return path{P50: us(c.durations[n/2]), P99: us(c.durations[n*99/100]), PerSecond: float64(n) / sum.Seconds()}
}

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// judge compares with the bars.
func (r *result) judge() {
	most := func(name string, value, limit float64) {
		r.Bars = append(r.Bars, bar{name, value, limit, false, value <= limit})
	}
	for _, row := range r.Rows {
		ratio := row.addedProxy() / row.addedRelay()
		switch {
		case row.stored:
			// Both paths had their turns in the same seconds, but the bar for a tail is wide all the same.
			most("added p50 over the relay's, "+row.Workload, ratio, 1.25)
			most("p99 over the relay's, "+row.Workload, row.Proxy.P99/row.Relay.P99, 2)
			most("RSS after, MB, "+row.Workload, row.RSS, 20)
		case row.size == 1<<10 && !row.armed:
			most("added p50 over the relay's, "+row.Workload, ratio, 1.25)
			share := row.Proxy.PerSecond / row.Relay.PerSecond
			r.Bars = append(r.Bars, bar{"throughput over the relay's, " + row.Workload, share, 0.9, true, share >= 0.9})
			most("RSS idle, MB", row.IdleRSS, 12)
		case row.size == 100<<10:
			most("added p50 over the relay's, "+row.Workload, ratio, 2)
		case row.size == 6<<20 && !row.armed:
			most("p50 over the relay's, "+row.Workload, row.Proxy.P50/row.Relay.P50, 1.2)
			most("added p50 over the relay's, "+row.Workload, ratio, 1.2)
			most("RSS after, MB, "+row.Workload, row.RSS, 20)
		case row.size == 6<<20:
			most("RSS after, MB, "+row.Workload, row.RSS, 20)
		}
	}
	most("listening after exec, ms", r.ListenMS, 3)
	most("runtime runs after exec of the wrapper, ms", r.RuntimeMS, 10)
	most("binary, MB", r.BinaryMB, 8)
	r.Pass = !slices.ContainsFunc(r.Bars, func(b bar) bool { return !b.Pass })
}

// print writes the result as tables.
func (r *result) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "workload\tdirect p50 µs\trelay adds\tproxy adds\trelay /s\tproxy /s\tproxy p99 µs\tRSS MB\t")
	for _, row := range r.Rows {
		fmt.Fprintf(w, "%s\t%.1f\t%+.1f\t%+.1f\t%.0f\t%.0f\t%.1f\t%.1f\t\n", row.Workload, row.Direct.P50, row.addedRelay(), row.addedProxy(),
			row.Relay.PerSecond, row.Proxy.PerSecond, row.Proxy.P99, row.RSS)
	}
	fmt.Fprintf(w, "\nbinary %.1f MB, listening %.2f ms after exec, the runtime runs after %.2f ms, one CPU: %v\n\n", r.BinaryMB, r.ListenMS, r.RuntimeMS, r.Pinned)
	for _, b := range r.Bars {
		verdict, sign := "ok", "<="
		if !b.Pass {
			verdict = "MISSED"
		}
		if b.AtLeast {
			sign = ">="
		}
		fmt.Fprintf(w, "%s\t%.2f\t%s\t%g\t%s\t\n", b.Name, b.Value, sign, b.Limit, verdict)
	}
	return w.Flush()
}
