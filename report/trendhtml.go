package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/verdict"
)

//go:embed trend.html
var trendHTML string

// onPage is how many runs of a line a page shows.
const onPage = 80

// A trendPage is what the template of trends shows.
type trendPage struct {
	CSS         template.CSS
	Count, Span string
	Lines       []trendLine
}

// A trendLine is one experiment in one environment.
type trendLine struct {
	Name, Title, Environment string
	Counts                   string
	News                     []trendNews
	Cells                    []trendCell
	Measure                  string
	Chart                    template.HTML
}

type trendNews struct{ Kind, Class, Text string }

// A trendCell is a run's verdict.
type trendCell struct{ Mark, Class, Tip, Link string }

// TrendHTML writes the history of experiments as one self-contained page. Its links lead to the runs' own pages, from the state folder.
func TrendHTML(w io.Writer, stories []history.Story) error {
	tmpl, err := template.New("trend").Parse(trendHTML)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, newTrendPage(stories)); err != nil {
		return fmt.Errorf("render the trend: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the trend: %w", err)
	}
	return nil
}

func newTrendPage(stories []history.Story) trendPage {
	p := trendPage{CSS: template.CSS(pageCSS)}
	runs := 0
	var from, to time.Time
	for i, s := range trendWorst(stories) {
		p.Lines = append(p.Lines, newTrendLine(s, fmt.Sprintf("t%d", i)))
		for _, r := range s.Runs {
			if runs++; runs == 1 || r.Started.Before(from) {
				from = r.Started
			}
			if r.Started.After(to) {
				to = r.Started
			}
		}
	}
	p.Count = counted(runs, "run")
	if runs > 0 {
		p.Span = from.UTC().Format(time.DateOnly) + " to " + to.UTC().Format(time.DateOnly)
	}
	return p
}

func newTrendLine(s history.Story, id string) trendLine {
	l := trendLine{Name: lineName(s.Line), Title: orDash(clean(s.Title)), Environment: clean(s.Environment), Counts: tally(s.Line)}
	for _, n := range s.News {
		class := map[history.Kind]string{history.Regressed: "disproved", history.Recovered: "held"}[n.Kind]
		if class == "" {
			class = "inconclusive"
		}
		l.News = append(l.News, trendNews{clean(string(n.Kind)), class, sentence(n.Text)})
	}
	runs := s.Runs[max(0, len(s.Runs)-onPage):]
	for _, r := range runs {
		l.Cells = append(l.Cells, newTrendCell(r))
	}
	if name := s.Decisive(); name != "" {
		l.Measure, l.Chart = clean(name), trendChart(runs, name, id)
	}
	return l
}

// tally counts a line's verdicts: "held 41, disproved 2".
func tally(l history.Line) string {
	var parts []string
	for _, v := range []verdict.Outcome{verdict.Held, verdict.Disproved, verdict.Inconclusive, verdict.NotSteady, verdict.Stopped, verdict.Error} {
		if n := l.Count(v); n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", word(v), n))
		}
	}
	return strings.Join(parts, ", ")
}

func newTrendCell(r history.Run) trendCell {
	c := trendCell{Mark: mark(r.Verdict), Class: outcomeClass(r.Verdict)}
	parts := []string{word(r.Verdict), r.Started.UTC().Format("2006-01-02 15:04") + " UTC"}
	if l := labelled(r.Labels); l != "" {
		parts = append(parts, l)
	}
	c.Tip = strings.Join(append(parts, clean(r.Reason)), "; ")
	if runID.MatchString(r.Run) {
		c.Link = "runs/" + r.Run + "/report.html"
	}
	return c
}

// The geometry of a trend's chart.
const (
	trendWidth, trendHeight = 920.0, 200.0
	trendLeft, trendRight   = 62.0, 14.0
	trendTop, trendBottom   = 22.0, 12.0
)

// trendChart draws a measure's estimates with their intervals, run by run, against the limit. Empty if there is nothing to draw.
func trendChart(runs []history.Run, name, id string) template.HTML {
	top, bottom, e := 0.0, 0.0, verdict.Expectation{}
	for _, r := range runs {
		f, ok := r.Finding(name)
		if !ok {
			continue
		}
		if e = f.Expectation; !math.IsNaN(f.Estimate) && !math.IsInf(f.Estimate, 0) {
			bottom = min(bottom, f.Estimate, e.Threshold)
		}
		for _, x := range []float64{f.Estimate, f.Interval.High, e.Threshold} {
			if !math.IsInf(x, 0) && !math.IsNaN(x) {
				top = math.Max(top, x)
			}
		}
	}
	if top <= bottom {
		return ""
	}
	if most := math.Max(farAbove*e.Threshold, highest(runs, name)); most > 0 {
		top = math.Min(top, most) * 1.08
	}
	x := func(i int) float64 {
		return trendLeft + (float64(i)+0.5)/float64(len(runs))*(trendWidth-trendLeft-trendRight)
	}
	y := func(v float64) float64 {
		return trendHeight - trendBottom - math.Min(math.Max((v-bottom)/(top-bottom), 0), 1)*(trendHeight-trendTop-trendBottom)
	}
	s := newSVG(trendWidth, trendHeight, "chart", id, clean(name)+": run by run", trendText(runs, name))
	for _, v := range ticks(top, 4) { // none below zero: there the limit and the tips tell
		s.line(trendLeft, y(v), trendWidth-trendRight, y(v), "grid")
		s.text(trendLeft-7, y(v)+4, "end", "tick", e.Format(v))
	}
	s.line(trendLeft, y(e.Threshold), trendWidth-trendRight, y(e.Threshold), "limit")
	s.text(trendLeft+6, y(e.Threshold)-5, "start", "limit-label", "limit "+e.Format(e.Threshold))
	for i, r := range runs {
		trendPoint(s, runs, i, x, y, name)
		half := (trendWidth - trendLeft - trendRight) / float64(len(runs)) / 2
		s.tip(x(i)-half, trendTop, 2*half, trendHeight-trendTop-trendBottom, newTrendCell(r).Tip)
	}
	return s.done()
}

// trendPoint draws one run.
func trendPoint(s *svg, runs []history.Run, i int, x func(int) float64, y func(float64) float64, name string) {
	r := runs[i]
	if i > 0 && r.Version() != runs[i-1].Version() && r.Version() != "" {
		at := (x(i-1) + x(i)) / 2
		s.line(at, trendTop-4, at, trendHeight-trendBottom, "grid")
		if label := fit(clean(r.Version()), trendWidth-trendRight-at); label != "" && len(runs) <= 40 {
			s.text(at+2, trendTop-8, "start", "tick", label)
		}
	}
	f, ok := r.Finding(name)
	if !ok || !drawable(f) || math.IsInf(f.Estimate, 0) {
		return
	}
	class := outcomeClass(f.Outcome)
	low, high := f.Interval.Low, f.Interval.High
	s.rect(x(i)-2.5, y(high), 5, y(low)-y(high), "interval "+class)
	s.circle(x(i), y(f.Estimate), 4, "estimate "+class)
}

func highest(runs []history.Run, name string) float64 {
	var top float64
	for _, r := range runs {
		if f, ok := r.Finding(name); ok && !math.IsInf(f.Estimate, 0) && !math.IsNaN(f.Estimate) {
			top = math.Max(top, f.Estimate)
		}
	}
	return top
}

// trendText tells the chart to those who hear it.
func trendText(runs []history.Run, name string) string {
	var parts []string
	for _, r := range slices.Backward(runs[max(0, len(runs)-5):]) {
		if f, ok := r.Finding(name); ok {
			parts = append(parts, fmt.Sprintf("%s: %s", r.Started.UTC().Format(time.DateOnly), estimate(f)))
		}
	}
	return "The latest first. " + strings.Join(parts, ", ") + "."
}
