package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

func TestGoldenDrills(t *testing.T) {
	d := everything()
	golden(t, "everything.annotations", render(t, func(w io.Writer) error { return report.Annotations(w, d) }))
	golden(t, "everything.sarif", render(t, func(w io.Writer) error { return report.SARIF(w, d, "v1.2.3") }))
	golden(t, "everything.quality.json", render(t, func(w io.Writer) error { return report.CodeQuality(w, d) }))
	golden(t, "everything.xml", render(t, func(w io.Writer) error { return report.JUnit(w, d) }))
	golden(t, "everything.md", render(t, func(w io.Writer) error { return report.Markdown(w, d, 0) }))
	golden(t, "later.md", render(t, func(w io.Writer) error { return report.Markdown(w, d[len(d)-3:len(d)-2], 0) }))
}

// drills are what every format must cope with.
func drills() map[string]report.Drill {
	out := map[string]report.Drill{"none": nil, "everything": everything(), "hostile": report.Of(hostile("\x00\x1b]]>\u202e<&\"'\n::error::%0A,=|"))}
	for name, build := range fixtures {
		out[name] = report.Of(build())
	}
	return out
}

// TestJUnitSchema holds JUnit XML against the schema of Jenkins' plug-in, with a validator that is not ours.
func TestJUnitSchema(t *testing.T) {
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		if slices.Contains(strings.Split(os.Getenv("FIREDRILL_REQUIRE"), ","), "xmllint") {
			t.Fatal("FIREDRILL_REQUIRE names xmllint, and it is not in the PATH")
		}
		t.Skip("there is no xmllint in the PATH")
	}
	validate := func(document []byte) error {
		file := filepath.Join(t.TempDir(), "junit.xml")
		if err := os.WriteFile(file, document, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), xmllint, "--noout", "--nonet", "--schema", "testdata/schemas/jenkins-junit.xsd", file).CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	known := regexp.MustCompile(`<skipped message="([^"]*)"></skipped>`) // Jenkins reads it; its schema has the text alone
	for name, d := range drills() {
		document := render(t, func(w io.Writer) error { return report.JUnit(w, d) })
		if err := validate(known.ReplaceAll(document, []byte("<skipped>$1</skipped>"))); err != nil {
			t.Errorf("%s: %v\n%s", name, err, document)
		}
	}
	if validate([]byte(`<testsuites><testsuite name="a"/></testsuites>`)) == nil {
		t.Error("the validator takes a suite that does not count its tests: it does not validate")
	}
}

// TestSARIFSchema holds SARIF against the standard's schema, which allows nothing that it does not know.
func TestSARIFSchema(t *testing.T) {
	file, err := os.ReadFile("testdata/schemas/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("sarif.json", decoded(t, file)); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range drills() {
		document := render(t, func(w io.Writer) error { return report.SARIF(w, d, "") })
		if err := schema.Validate(decoded(t, document)); err != nil {
			t.Errorf("%s: %v\n%s", name, err, document)
		}
	}
	for _, wrong := range []string{`{"version":"2.1.0","runs":[{"tool":{"driver":{}},"results":[]}]}`, `{"version":"2.1.0","runs":[],"more":1}`} {
		if schema.Validate(decoded(t, []byte(wrong))) == nil {
			t.Errorf("the schema takes %s: nothing was validated", wrong)
		}
	}
}

func decoded(t *testing.T, document []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A command is what GitHub's runner makes of a line.
type command struct {
	name, data string
	properties map[string]string
}

// runnerReads parses a line as GitHub's runner does: it ends the properties at the first "::" after the beginning, splits them at
// commas, and then takes back the escapes.
func runnerReads(line string) (command, bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), "::")
	if !ok {
		return command{}, false
	}
	head, data, ok := strings.Cut(rest, "::")
	if !ok {
		return command{}, false
	}
	name, list, _ := strings.Cut(head, " ")
	c := command{name: name, data: strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%").Replace(data), properties: map[string]string{}}
	for pair := range strings.SplitSeq(list, ",") {
		key, value, _ := strings.Cut(pair, "=")
		c.properties[key] = strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%").Replace(value)
	}
	return c, true
}

func FuzzAnnotationsAreCommandsOfOurs(f *testing.F) {
	for _, s := range []string{"plain", "a\n::add-mask::x", "::error file=x::y", "50%, or 25%25: %0A", "a::b", "a,line=3,b=c", "\r\n##[add-mask]x", "=", "title=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := report.Drill{
			{Result: hostile(s), Path: s}, {File: s, Title: s, Refused: s, Hint: s},
			{Result: func() *engine.Result { r := disproved(); r.Experiment.Title, r.Measures[0].Name = s, s; return r }(), Path: s},
		}
		issues := decoded(t, render(t, func(w io.Writer) error { return report.CodeQuality(w, d) })).([]any)
		text := string(render(t, func(w io.Writer) error { return report.Annotations(w, d) }))
		if n := strings.Count(text, "\n"); n != len(issues) || n == 0 {
			t.Fatalf("%d lines for %d remarks:\n%s", n, len(issues), text)
		}
		for i, line := range slices.Collect(strings.Lines(text)) {
			c, ok := runnerReads(strings.TrimSuffix(line, "\n"))
			issue := issues[i].(map[string]any)
			place := issue["location"].(map[string]any)
			switch {
			case !ok || c.name != "error" && c.name != "warning" || len(c.properties) != 3:
				t.Errorf("the runner reads %+v of %q", c, line)
			case c.properties["title"]+": "+c.data != issue["description"] || c.properties["file"] != place["path"]:
				t.Errorf("the runner reads %+v instead of %v", c, issue)
			}
		}
	})
}

// TestFingerprints: what is remarked is recognized when it comes again in another run and on another line, and told from all else.
func TestFingerprints(t *testing.T) {
	prints := func(d report.Drill) (out []string) {
		for _, issue := range decoded(t, render(t, func(w io.Writer) error { return report.CodeQuality(w, d) })).([]any) {
			out = append(out, issue.(map[string]any)["fingerprint"].(string))
		}
		return out
	}
	before, moved := everything(), everything()
	for _, x := range moved {
		if x.Result != nil {
			x.Result.Run += "X"
			for i := range x.Result.Experiment.Measures {
				x.Result.Experiment.Measures[i].Line += 7
			}
		}
	}
	if diff := cmp.Diff(prints(before), prints(moved)); diff != "" {
		t.Errorf("they change with the lines and the runs:\n%s", diff)
	}
	all := prints(before)
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d of %d are the same", len(all)-n, len(all))
	}
}

// TestSummaryKeepsToItsLimit: GitHub drops a summary that is too long, all of it.
func TestSummaryKeepsToItsLimit(t *testing.T) {
	var d report.Drill
	for range 10 {
		d = append(d, everything()...)
	}
	whole := len(render(t, func(w io.Writer) error { return report.Markdown(w, d, 0) }))
	for limit := 400; limit < whole+500; limit += 397 {
		text := render(t, func(w io.Writer) error { return report.Markdown(w, d, limit) })
		if len(text) > limit {
			t.Errorf("%d bytes where %d are allowed", len(text), limit)
		}
		if cut := strings.Contains(string(text), "not fit here"); cut != (len(text) < whole) {
			t.Errorf("limit %d: %d of %d bytes, and it says that something is left out: %v", limit, len(text), whole, cut)
		}
	}
}

func BenchmarkSARIF(b *testing.B) {
	d := everything()
	for b.Loop() {
		if err := report.SARIF(io.Discard, d, "v1"); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDrillPageIsHarmless: whatever texts and links a drill has, its page has no element of theirs, and leads nowhere but to reports.
func TestDrillPageIsHarmless(t *testing.T) {
	elements := func(d report.Drill) map[string]int {
		page := xml.NewDecoder(bytes.NewReader(render(t, func(w io.Writer) error { return report.DrillHTML(w, d) })))
		page.Strict, page.AutoClose, page.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
		counts := map[string]int{}
		for {
			token, err := page.Token()
			if errors.Is(err, io.EOF) {
				return counts
			}
			if err != nil {
				t.Fatal(err)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			name := start.Name.Local
			for _, a := range start.Attr {
				name += " " + a.Name.Local
				if a.Name.Local == "href" && a.Value != "data:," && !strings.HasPrefix(a.Value, "../runs/") && a.Value != "#ZgotmplZ" {
					t.Errorf("the page leads to %q", a.Value)
				}
			}
			counts[name]++
		}
	}
	known := elements(everything())
	known["a href"] = 1
	for _, s := range []string{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</style><a href=//evil>x</a>", "javascript:alert(1)", "\x00]]>"} {
		d := report.Drill{
			{Result: hostile(s), Path: s, Link: "../runs/R/report.html"}, {Result: disproved(), Path: s, Link: "javascript:alert(1)"},
			{Title: s, File: s, NotRun: s}, {Title: s, Refused: s, Hint: s},
		}
		for element := range elements(d) {
			if known[element] == 0 {
				t.Errorf("%q: the page has a %s that it did not write itself", s, element)
			}
		}
	}
}
