package report

import (
	"bytes"
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"

	"github.com/firedrill-dev/firedrill/sweep"
)

//go:embed sweep.html
var sweepHTML string

// sweepPage is what the template shows.
type sweepPage struct {
	CSS                          template.CSS
	Title, Objective, File, Over string
	Word, Mark, Class, Text      string
	Range, Precision, When, Took string
	Remarks, Advice              []string
	Figures                      []figure
	Rows                         []sweepRow
	Names                        []string
}

type sweepRow struct {
	Value, Length, Mark, Word, Class, Run, Reason string
	Cells                                         []string
}

// SweepHTML writes a sweep as one self-contained page. It links to the reports of its runs, which lie beside it.
func SweepHTML(w io.Writer, r *sweep.Report) error {
	tmpl, err := template.New("sweep").Parse(sweepHTML)
	if err != nil {
		return fmt.Errorf("parse the page of sweeps: %w", err)
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, newSweepPage(r)); err != nil {
		return fmt.Errorf("render the page of a sweep: %w", err)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the page of a sweep: %w", err)
	}
	return nil
}

func newSweepPage(r *sweep.Report) sweepPage {
	o := sweepVerdict(r)
	p := sweepPage{
		CSS: template.CSS(pageCSS), Title: clean(r.Title), Objective: kept(clean(r.Objective)), File: clean(r.File), Over: clean(r.Over),
		Word: sweepWord(r), Mark: mark(o), Class: outcomeClass(o), Text: kept(sentence(r.Text)), Remarks: sweepRemarks(r),
		Range: r.Scale.Format(r.Scale.From) + " to " + r.Scale.Format(r.Scale.To), Took: span(r.Ended.Sub(r.Started)),
		When: r.Started.UTC().Format("2 January 2006, 15:04:05") + " UTC", Precision: sweepPrecision(r),
	}
	for _, a := range r.Advice {
		p.Advice = append(p.Advice, kept(clean(a)))
	}
	if len(r.Runs) > 0 {
		for i, m := range mostMeasured(r) {
			id := fmt.Sprintf("s%d", i)
			p.Names = append(p.Names, clean(m))
			p.Figures = append(p.Figures, figure{Title: clean(m), Wide: drawSweep(r, m, id+"-wide", wide()), Narrow: drawSweep(r, m, id+"-narrow", narrow())})
		}
	}
	for _, run := range r.Runs {
		p.Rows = append(p.Rows, newSweepRow(run, p.Names))
	}
	return p
}

func sweepPrecision(r *sweep.Report) string {
	if r.Precision.Amount > 0 {
		return r.Scale.Format(r.Precision.Amount)
	}
	return plain(r.Precision.Share*100) + noBreak + "% of the breaking point"
}

// mostMeasured are the names of the measures, that which breaks first before the others.
func mostMeasured(r *sweep.Report) []string {
	first, ok := deciding(r)
	if !ok {
		return nil
	}
	out := []string{first}
	for _, run := range r.Runs {
		if len(run.Measures) > 0 {
			for _, m := range run.Measures {
				if m.Name != first {
					out = append(out, m.Name)
				}
			}
			break
		}
	}
	return out
}

func newSweepRow(run sweep.Run, names []string) sweepRow {
	row := sweepRow{
		Value: clean(run.Text), Mark: mark(run.Verdict), Word: word(run.Verdict), Class: outcomeClass(run.Verdict), Run: clean(run.Run), Reason: sentence(run.Reason),
	}
	if run.Effort > 1 {
		row.Length = plain(run.Effort) + " times as long"
	}
	for _, name := range names {
		cell := "–"
		for _, m := range run.Measures {
			if clean(m.Name) == name {
				cell = estimate(m.Finding)
				if s := spread(m.Finding); s != "" {
					cell += " (" + s + ")"
				}
			}
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}
