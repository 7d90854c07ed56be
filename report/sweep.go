package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/sweep"
	"github.com/firedrill-dev/firedrill/verdict"
)

// SweepJSON writes a sweep as sweep.json holds it, indented.
func SweepJSON(w io.Writer, r *sweep.Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write the sweep as JSON: %w", err)
	}
	return nil
}

// SweepText writes a sweep for a terminal: the answer, a chart of what it rests on, and what it suggests.
func SweepText(w io.Writer, r *sweep.Report, style Style) error {
	t := &text{style: style}
	badge := mark(sweepVerdict(r)) + " " + strings.ToUpper(sweepWord(r))
	t.line(t.style.outcome(sweepVerdict(r), badge), "  ", t.style.paint(clean(r.Title), bold))
	t.paragraph("", 2, sentence(r.Text))
	for _, row := range sweepRemarks(r) {
		t.paragraph("", 2, row)
	}
	t.sweepChart(r)
	for _, advice := range r.Advice {
		t.line()
		t.paragraph("  -", 4, clean(advice))
	}
	if _, err := w.Write(t.out.Bytes()); err != nil {
		return fmt.Errorf("write the sweep: %w", err)
	}
	return nil
}

// sweepVerdict is the verdict whose mark and color say the same as an answer.
func sweepVerdict(r *sweep.Report) verdict.Outcome {
	switch {
	case r.Early != "":
		return verdict.Stopped
	case r.Gate == sweep.Held, r.Gate == "" && (r.Outcome == sweep.Found || r.Outcome == sweep.HeldThroughout):
		return verdict.Held
	case r.Gate == sweep.Broken, r.Gate == "" && r.Outcome == sweep.BrokenThroughout:
		return verdict.Disproved
	}
	return verdict.Inconclusive
}

func sweepWord(r *sweep.Report) string {
	word := strings.ReplaceAll(string(r.Outcome), "-", " ")
	switch {
	case r.Early != "":
		word = "ended early"
	case r.AtLeast == nil:
	case r.Gate == sweep.Held:
		word = "holds up to " + r.AtLeast.Text
	case r.Gate == sweep.Broken:
		word = "breaks before " + r.AtLeast.Text
	default:
		word = "undecided at " + r.AtLeast.Text
	}
	return clean(word)
}

// sweepRemarks are what belongs to an answer.
func sweepRemarks(r *sweep.Report) []string {
	var out []string
	if r.Early != "" {
		out = append(out, "ended early: "+clean(r.Early))
	}
	if r.Guess != nil {
		out = append(out, "best guess: "+clean(r.Guess.Text)+", where a line through the estimates meets the limit")
	}
	if r.Hint != "" && r.Early == "" {
		out = append(out, "hint: "+clean(r.Hint))
	}
	return out
}

// sweepPoint is all runs at one value, for charts: the last of them that says something about the measure.
type sweepPoint struct {
	value   float64
	text    string
	answer  sweep.Answer // of most of them
	runs    int
	finding verdict.Finding
}

// sweepPoints are the points of a measure, from gentle to harsh.
func sweepPoints(r *sweep.Report, measure string) []sweepPoint {
	var out []sweepPoint
	lead := map[float64]int{}
	for _, run := range r.Runs {
		if run.Answer == "" {
			continue
		}
		i := slices.IndexFunc(out, func(p sweepPoint) bool { return p.value == run.Value })
		if i < 0 {
			out = append(out, sweepPoint{value: run.Value, text: clean(run.Text)})
			i = len(out) - 1
		}
		p := &out[i]
		p.runs++
		switch run.Answer {
		case sweep.Held:
			lead[p.value]++
		case sweep.Broken:
			lead[p.value]--
		}
		p.answer = sweep.Undecided
		if lead[p.value] > 0 {
			p.answer = sweep.Held
		} else if lead[p.value] < 0 {
			p.answer = sweep.Broken
		}
		for _, m := range run.Measures {
			if m.Name == measure && m.Finding.Outcome != "" && m.Finding.Samples >= p.finding.Samples {
				p.finding = m.Finding
			}
		}
	}
	slices.SortFunc(out, func(a, b sweepPoint) int {
		if r.Scale.Position(a.value) < r.Scale.Position(b.value) {
			return -1
		}
		return 1
	})
	return out
}

// answerVerdict is the verdict whose mark and color say the same as an answer.
func answerVerdict(a sweep.Answer) verdict.Outcome {
	switch a {
	case sweep.Held:
		return verdict.Held
	case sweep.Broken:
		return verdict.Disproved
	}
	return verdict.Inconclusive
}

// deciding is the measure that breaks first: the one that is disproved most often, or else the first.
func deciding(r *sweep.Report) (string, bool) {
	most, name := -1, ""
	counts := map[string]int{}
	for _, run := range r.Runs {
		for _, m := range run.Measures {
			if m.Finding.Outcome == verdict.Disproved {
				counts[m.Name]++
			}
		}
	}
	for _, run := range r.Runs {
		for _, m := range run.Measures {
			if counts[m.Name] > most {
				most, name = counts[m.Name], m.Name
			}
		}
	}
	return name, most >= 0
}

// sweepTop is where the axis of a measure ends: what is far beyond the limit is as bad as what is twice beyond it.
func sweepTop(points []sweepPoint) float64 {
	limit, top := 0.0, 0.0
	for _, p := range points {
		if p.finding.Outcome == "" {
			continue
		}
		limit = p.finding.Expectation.Threshold
		for _, v := range []float64{p.finding.Estimate, p.finding.Interval.High} {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				top = math.Max(top, v)
			}
		}
	}
	top = math.Max(math.Min(top, 2*limit), 1.25*limit)
	if top <= 0 {
		return 1
	}
	return top
}

const chartColumns = 40

// sweepChart draws a line for each value that was tried: the interval of the measure that breaks first, before its limit.
func (t *text) sweepChart(r *sweep.Report) {
	name, ok := deciding(r)
	if !ok {
		return
	}
	points := sweepPoints(r, name)
	top, e := sweepTop(points), verdict.Expectation{}
	width := 0
	for _, p := range points {
		width = max(width, columns(p.text))
		if p.finding.Outcome != "" {
			e = p.finding.Expectation
		}
	}
	t.line()
	t.line("  ", t.style.paint(clean(r.Over)+"  against  "+clean(name)+", expected "+clean(e.Text), faint))
	for _, p := range points {
		o := answerVerdict(p.answer)
		times := ""
		if p.runs > 1 {
			times = fmt.Sprintf(" (%d runs)", p.runs)
		}
		word := map[sweep.Answer]string{sweep.Held: "held", sweep.Broken: "disproved", sweep.Undecided: "undecided"}[p.answer]
		t.line("  ", strings.Repeat(" ", width-columns(p.text)), t.style.paint(p.text, bold), "  ",
			bar(p.finding, top, chartColumns), "  ", t.style.outcome(o, pad(mark(o)+" "+word, 11)), "  ", estimate(p.finding), times)
	}
}

// bar draws an interval, with its estimate and limit, in so many columns.
func bar(f verdict.Finding, top float64, width int) string {
	cells := []rune(strings.Repeat(" ", width))
	at := func(v float64) int {
		if math.IsNaN(v) {
			return 0
		}
		return int(math.Min(math.Max(v/top, 0), 1) * float64(width-1))
	}
	if f.Outcome == "" {
		return string(cells)
	}
	low, high := at(f.Interval.Low), at(f.Interval.High)
	for i := low; i <= high; i++ {
		cells[i] = '─'
	}
	cells[at(f.Expectation.Threshold)] = '┊'
	if !math.IsNaN(f.Estimate) {
		cells[at(f.Estimate)] = '●'
	}
	return string(cells)
}
