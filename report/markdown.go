package report

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// Markdown writes a drill for the summary of a CI job or a pull request: a table of verdicts, then a section for each result that
// did not hold, then one for each that did. The dialect is GitHub's. limit bounds the bytes, 0 does not: what does not fit is left
// out, from the end, and counted.
func Markdown(w io.Writer, d Drill, limit int) error {
	b := summary{limit: limit}
	if len(d) != 1 {
		b.overview(d)
	}
	b.sections(d)
	if _, err := w.Write(b.text.Bytes()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

// A summary is a text that may be bounded.
type summary struct {
	text  bytes.Buffer
	limit int
}

// reserve is kept for saying what was left out.
const reserve = 200

// fits adds a part if there is room for it.
func (s *summary) fits(part []byte) bool {
	if s.limit > 0 && s.text.Len()+len(part)+reserve > s.limit {
		return false
	}
	s.text.Write(part)
	return true
}

func (s *summary) overview(d Drill) {
	s.fits([]byte(counts(d) + "\n\n| verdict | experiment | what decided | took |\n|---|---|---|---|\n"))
	for i, x := range d {
		if !s.fits(fmt.Appendf(nil, "| %s | %s | %s | %s |\n", badge(x), escape(x.title()), escape(decided(x)), span(x.took()))) {
			fmt.Fprintf(&s.text, "\n%d more experiments do not fit here.\n", len(d)-i)
			return
		}
	}
}

// sections writes what did not hold first: that is what readers come for.
func (s *summary) sections(d Drill) {
	var order, held Drill
	for _, x := range d {
		switch r := x.Result; {
		case r == nil:
		case r.Verdict == verdict.Held && len(r.Residue) == 0:
			held = append(held, x)
		default:
			order = append(order, x)
		}
	}
	order = append(order, held...)
	for i, x := range order {
		var b bytes.Buffer
		if len(d) != 1 {
			b.WriteByte('\n')
		}
		section(&b, x)
		if !s.fits(b.Bytes()) {
			fmt.Fprintf(&s.text, "\n%s more do not fit here: see their reports.\n", counted(len(order)-i, "section"))
			return
		}
	}
	if len(d) == 1 && d[0].Result == nil {
		s.fits(fmt.Appendf(nil, "### %s: %s\n\n%s\n", badge(d[0]), escape(d[0].title()), escape(sentence(d[0].reason()))))
	}
}

// counts says how many experiments ended how: "**3 experiments: 2 held, 1 disproved**".
func counts(d Drill) string { return "**" + escape(drillCounts(d)) + "**" }

// decided is what the verdict rests on: the first measure that agrees with it, with its interval; else the reason.
func decided(x Drilled) string {
	r := x.Result
	if r == nil {
		return sentence(x.reason())
	}
	if m, ok := decider(r); ok {
		f := decisive(m)
		text := clean(m.Name) + ": " + estimate(f)
		if in := spread(f); in != "" {
			text += " (" + in + ")"
		}
		return text + ", expected " + clean(expected(r, m).Text)
	}
	return sentence(r.Reason)
}

// decider is the first measure that agrees with the verdict.
func decider(r *engine.Result) (engine.MeasureResult, bool) {
	for _, m := range r.Measures {
		if decisive(m).Outcome == r.Verdict && r.Verdict != "" {
			return m, true
		}
	}
	return engine.MeasureResult{}, false
}

func badge(x Drilled) string {
	text := mark(x.outcome()) + " **" + escape(word(x.outcome())) + "**"
	switch {
	case x.outcome() == "":
		return mark("") + " not run"
	case x.Result != nil && len(x.Result.Residue) > 0:
		text += ", **undo incomplete**"
	}
	if len(x.Earlier) > 0 {
		text += fmt.Sprintf(" (attempt %d)", len(x.Earlier)+1)
	}
	return text
}

func section(b *bytes.Buffer, x Drilled) {
	r := x.Result
	fmt.Fprintf(b, "### %s %s: %s\n\n", mark(r.Verdict), escape(word(r.Verdict)), escape(title(r)))
	if o := objective(r); o != "" {
		fmt.Fprintf(b, "> %s\n\n", escape(o))
	}
	if r.Reason != "" {
		fmt.Fprintf(b, "%s\n", escape(sentence(r.Reason)))
	}
	if r.Error != "" && !strings.Contains(r.Reason, r.Error) {
		fmt.Fprintf(b, "\nError: %s\n", escape(r.Error))
	}
	if r.Hint != "" {
		fmt.Fprintf(b, "\nHint: %s\n", escape(r.Hint))
	}
	for _, left := range r.Residue {
		fmt.Fprintf(b, "\n**Left behind:** %s on %s: %s. Put it back: firedrill recover %s\n",
			escape(left.Condition), escape(left.Target), escape(left.Error), escape(r.Run))
	}
	if len(r.Measures) > 0 {
		b.WriteString("\n| measure | expected | baseline | fault | outcome | recovery |\n|---|---|---|---|---|---|\n")
	}
	for _, m := range r.Measures {
		f := decisive(m)
		outcome := mark(f.Outcome) + " " + escape(word(f.Outcome))
		if judgedIn(m) == engine.PhaseBaseline {
			outcome += " before"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s |\n", escape(m.Name), escape(expected(r, m).Text),
			withInterval(m.Baseline), withInterval(m.Fault), outcome, withInterval(m.Recovery))
	}
	items := markdownItems(r)
	for i, e := range x.Earlier {
		items = append(items, fmt.Sprintf("attempt %d, run %s: %s: %s", i+1, clean(e.Run), word(e.Verdict), clean(e.Reason)))
	}
	if len(items) > 0 {
		b.WriteByte('\n')
	}
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", escape(item))
	}
	origin(b, x)
}

// origin says which run it was, and where to see more of it.
func origin(b *bytes.Buffer, x Drilled) {
	r := x.Result
	if r.Run == "" {
		return
	}
	parts := []string{"Run " + clean(r.Run), span(r.Ended.Sub(r.Started))}
	if l := labelled(r.Labels); l != "" {
		parts = append(parts, l)
	}
	if x.Report != "" {
		parts = append(parts, "report: "+clean(x.Report))
	}
	fmt.Fprintf(b, "\n%s\n", escape(strings.Join(parts, ", ")))
}

// markdownItems are the remarks below the table.
func markdownItems(r *engine.Result) []string {
	var items []string
	for _, c := range r.Conditions {
		injected, _ := proof(r, c)
		item := fmt.Sprintf("%s %s: %s, %s", noun(r), clean(c.Name), change(r, c), injected)
		if why := stays(c); why != "" {
			item += "; " + why
		}
		items = append(items, item)
	}
	if text := predicted(r); text != "" {
		items = append(items, text)
	}
	if back := recovery(r); back != "" {
		items = append(items, "recovered: "+back)
	}
	return slices.Concat(items, insights(r), before(r), r.Notes)
}

// escape makes text of text: nothing in it is markup, a mention, a reference or a cell's end.
func escape(s string) string {
	var b strings.Builder
	s = clean(s)
	if at := strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' }); at >= 0 {
		alone, numbered := at == 0 && strings.ContainsRune("-+=", rune(s[0])), at > 0 && strings.ContainsRune(".)", rune(s[at])) && (at+1 == len(s) || s[at+1] == ' ')
		if alone || numbered { // would begin a list, a rule or a heading
			b.WriteString(s[:at] + "\\")
			s = s[at:]
		}
	}
	for _, c := range s {
		switch {
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '&':
			b.WriteString("&amp;")
		case c == '@':
			b.WriteString("&#64;")
		case strings.ContainsRune("\\`*_{}[]#|~!", c):
			b.WriteByte('\\')
			b.WriteRune(c)
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func withInterval(f verdict.Finding) string {
	text := escape(estimate(f))
	if in := spread(f); in != "" {
		text += " (" + escape(in) + ")"
	}
	return text
}
