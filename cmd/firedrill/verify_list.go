package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/firedrill-dev/firedrill/drill"
)

// A listing is what "verify --list" says.
type listing struct {
	Experiments []listed      `json:"experiments"`
	PassedOver  []string      `json:"passed_over"`
	Shard       string        `json:"shard,omitempty"`
	Parallel    int           `json:"parallel"`
	Takes       time.Duration `json:"takes"` // about
}

// A listed experiment is one that would be run.
type listed struct {
	File    string        `json:"file"`
	Title   string        `json:"title"`
	Takes   time.Duration `json:"takes"`
	Reaches []string      `json:"reaches"`
	Alone   string        `json:"alone,omitempty"` // why nothing runs beside it
	Apart   []neighbour   `json:"apart,omitempty"` // what does not run beside it, and why
}

// A neighbour is an experiment that is kept apart from another one.
type neighbour struct {
	File   string   `json:"file"`
	Shares []string `json:"shares,omitempty"` // empty: one of the two runs alone
}

func (a *app) listDrill(v *verification, jobs []drill.Job) error {
	l := listing{Experiments: []listed{}, PassedOver: orEmpty(v.passed), Shard: v.shard, Parallel: v.parallel, Takes: drill.Forecast(jobs, v.parallel)}
	for i, j := range jobs {
		one := listed{File: j.File, Title: j.Experiment.Title, Takes: j.Length, Reaches: j.Reach.Names(), Alone: j.Reach.Alone}
		for k, other := range jobs {
			shared := drill.Shared(j.Reach, other.Reach)
			if k != i && (len(shared) > 0 || j.Reach.Alone != "" || other.Reach.Alone != "") {
				one.Apart = append(one.Apart, neighbour{other.File, shared})
			}
		}
		l.Experiments = append(l.Experiments, one)
	}
	if a.output == "json" {
		return a.printJSON(l)
	}
	return a.printListing(l)
}

func (a *app) printListing(l listing) error {
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, e := range l.Experiments {
		fmt.Fprintf(table, "%s\t%s\t%s\n", e.File, e.Takes.Round(time.Second), e.Title)
		if why := e.why(); why != "" && l.Parallel > 1 {
			fmt.Fprintf(table, "  %s\n", why)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, file := range l.PassedOver {
		fmt.Fprintf(a.stdout, "passed over, it is no experiment: %s\n", file)
	}
	how := "in order"
	if l.Parallel > 1 {
		how = fmt.Sprintf("%d at most side by side", l.Parallel)
	}
	of := ""
	if l.Shard != "" {
		of = " of shard " + l.Shard
	}
	_, err := fmt.Fprintf(a.stdout, "\n%d experiments%s, %s: about %s\n", len(l.Experiments), of, how, l.Takes.Round(time.Second))
	return err
}

// why says in a line what keeps an experiment from running beside others.
func (e listed) why() string {
	if e.Alone != "" {
		return "runs alone: " + clipped(e.Alone, 120)
	}
	with := map[string]int{}
	for _, n := range e.Apart {
		for _, name := range n.Shares {
			with[name]++
		}
	}
	names := slices.SortedFunc(maps.Keys(with), func(a, b string) int { return cmp.Or(with[b]-with[a], len(a)-len(b), strings.Compare(a, b)) })
	const few = 2
	var parts []string
	for _, name := range names[:min(len(names), few)] {
		parts = append(parts, fmt.Sprintf("%s with %d", name, with[name]))
	}
	if len(names) > few {
		parts = append(parts, "...")
	}
	if len(parts) == 0 {
		return ""
	}
	return "shares " + strings.Join(parts, ", ")
}
