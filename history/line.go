package history

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A Line is the runs of one experiment in one environment, oldest first.
type Line struct {
	Experiment  string `json:"experiment"` // where its file is now
	Title       string `json:"title"`
	Environment string `json:"environment,omitempty"`
	Runs        []Run  `json:"runs"`
}

// Lines sorts runs into lines, by experiment and environment.
func Lines(runs []Run) []Line {
	type place struct {
		experiment  int
		environment string
	}
	runs = slices.SortedFunc(slices.Values(runs), func(a, b Run) int { return strings.Compare(a.Run, b.Run) })
	lines := map[place]*Line{}
	for i, experiment := range experiments(runs) {
		at := place{experiment, runs[i].Environment()}
		if lines[at] == nil {
			lines[at] = &Line{Environment: at.environment}
		}
		l := lines[at]
		l.Experiment, l.Title = runs[i].Experiment, runs[i].Title
		l.Runs = append(l.Runs, runs[i])
	}
	var out []Line
	for _, l := range lines {
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Line) int {
		return cmp.Or(strings.Compare(a.Experiment, b.Experiment), strings.Compare(a.Environment, b.Environment), strings.Compare(a.Runs[0].Run, b.Runs[0].Run))
	})
	return out
}

// experiments numbers the experiments of runs, which are sorted by time.
func experiments(runs []Run) []int {
	last := map[string]int{} // by file: its last run
	for i, r := range runs {
		last[known(r)] = i
	}
	byFile, byTitle := map[string]int{}, map[string]string{} // the number of a file, the file that had a title last
	out, next := make([]int, len(runs)), 0
	for i, r := range runs {
		file := known(r)
		if _, seen := byFile[file]; !seen {
			former, titled := byTitle[r.Title]
			if titled && r.Title != "" && last[former] < i { // it has moved
				byFile[file] = byFile[former]
			} else {
				byFile[file] = next
				next++
			}
		}
		out[i], byTitle[r.Title] = byFile[file], file
	}
	return out
}

// known is by what a run's experiment is recognized.
func known(r Run) string { return cmp.Or(r.Experiment, "\x00"+r.Title) }

// Before is the latest of the runs of the same experiment and environment that was judged before a run; false if there is none.
func Before(runs []Run, now Run) (Run, bool) {
	earlier := slices.DeleteFunc(slices.Clone(runs), func(r Run) bool { return r.Run >= now.Run })
	for _, l := range Lines(append(earlier, now)) {
		n := len(l.Runs) - 1
		if l.Runs[n].Run != now.Run {
			continue
		}
		for _, r := range slices.Backward(l.Runs[:n]) {
			if r.Settled() || r.Verdict == verdict.Inconclusive {
				return r, true
			}
		}
	}
	return Run{}, false
}

// Count is how many runs have a verdict.
func (l Line) Count(v verdict.Outcome) int {
	n := 0
	for _, r := range l.Runs {
		if r.Verdict == v {
			n++
		}
	}
	return n
}

// Decisive is the measure that the latest verdict rests on; empty if no run says.
func (l Line) Decisive() string {
	for _, r := range slices.Backward(l.Runs) {
		if r.Settled() && len(r.Measures) > 0 {
			return r.Decisive()
		}
	}
	return ""
}

// Matches says whether a pattern means the run's experiment: a pattern of its path, or of its file's name with or without .yaml, or a part
// of its title. What is no pattern matches nothing.
func (r Run) Matches(pattern string) bool {
	base := path.Base(r.Experiment)
	for _, name := range []string{r.Experiment, base, strings.TrimSuffix(base, path.Ext(base))} {
		if ok, err := path.Match(pattern, name); ok && err == nil {
			return true
		}
	}
	return strings.Contains(strings.ToLower(r.Title), strings.ToLower(pattern))
}
