package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// Text writes a summary for a terminal: the verdict first, then what it rests on. Nothing in it depends on color.
func Text(w io.Writer, r *engine.Result, style Style) error {
	t := &text{r: r, style: style}
	t.head()
	t.residue()
	t.measures()
	t.conditions()
	t.insights()
	t.before()
	t.notes()
	t.origin()
	if _, err := w.Write(t.out.Bytes()); err != nil {
		return fmt.Errorf("write the summary of run %s: %w", r.Run, err)
	}
	return nil
}

type text struct {
	r     *engine.Result
	style Style
	out   bytes.Buffer
}

func (t *text) line(parts ...string) {
	t.out.WriteString(strings.TrimRight(strings.Join(parts, ""), " "))
	t.out.WriteByte('\n')
}

// paragraph writes wrapped text under an indent; the first line starts with lead instead.
func (t *text) paragraph(lead string, indent int, body string, attributes ...string) {
	for i, line := range wrap(body, max(t.style.width()-indent, 30)) {
		prefix := strings.Repeat(" ", indent)
		if i == 0 {
			prefix = pad(lead, indent)
		}
		t.line(prefix, t.style.paint(line, attributes...))
	}
}

func (t *text) head() {
	r := t.r
	badge := mark(r.Verdict) + " " + strings.ToUpper(word(r.Verdict))
	t.line(t.style.outcome(r.Verdict, badge), "  ", t.style.paint(title(r), bold))
	if reason := sentence(r.Reason); reason != "" {
		t.paragraph("", 2, reason)
	}
	if r.Error != "" && !strings.Contains(r.Reason, r.Error) {
		t.paragraph("", 2, "error: "+clean(r.Error), red)
	}
	if r.Hint != "" {
		t.paragraph("", 2, "hint: "+clean(r.Hint))
	}
	if o := objective(r); o != "" {
		t.line()
		t.paragraph("  objective", labelColumn, o)
	}
}

const labelColumn = 14

func (t *text) residue() {
	if len(t.r.Residue) == 0 {
		return
	}
	t.line()
	t.line(t.style.paint("!! UNDO INCOMPLETE: "+counted(len(t.r.Residue), "change")+" left behind", red, bold))
	for _, x := range t.r.Residue {
		t.paragraph("   -", 5, fmt.Sprintf("%s on %s: %s", clean(x.Condition), clean(x.Target), clean(x.Error)), red)
	}
	t.line("   ", t.style.paint("put it back: firedrill recover "+clean(t.r.Run), bold))
}

func (t *text) measures() {
	if len(t.r.Measures) == 0 {
		return
	}
	t.line()
	rows := [][]cell{{{"measure", faint, ""}, {"expected", faint, ""}, {"baseline", faint, ""}, {"fault", faint, ""}, {"", faint, ""}, {"recovery", faint, ""}}}
	for _, m := range t.r.Measures {
		f := decisive(m)
		outcome := mark(f.Outcome) + " " + word(f.Outcome)
		if judgedIn(m) == engine.PhaseBaseline {
			outcome += " before"
		}
		rows = append(rows, []cell{
			{clean(m.Name), bold, ""}, {clean(expected(t.r, m).Text), "", ""}, {estimate(m.Baseline), "", spread(m.Baseline)},
			{estimate(m.Fault), "", spread(m.Fault)}, {outcome, outcomeColor(f.Outcome), ""}, {estimate(m.Recovery), "", spread(m.Recovery)},
		})
	}
	t.table(rows)
	for _, m := range t.r.Measures {
		t.stages(m)
		if f := decisive(m); f.Outcome == verdict.Inconclusive && f.Missing > 0 {
			t.paragraph("", 2, fmt.Sprintf("%s: about %s more would settle it.", clean(m.Name), counted(f.Missing, "sample")))
		}
	}
}

func (t *text) stages(m engine.MeasureResult) {
	spans := phases(t.r, engine.PhaseFault)
	if len(m.Stages) < 2 || len(spans) < len(m.Stages) {
		return
	}
	var parts []string
	for i, f := range m.Stages {
		parts = append(parts, fmt.Sprintf("%s %%: %s %s", plain(spans[i].Share), estimate(f), mark(f.Outcome)))
	}
	t.paragraph("", 2, clean(m.Name)+" by stage: "+strings.Join(parts, ", "))
}

// A cell is a text with an attribute, and what may follow it in parentheses where the width allows it.
type cell struct{ text, attribute, extra string }

// table aligns rows if they fit, first with the extras, then without; otherwise each row becomes a block of lines.
func (t *text) table(rows [][]cell) {
	for _, extras := range []bool{true, false} {
		widths := make([]int, len(rows[0]))
		for _, row := range rows {
			for i, c := range row {
				widths[i] = max(widths[i], columns(c.render(extras)))
			}
		}
		total := 2
		for _, w := range widths {
			total += w + 2
		}
		if total-2 <= t.style.width() {
			t.grid(rows, widths, extras)
			return
		}
	}
	for _, row := range rows[1:] {
		t.line("  ", t.style.paint(row[0].text, bold))
		for i, c := range row[1:] {
			label := rows[0][i+1].text
			if label == "" {
				label = "outcome"
			}
			t.line("    ", t.style.paint(pad(label, 10), faint), t.style.paint(c.render(true), attributes(c)...))
		}
	}
}

func (t *text) grid(rows [][]cell, widths []int, extras bool) {
	for _, row := range rows {
		line := "  "
		for i, c := range row {
			shown := c.render(extras)
			line += t.style.paint(shown, attributes(c)...)
			if i < len(row)-1 {
				line += strings.Repeat(" ", widths[i]-columns(shown)+2)
			}
		}
		t.line(line)
	}
}

func attributes(c cell) []string {
	if c.attribute == "" {
		return nil
	}
	return []string{c.attribute}
}

func (c cell) render(extra bool) string {
	if extra && c.extra != "" {
		return c.text + " (" + c.extra + ")"
	}
	return c.text
}

func (t *text) conditions() {
	if len(t.r.Conditions) > 0 {
		t.line()
	}
	for _, c := range t.r.Conditions {
		injected, ok := proof(t.r, c)
		if !ok && c.Applied != nil {
			injected = t.style.paint(injected, yellow)
		}
		t.paragraph("  "+noun(t.r), labelColumn, clean(c.Name)+": "+change(t.r, c)+", "+injected)
		switch {
		case stays(c) != "":
			t.paragraph("", labelColumn, stays(c), yellow)
		case c.Applied != nil && c.Reverted == nil:
			t.paragraph("", labelColumn, "not put back", red)
		}
		for _, problem := range []string{c.Drift, c.Error} {
			if problem != "" {
				t.paragraph("", labelColumn, clean(problem), yellow)
			}
		}
	}
	if text := predicted(t.r); text != "" {
		t.paragraph("", labelColumn, text, faint)
	}
	if back := recovery(t.r); back != "" {
		t.paragraph("  recovered", labelColumn, back)
	}
}

func (t *text) insights() {
	for i, s := range insights(t.r) {
		if i == 0 {
			t.line()
		}
		t.paragraph("  -", 4, s)
	}
}

func (t *text) before() {
	for i, phrase := range before(t.r) {
		if i == 0 {
			t.line()
		}
		t.paragraph("  -", 4, sentence(phrase))
	}
}

func (t *text) notes() {
	for i, n := range t.r.Notes {
		if i == 0 {
			t.line()
		}
		t.paragraph("  note", labelColumn, clean(n), yellow)
	}
}

func (t *text) origin() {
	r := t.r
	if r.Run == "" {
		return
	}
	parts := []string{clean(r.Run)}
	if !r.Started.IsZero() {
		parts = append(parts, r.Started.UTC().Format(time.DateTime)+" UTC", span(r.Ended.Sub(r.Started)))
	}
	if l := labelled(r.Labels); l != "" {
		parts = append(parts, l)
	}
	t.line()
	t.paragraph("  run", labelColumn, strings.Join(parts, ", "), faint)
}
