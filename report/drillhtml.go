package report

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

//go:embed drill.html
var drillHTML string

// A drillPage is what the template of drills shows.
type drillPage struct {
	CSS                       template.CSS
	Counts, Class, When, Took string
	Experiments               []drillCard
}

// A drillCard is one experiment.
type drillCard struct {
	Title, Path, Link   string
	Mark, Word, Class   string
	Strip               template.HTML
	Decided, Residue    string
	Attempts, Took, Run string
}

// DrillHTML writes a drill as one self-contained page that leads to the reports of its runs.
func DrillHTML(w io.Writer, d Drill) error {
	tmpl, err := template.New("drill").Parse(drillHTML)
	if err != nil {
		return fmt.Errorf("parse the page: %w", err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, newDrillPage(d)); err != nil {
		return fmt.Errorf("render the drill: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the drill: %w", err)
	}
	return nil
}

func newDrillPage(d Drill) drillPage {
	p := drillPage{CSS: template.CSS(pageCSS), Counts: drillCounts(d), Class: outcomeClass(verdict.Held)}
	var took time.Duration
	var began time.Time
	for i, x := range d {
		took += x.took()
		if r := x.Result; r != nil && !r.Started.IsZero() && (began.IsZero() || r.Started.Before(began)) {
			began = r.Started
		}
		switch o := x.outcome(); {
		case o == verdict.Error || o == verdict.Disproved:
			p.Class = outcomeClass(verdict.Disproved)
		case o != verdict.Held && p.Class == outcomeClass(verdict.Held):
			p.Class = outcomeClass(verdict.Inconclusive)
		}
		p.Experiments = append(p.Experiments, newDrillCard(x, fmt.Sprintf("d%d", i)))
	}
	p.Took = span(took)
	if !began.IsZero() {
		p.When = began.UTC().Format("2 January 2006, 15:04:05") + " UTC"
	}
	return p
}

func newDrillCard(x Drilled, id string) drillCard {
	c := drillCard{
		Title: x.title(), Path: x.path(), Link: x.Link, Mark: mark(x.outcome()), Word: word(x.outcome()), Class: outcomeClass(x.outcome()),
		Decided: kept(decided(x)), Attempts: attempts(x), Took: span(x.took()),
	}
	if x.outcome() == "" {
		c.Word = "not run"
	}
	if x.Result == nil {
		return c
	}
	c.Run = clean(x.Result.Run)
	if m, ok := decider(x.Result); ok {
		c.Strip = strip(x.Result, m, id)
	}
	c.Residue = residueOf(x.Result)
	return c
}

// residueOf says what was left behind, in a phrase.
func residueOf(r *engine.Result) string {
	var left []string
	for _, x := range r.Residue {
		left = append(left, clean(x.Condition)+" on "+clean(x.Target))
	}
	if left == nil {
		return ""
	}
	return strings.Join(left, ", ") + "; firedrill recover " + clean(r.Run)
}
