package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got); go test ./report -update writes it anew\n%s", path, diff)
	}
}

func render(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestGolden(t *testing.T) {
	for name, build := range fixtures {
		t.Run(name, func(t *testing.T) {
			r := build()
			golden(t, name+".txt", render(t, func(w io.Writer) error { return report.Text(w, r, report.Style{Width: 120}) }))
			golden(t, name+".md", render(t, func(w io.Writer) error { return report.Markdown(w, report.Of(r), 0) }))
			golden(t, name+".xml", render(t, func(w io.Writer) error { return report.JUnit(w, report.Of(r)) }))
			again := render(t, func(w io.Writer) error { return report.HTML(w, r) })
			if !bytes.Equal(again, render(t, func(w io.Writer) error { return report.HTML(w, r) })) {
				t.Error("two renderings differ")
			}
		})
	}
	golden(t, "narrow.txt", render(t, func(w io.Writer) error { return report.Text(w, held(), report.Style{Width: 50}) }))
	golden(t, "color.txt", render(t, func(w io.Writer) error { return report.Text(w, leftBehind(), report.Style{Width: 100, Color: true}) }))
	golden(t, "report.json", render(t, func(w io.Writer) error { return report.JSON(w, held()) }))
	golden(t, "drill.md", render(t, func(w io.Writer) error { return report.Markdown(w, report.Of(held(), disproved()), 0) }))
	golden(t, "drill.xml", render(t, func(w io.Writer) error { return report.JUnit(w, report.Of(held(), disproved(), failed())) }))
}

func TestTextKeepsToTheWidth(t *testing.T) {
	for name, build := range fixtures {
		for _, width := range []int{60, 80, 100, 200} {
			text := render(t, func(w io.Writer) error { return report.Text(w, build(), report.Style{Width: width}) })
			for line := range strings.Lines(string(text)) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > width {
					t.Errorf("%s at width %d: a line of %d: %q", name, width, n, line)
				}
			}
		}
	}
}

func TestColorCarriesNoMeaning(t *testing.T) {
	for name, build := range fixtures {
		colored := string(render(t, func(w io.Writer) error { return report.Text(w, build(), report.Style{Color: true}) }))
		for _, code := range []string{"0", "1", "2", "31", "32", "33", "36", "31;1", "32;1", "33;1"} {
			colored = strings.ReplaceAll(colored, "\x1b["+code+"m", "")
		}
		plain := string(render(t, func(w io.Writer) error { return report.Text(w, build(), report.Style{}) }))
		if diff := cmp.Diff(plain, colored); diff != "" {
			t.Errorf("%s: with colors there is more than without (-plain +colored)\n%s", name, diff)
		}
	}
}

func TestJSONSurvivesTheTripAndBack(t *testing.T) {
	for name, build := range fixtures {
		data := render(t, func(w io.Writer) error { return report.JSON(w, build()) })
		var back engine.Result
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(build(), &back, cmpopts.EquateNaNs(), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(engine.Stop{})); diff != "" {
			t.Errorf("%s: report.json read back differs (-want +got)\n%s", name, diff)
		}
	}
}

func TestJSONRefusesWhatItCannotCarry(t *testing.T) {
	r := disproved()
	r.Loads[0].Phases[0].P99 = math.NaN()
	if err := report.JSON(io.Discard, r); err == nil || !strings.Contains(err.Error(), r.Run) {
		t.Errorf("got %v, want an error that names the run", err)
	}
}

// TestJUnitVerdicts holds the mapping to what a CI server counts.
func TestJUnitVerdicts(t *testing.T) {
	type counts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	for name, want := range map[string]counts{
		"held": {3, 0, 0, 0}, "disproved": {2, 1, 0, 0}, "not-steady": {2, 1, 0, 1}, "unproven": {2, 1, 0, 0},
		"failed": {3, 0, 1, 2}, "left-behind": {4, 1, 2, 0}, "blind": {1, 1, 0, 0}, "nothing": {1, 1, 0, 0},
	} {
		var doc struct {
			counts // which has no skipped: the schema has it in suites alone
			Suites []struct {
				counts
				Cases []struct{} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		data := render(t, func(w io.Writer) error { return report.JUnit(w, report.Of(fixtures[name]())) })
		if err := xml.Unmarshal(data, &doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		doc.counts.Skipped = doc.Suites[0].Skipped
		if doc.counts != want || doc.Suites[0].counts != want || len(doc.Suites[0].Cases) != want.Tests {
			t.Errorf("%s: got %+v and %d cases, want %+v", name, doc.counts, len(doc.Suites[0].Cases), want)
		}
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsComeBack(t *testing.T) {
	r := held()
	for name, write := range map[string]func() error{
		"text":     func() error { return report.Text(brokenWriter{}, r, report.Style{}) },
		"json":     func() error { return report.JSON(brokenWriter{}, r) },
		"junit":    func() error { return report.JUnit(brokenWriter{}, report.Of(r)) },
		"markdown": func() error { return report.Markdown(brokenWriter{}, report.Of(r), 0) },
		"html":     func() error { return report.HTML(brokenWriter{}, r) },
		"drill":    func() error { return report.DrillHTML(brokenWriter{}, report.Of(r)) },
		"sarif":    func() error { return report.SARIF(brokenWriter{}, report.Of(r), "") },
		"quality":  func() error { return report.CodeQuality(brokenWriter{}, report.Of(r)) },
		"github":   func() error { return report.Annotations(brokenWriter{}, report.Of(r)) },
	} {
		if err := write(); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
