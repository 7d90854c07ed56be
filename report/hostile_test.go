package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/history"
	"github.com/firedrill-dev/firedrill/report"
	"github.com/firedrill-dev/firedrill/verdict"
)

// hostile puts a text into every place of a result that holds one.
func hostile(s string) *engine.Result {
	r := held()
	r.Run, r.Reason, r.Error, r.Hint = s, s, s, s
	r.Verdict = verdict.Outcome(s)
	r.Notes = []string{s}
	r.Residue = []engine.Residue{{Condition: s, Target: s, Error: s}}
	r.Stop = &engine.Stop{Kind: engine.StopKind(s), Reason: s, At: at(3)}
	x := r.Experiment
	x.File, x.Title, x.Objective = s, s, s
	x.Guards.Protected = []string{s}
	x.Stop[0].Of, x.Stop[0].When.Text = s, s
	x.Loads[0].Name, x.Loads[0].HTTP.URL = s, s
	x.Conditions[0] = experiment.Condition{Name: s, Fault: s, Target: experiment.Target{Lambda: s}, With: map[string]any{s: s}}
	r.Conditions[0].Name, r.Conditions[0].Kind, r.Conditions[0].Target = s, s, s
	r.Conditions[0].Drift, r.Conditions[0].Error = s, s
	l := &r.Loads[0]
	l.Name = s
	l.Phases[1].Classes = map[string]int{s: 3}
	for i := range r.Phases {
		r.Phases[i].Name += s
	}
	r.Phases[1].Name = engine.PhaseFault
	for i := range r.Measures {
		m := &r.Measures[i]
		m.Name = s
		for _, f := range []*verdict.Finding{&m.Baseline, &m.Fault, &m.Recovery} {
			f.Reason, f.Expectation.Text, f.Expectation.Statistic = s, s, s
		}
		m.Of = "load." + s
	}
	r.Measures[2].Of, r.Measures[2].Fault.Outcome = "http", verdict.Outcome(s)
	r.Labels = map[string]string{"version": s, "team": s}
	was := r.Measures[0].Fault
	was.Estimate *= 2
	r.Before = &history.Run{Run: s, Experiment: s, Title: s, Labels: r.Labels, Verdict: verdict.Held, Reason: s, Measures: []history.Measure{{Name: s, Finding: was}}}
	return r
}

func FuzzNothingEscapes(f *testing.F) {
	for _, s := range []string{
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</title></svg></style><a href=//evil>x</a>", "'\"`<&>{{.}}",
		"\x1b[2J\x1b]0;owned\a", "line\nbreak\r| cell | ``` # head\n@everyone", "\u202egnp.exe", "\x00\xff\xfe", "]]>--><!--", "javascript:alert(1)",
		"$(rm -rf ~); `id`", strings.Repeat("W", 3000), "", " ", "load.purchase",
	} {
		f.Add(s)
	}
	plainPage := shape(f, hostile("plain"))
	plainMarkdown := lines(render2(f, func(w io.Writer) error { return report.Markdown(w, report.Of(hostile("plain")), 0) }))
	f.Fuzz(func(t *testing.T, s string) {
		r := hostile(s)
		for _, width := range []int{1, 80} {
			text := render2(t, func(w io.Writer) error { return report.Text(w, r, report.Style{Width: width}) })
			if i := strings.IndexFunc(text, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) && c != unicode.ReplacementChar }); i >= 0 {
				t.Errorf("the text holds %q", text[i:min(i+10, len(text))])
			}
		}
		junit := render2(t, func(w io.Writer) error { return report.JUnit(w, report.Of(r)) })
		if err := xml.Unmarshal([]byte(junit), &struct {
			XMLName xml.Name `xml:"testsuites"`
		}{}); err != nil {
			t.Errorf("JUnit XML: %v", err)
		}
		markdown := render2(t, func(w io.Writer) error { return report.Markdown(w, report.Of(r), 0) })
		if strings.ContainsAny(strings.ReplaceAll(markdown, "\n> ", "\n"), "<>@") {
			t.Error("the Markdown holds a tag or a mention")
		}
		if s := strings.TrimSpace(s); s != "" && !strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) && lines(markdown) != plainMarkdown {
			t.Errorf("the Markdown has %d lines instead of %d:\n%s", lines(markdown), plainMarkdown, markdown)
		}
		for element, n := range shape(t, r) {
			if n > 0 && plainPage[element] == 0 {
				t.Errorf("the page has a %s that it did not write itself", element)
			}
		}
	})
}

func lines(s string) int { return strings.Count(s, "\n") }

func render2(t testing.TB, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shape counts the elements of a page with the names of their attributes, and fails if the page has what no report
// needs: scripts, links to elsewhere, handlers.
func shape(t testing.TB, r *engine.Result) map[string]int {
	t.Helper()
	page := render2(t, func(w io.Writer) error { return report.HTML(w, r) })
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	counts := map[string]int{}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return counts
		}
		if err != nil {
			t.Fatalf("the page is not well-formed: %v", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		name := start.Name.Local
		if slices.Contains([]string{"script", "iframe", "img", "a", "object", "embed", "form", "base"}, name) {
			t.Errorf("the page has a %s", name)
		}
		for _, a := range start.Attr {
			name += " " + a.Name.Local
			if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "style" || (a.Name.Local == "href" || a.Name.Local == "src") && a.Value != "data:," {
				t.Errorf("%s has the attribute %s=%q", start.Name.Local, a.Name.Local, a.Value)
			}
		}
		counts[name]++
	}
}

func TestPagesAreWellFormed(t *testing.T) {
	for name, build := range fixtures {
		t.Run(name, func(t *testing.T) { shape(t, build()) })
	}
}
