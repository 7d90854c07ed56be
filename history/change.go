package history

import (
	"fmt"
	"time"

	"github.com/firedrill-dev/firedrill/verdict"
)

// A Kind is what has happened to a line.
type Kind string

// The kinds of news.
const (
	Regressed Kind = "regression" // it held, and does no more
	Recovered Kind = "recovered"  // it did not hold, and does again
	Flaky     Kind = "flaky"      // it alternates, and no version says why
	Drifting  Kind = "drift"      // it holds, and a measure worsens
)

// A News is something that a line shows and a single run does not.
type News struct {
	Kind Kind   `json:"kind"`
	Text string `json:"text"`
	// Run is the first of those that show it.
	Run     string    `json:"run"`
	Version string    `json:"version,omitempty"`
	Since   time.Time `json:"since"`
	// Drift has the numbers of a drift.
	Drift *Drift `json:"drift,omitempty"`
}

// unexplained is how many changes back and forth count as alternating where no version is known; with a version that stays, two do.
const (
	unexplained = 3
	alternating = 2
)

// Change is the last change of verdict of a line, or its alternating; nil if all settled runs agree.
func (l Line) Change() *News {
	settled := l.settled()
	if n := flaky(settled); n != nil {
		return n
	}
	now := streak(settled)
	before := streak(settled[:len(settled)-len(now)])
	if len(now) == 0 || len(before) == 0 {
		return nil
	}
	first, last := now[0], before[len(before)-1]
	n := &News{Kind: Regressed, Run: first.Run, Version: first.Version(), Since: first.Started}
	if first.Verdict == verdict.Held {
		n.Kind = Recovered
	}
	n.Text = fmt.Sprintf("%s %s, %s since %s", first.other(), times(len(before)), first.Verdict, when(first))
	switch {
	case first.Version() != "" && first.Version() == last.Version():
		n.Text += ", though the version is the same"
	case first.Version() != "" && last.Version() != "":
		n.Text += fmt.Sprintf(", last %s with %s", first.other(), short(last.Version()))
	}
	if first.Source != last.Source && first.Source != "" && last.Source != "" {
		n.Text += "; the experiment's file has changed, too"
	}
	return n
}

func (l Line) settled() []Run {
	var out []Run
	for _, r := range l.Runs {
		if r.Settled() {
			out = append(out, r)
		}
	}
	return out
}

// streak is the last streak of settled runs.
func streak(settled []Run) []Run {
	from := len(settled)
	for from > 0 && settled[from-1].Verdict == settled[len(settled)-1].Verdict {
		from--
	}
	return settled[from:]
}

// flaky looks at the settled runs of the latest version and file: their verdicts should be one.
func flaky(settled []Run) *News {
	if len(settled) == 0 {
		return nil
	}
	latest := settled[len(settled)-1]
	var same []Run
	disproved, turns := 0, 0
	for _, r := range settled {
		if r.Version() != latest.Version() || r.Source != latest.Source {
			continue
		}
		if r.Verdict == verdict.Disproved {
			disproved++
		}
		if n := len(same); n > 0 && same[n-1].Verdict != r.Verdict {
			turns++
		}
		same = append(same, r)
	}
	limit, with := alternating, "with "+short(latest.Version())
	if latest.Version() == "" {
		limit, with = unexplained, "without a known version"
	}
	if turns < limit {
		return nil
	}
	in := shareOf(disproved, len(same))
	return &News{
		Kind: Flaky, Run: same[0].Run, Version: latest.Version(), Since: same[0].Started,
		Text: fmt.Sprintf("disproved %d of %s %s, %s: the verdict has changed %s, and no version says why", disproved, times(len(same)), with, in, times(turns)),
	}
}

// shareOf writes a share with its interval at 95 % confidence.
func shareOf(part, whole int) string {
	e := verdict.Expectation{Statistic: "error_rate", Op: "<", Unit: verdict.Ratio}
	obs := make([]verdict.Observation, whole)
	for i := range part {
		obs[i].Failed = true
	}
	f := verdict.Judge(e, obs, 0)
	percent := func(x float64) string { return fmt.Sprintf("%.0f", 100*x) }
	return fmt.Sprintf("%s %% (%s to %s %%)", percent(f.Estimate), percent(f.Interval.Low), percent(f.Interval.High))
}

// other is the verdict that a settled run does not have.
func (r Run) other() verdict.Outcome {
	if r.Verdict == verdict.Held {
		return verdict.Disproved
	}
	return verdict.Held
}

// when names a run by its version and date.
func when(r Run) string {
	date := r.Started.UTC().Format(time.DateOnly)
	if r.Version() == "" {
		return date
	}
	return short(r.Version()) + " (" + date + ")"
}

// short cuts a version that is the whole hash of a commit.
func short(version string) string {
	if len(version) != 40 && len(version) != 64 {
		return version
	}
	for _, c := range version {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return version
		}
	}
	return version[:12]
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
