package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

// recent is how many runs a row of text shows.
func recent(s Style) int { return min(max((s.width()-90)/2, 10), 40) }

// Trend writes the history of experiments for a terminal: a row for each of them in each environment, then what the rows show.
func Trend(w io.Writer, stories []history.Story, style Style) error {
	t := &text{style: style}
	rows := [][]cell{nil}
	for _, name := range []string{"experiment", "where", "verdicts", "held", "disproved", "other", "measure"} {
		rows[0] = append(rows[0], cell{name, faint, ""})
	}
	for _, s := range stories {
		held, disproved := s.Count(verdict.Held), s.Count(verdict.Disproved)
		rows = append(rows, []cell{
			{lineName(s.Line), bold, ""}, {orDash(clean(s.Environment)), "", ""}, {verdicts(latest(s.Runs, recent(style))), "", ""},
			{strconv.Itoa(held), "", ""}, {strconv.Itoa(disproved), "", ""}, {strconv.Itoa(len(s.Runs) - held - disproved), "", ""}, course(s.Line, recent(style)),
		})
	}
	t.table(rows)
	for _, s := range stories {
		t.news(s)
	}
	if _, err := w.Write(t.out.Bytes()); err != nil {
		return fmt.Errorf("write the trend: %w", err)
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// lineName is what a line is called: its file, as people type it, or its title.
func lineName(l history.Line) string {
	if l.Experiment != "" {
		return clean(l.Experiment)
	}
	return clean(l.Title)
}

func (t *text) news(s history.Story) {
	if len(s.News) == 0 {
		return
	}
	name := lineName(s.Line)
	if s.Environment != "" {
		name += ", " + clean(s.Environment)
	}
	t.line()
	t.line("  ", t.style.paint(name, bold))
	for _, n := range s.News {
		attribute := yellow
		switch n.Kind {
		case history.Regressed:
			attribute = red
		case history.Recovered:
			attribute = green
		}
		t.paragraph("    "+string(n.Kind), 16, clean(n.Text), attribute)
	}
}

func latest(runs []history.Run, n int) []history.Run { return runs[max(0, len(runs)-n):] }

// verdicts are signs, oldest first.
func verdicts(runs []history.Run) string {
	var b strings.Builder
	for _, r := range runs {
		b.WriteString(mark(r.Verdict))
	}
	return b.String()
}

// course draws the decisive measure's latest estimates against its limit, which is as high as the highest block, and says the last one.
func course(l history.Line, n int) cell {
	name := l.Decisive()
	if name == "" {
		return cell{"–", "", ""}
	}
	var values []float64
	var last verdict.Finding
	for _, r := range latest(l.Runs, n) {
		value := math.NaN()
		if f, ok := r.Finding(name); ok {
			value, last = f.Estimate, f
		}
		values = append(values, value)
	}
	e := last.Expectation
	return cell{clean(name) + " " + sparkline(values, e.Threshold) + " " + estimate(last), "", clean(e.Text)}
}

// sparkline draws values as blocks, from 0 to the limit or to the highest of them.
func sparkline(values []float64, limit float64) string {
	const blocks = "▁▂▃▄▅▆▇█"
	steps := []rune(blocks)
	top := math.Max(limit, 0)
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			top = math.Max(top, v)
		}
	}
	out := make([]rune, 0, len(values))
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			out = append(out, ' ')
		case top <= 0 || v <= 0:
			out = append(out, steps[0])
		default:
			at := math.Min(v/top, 1) * float64(len(steps)-1)
			out = append(out, steps[int(math.Round(at))])
		}
	}
	return string(out)
}

// trendWorst puts the lines with the worst news first, for pages that people read from the top.
func trendWorst(stories []history.Story) []history.Story {
	rank := func(s history.Story) int {
		least := 9
		for _, n := range s.News {
			least = min(least, slices.Index([]history.Kind{history.Regressed, history.Flaky, history.Drifting, history.Recovered}, n.Kind))
		}
		return least
	}
	out := slices.Clone(stories)
	slices.SortStableFunc(out, func(a, b history.Story) int { return rank(a) - rank(b) })
	return out
}
