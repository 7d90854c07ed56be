package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// Markdown writes results for the summary of a CI job or a pull request: a table of verdicts, then a section for each
// result. The dialect is GitHub's.
func Markdown(w io.Writer, results []*engine.Result) error {
	var b bytes.Buffer
	if len(results) != 1 {
		overview(&b, results)
	}
	for i, r := range results {
		if i > 0 || len(results) != 1 {
			b.WriteByte('\n')
		}
		section(&b, r)
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write Markdown: %w", err)
	}
	return nil
}

func overview(b *bytes.Buffer, results []*engine.Result) {
	b.WriteString("| verdict | experiment | reason |\n|---|---|---|\n")
	for _, r := range results {
		fmt.Fprintf(b, "| %s | %s | %s |\n", badge(r), escape(title(r)), escape(sentence(r.Reason)))
	}
}

func badge(r *engine.Result) string {
	text := mark(r.Verdict) + " **" + escape(word(r.Verdict)) + "**"
	if len(r.Residue) > 0 {
		text += ", **undo incomplete**"
	}
	return text
}

func section(b *bytes.Buffer, r *engine.Result) {
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
	for _, x := range r.Residue {
		fmt.Fprintf(b, "\n**Left behind:** %s on %s: %s. Put it back: firedrill recover %s\n",
			escape(x.Condition), escape(x.Target), escape(x.Error), escape(r.Run))
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
	if len(items) > 0 {
		b.WriteByte('\n')
	}
	for _, item := range items {
		fmt.Fprintf(b, "- %s\n", escape(item))
	}
	if r.Run != "" {
		fmt.Fprintf(b, "\nRun %s, %s\n", escape(r.Run), span(r.Ended.Sub(r.Started)))
	}
}

// markdownItems are the remarks below the table.
func markdownItems(r *engine.Result) []string {
	var items []string
	for _, c := range r.Conditions {
		injected, _ := proof(r, c)
		item := fmt.Sprintf("fault %s: %s, %s", clean(c.Name), change(r, c), injected)
		if c.NotUndone {
			item += "; " + engine.NotUndone
		}
		items = append(items, item)
	}
	if back := recovery(r); back != "" {
		items = append(items, "recovered: "+back)
	}
	return append(append(items, insights(r)...), r.Notes...)
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
