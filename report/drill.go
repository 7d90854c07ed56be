package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Drill is what came of experiments, in the order in which they were to run.
type Drill []Drilled

// A Drilled is one experiment of a drill.
type Drilled struct {
	Result *engine.Result // nil: there is none
	// Earlier are the results of attempts before Result, which were tried again.
	Earlier []*engine.Result
	// Title and File name the experiment where there is no result; File as it was given.
	Title, File string
	// Path is the file relative to the root of its repository, with slashes; empty: as File says. Pipelines point at it.
	Path string
	// NotRun says why the experiment was not begun, although nothing is wrong with it.
	NotRun string
	// Refused says what kept it from being begun, and Hint what can be done. Problems are what is wrong with the file.
	Refused, Hint string
	Problems      []experiment.Problem
	// Report says where the report for people is, Link how a page of the whole drill leads to it.
	Report, Link string
}

// Of is the drill of results alone.
func Of(results ...*engine.Result) Drill {
	d := make(Drill, len(results))
	for i, r := range results {
		d[i].Result = r
	}
	return d
}

// Results are those that there are, without the attempts that were tried again.
func (d Drill) Results() []*engine.Result {
	var out []*engine.Result
	for _, x := range d {
		if x.Result != nil {
			out = append(out, x.Result)
		}
	}
	return out
}

func (x Drilled) title() string {
	if x.Result != nil {
		return title(x.Result)
	}
	return cmp.Or(clean(x.Title), clean(x.File), "untitled experiment")
}

func (x Drilled) file() string {
	if x.Result != nil && file(x.Result) != "" {
		return file(x.Result)
	}
	return clean(x.File)
}

// path is what pipelines know the file as.
func (x Drilled) path() string { return cmp.Or(clean(x.Path), x.file()) }

// outcome is the verdict; empty for what was not run.
func (x Drilled) outcome() verdict.Outcome {
	switch {
	case x.Result != nil:
		return x.Result.Verdict
	case x.Refused != "" || len(x.Problems) > 0:
		return verdict.Error
	}
	return ""
}

// reason is why, in a sentence.
func (x Drilled) reason() string {
	switch {
	case x.Result != nil:
		return clean(x.Result.Reason)
	case x.Refused != "":
		return "it could not be begun: " + clean(x.Refused)
	case len(x.Problems) > 0:
		return "the file is wrong: " + problem(x.Problems[0])
	}
	return "not run: " + cmp.Or(clean(x.NotRun), "the drill ended before its turn")
}

// took is how long all its attempts ran.
func (x Drilled) took() time.Duration {
	var took time.Duration
	for _, r := range append(x.Earlier[:len(x.Earlier):len(x.Earlier)], x.Result) {
		if r != nil {
			took += max(0, r.Ended.Sub(r.Started))
		}
	}
	return took
}

// drillCounts says how many experiments ended how: "3 experiments: 2 held, 1 disproved".
func drillCounts(d Drill) string {
	seen := map[string]int{}
	var order []string
	for _, x := range d {
		w := "not run"
		if x.outcome() != "" {
			w = word(x.outcome())
		}
		if seen[w]++; seen[w] == 1 {
			order = append(order, w)
		}
	}
	var parts []string
	for _, w := range order {
		parts = append(parts, fmt.Sprintf("%d %s", seen[w], w))
	}
	return strings.TrimSuffix(counted(len(d), "experiment")+": "+strings.Join(parts, ", "), ": ")
}
