package report

import (
	"bytes"
	_ "embed" // the page and its style sheet
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// HTML writes a result as one self-contained page: no script, no network, light and dark, narrow and wide, paper.
func HTML(w io.Writer, r *engine.Result) error { return writePage(w, r, "") }

// HTMLBeside is HTML for a page in its run's folder, beside those of other runs: it links to the run before.
func HTMLBeside(w io.Writer, r *engine.Result) error { return writePage(w, r, linkBefore(r)) }

func writePage(w io.Writer, r *engine.Result, link string) error {
	tmpl, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	var b bytes.Buffer
	p := newPage(r)
	p.LinkBefore = link
	if err := tmpl.Execute(&b, p); err != nil {
		return fmt.Errorf("render the page of run %s: %w", r.Run, err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the page of run %s: %w", r.Run, err)
	}
	return nil
}

// A page is what the template shows: texts that are ready, and drawings.
type page struct {
	CSS                           template.CSS
	Title, Objective, File, Run   string
	Verdict, Mark, Class, Meaning string
	Reason, Error, Hint           string
	When, Took, Labels            string
	Residue                       []engine.Residue
	Measures                      []pageMeasure
	Insights                      []string
	Before                        []string // what has changed since the run before
	LinkBefore                    string
	Figures                       []figure
	Conditions                    []pageCondition
	Recovery, Predicted           string
	Traffic                       []pageTraffic
	Notes                         []string
	Facts                         []fact
	Rollout                       bool // its conditions are no faults
	Replay                        string
	Confidence                    string
}

type pageMeasure struct {
	Name, Expected, Of  string
	Mark, Word, Class   string
	Reason, Missing     string
	Strip               template.HTML
	Rows                []pageFinding
	BaselineOnly, Early bool
}

// A pageFinding is a row of a measure's table: one phase.
type pageFinding struct {
	Phase, Estimate, Interval string
	Samples, Errors           int
	Mark, Word, Class         string
}

type pageCondition struct {
	Name, Change, Settings, Target string
	Proof, ProofClass              string
	Applied, Reverted              string
	Problems                       []string
}

type pageTraffic struct {
	Name    string
	Phases  []string
	Rows    []trafficRow
	Request string
}

type trafficRow struct {
	Label string
	Cells []string
}

type fact struct{ Name, Value string }

func newPage(r *engine.Result) page {
	p := page{
		CSS: template.CSS(pageCSS), Title: title(r), Objective: kept(objective(r)), File: file(r), Run: clean(r.Run),
		Verdict: word(r.Verdict), Mark: mark(r.Verdict), Class: outcomeClass(r.Verdict), Meaning: explanation(r), Rollout: r.Rollout,
		Reason: kept(sentence(r.Reason)), Error: clean(r.Error), Hint: clean(r.Hint), Took: span(r.Ended.Sub(r.Started)),
		Figures: figures(r), Recovery: recovery(r), Predicted: predicted(r), Facts: facts(r), Replay: replay(r), Labels: labelled(r.Labels),
		Confidence: "95" + noBreak + "%",
	}
	if r.Verdict == "" {
		p.Verdict = "no verdict"
	}
	if !r.Started.IsZero() {
		p.When = r.Started.UTC().Format("2 January 2006, 15:04:05") + " UTC"
	}
	if strings.Contains(r.Reason, r.Error) {
		p.Error = ""
	}
	for i, m := range r.Measures {
		p.Measures = append(p.Measures, newPageMeasure(r, m, fmt.Sprintf("m%d", i)))
		if c := decisive(m).Interval.Confidence; c > 0 {
			p.Confidence = plain(c*100) + noBreak + "%"
		}
	}
	for _, c := range r.Conditions {
		p.Conditions = append(p.Conditions, newPageCondition(r, c))
	}
	for _, l := range r.Loads {
		p.Traffic = append(p.Traffic, newPageTraffic(r, l))
	}
	for _, s := range insights(r) {
		p.Insights = append(p.Insights, kept(s))
	}
	for _, s := range before(r) {
		p.Before = append(p.Before, kept(sentence(s)))
	}
	for _, x := range r.Residue {
		p.Residue = append(p.Residue, engine.Residue{Condition: clean(x.Condition), Target: clean(x.Target), Error: clean(x.Error)})
	}
	for _, n := range r.Notes {
		p.Notes = append(p.Notes, clean(n))
	}
	return p
}

func newPageMeasure(r *engine.Result, m engine.MeasureResult, id string) pageMeasure {
	f := decisive(m)
	out := pageMeasure{
		Name: clean(m.Name), Expected: clean(expected(r, m).Text), Of: clean(m.Of),
		Mark: mark(f.Outcome), Word: word(f.Outcome), Class: outcomeClass(f.Outcome), Reason: kept(clean(f.Reason)), Strip: strip(r, m, id),
		BaselineOnly: baselineOnly(r, m), Early: judgedIn(m) == engine.PhaseBaseline && !baselineOnly(r, m),
	}
	if f.Outcome == verdict.Inconclusive && f.Missing > 0 {
		out.Missing = "About " + counted(f.Missing, "sample") + " more would settle it."
	}
	out.Rows = append(out.Rows, finding(engine.PhaseBaseline, m.Baseline)...)
	spans := phases(r, engine.PhaseFault)
	if len(m.Stages) > 1 && len(spans) >= len(m.Stages) {
		for i, f := range m.Stages {
			out.Rows = append(out.Rows, finding(phaseTitle(r, spans[i]), f)...)
		}
	} else {
		out.Rows = append(out.Rows, finding(engine.PhaseFault, m.Fault)...)
	}
	out.Rows = append(out.Rows, finding(engine.PhaseRecovery, m.Recovery)...)
	return out
}

func finding(phase string, f verdict.Finding) []pageFinding {
	if f.Outcome == "" {
		return nil
	}
	return []pageFinding{{phase, estimate(f), interval(f), f.Samples, f.Errors, mark(f.Outcome), word(f.Outcome), outcomeClass(f.Outcome)}}
}

func newPageCondition(r *engine.Result, c engine.ConditionResult) pageCondition {
	text, ok := proof(r, c)
	out := pageCondition{
		Name: clean(c.Name), Change: change(r, c), Settings: settings(plan(r, c)), Target: clean(c.Target),
		Proof: text, ProofClass: "held", Applied: offset(r, c.Applied), Reverted: offset(r, c.Reverted),
	}
	if !ok {
		out.ProofClass = "inconclusive"
	}
	switch {
	case c.Applied == nil:
		out.Applied = "never"
	case stays(c) != "":
		out.Reverted = stays(c)
	case c.Reverted == nil:
		out.Reverted = "not put back"
	}
	for _, problem := range []string{c.Drift, c.Error} {
		if problem != "" {
			out.Problems = append(out.Problems, sentence(problem))
		}
	}
	return out
}

// offset writes when something happened, in seconds since the start, as the charts count.
func offset(r *engine.Result, at *time.Time) string {
	if at == nil {
		return ""
	}
	return "at " + span(at.Sub(r.Started))
}
