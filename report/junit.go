package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// The elements of JUnit XML in the form that Jenkins, GitLab, GitHub's actions and Azure read, with the order of elements and
// the attributes of Jenkins' schema, and the message of what was skipped, which Jenkins reads although its schema does not know it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string           `xml:"name,attr"`
		Tests      int              `xml:"tests,attr"`
		Failures   int              `xml:"failures,attr"`
		Errors     int              `xml:"errors,attr"`
		Skipped    int              `xml:"skipped,attr"`
		Time       string           `xml:"time,attr"`
		Timestamp  string           `xml:"timestamp,attr,omitempty"`
		Properties *junitProperties `xml:"properties"`
		Cases      []junitCase      `xml:"testcase"`
		Out        string           `xml:"system-out,omitempty"`
	}
	junitProperties struct {
		List []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Skipped *junitProblem `xml:"skipped"`
		Error   *junitProblem `xml:"error"`
		Failure *junitProblem `xml:"failure"`
	}
	junitProblem struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a drill as JUnit XML: one testsuite for each experiment, in it a testcase for each measure, and others for what no
// measure says: a run that failed, an undo that is incomplete, a fault that did not fire. A suite without failures and errors
// is a run that held, or was not made. docs/reports.md has the mapping.
func JUnit(w io.Writer, d Drill) error {
	all := junitSuites{Name: "firedrill"}
	var took time.Duration
	for _, x := range d {
		s := suite(x)
		all.Suites = append(all.Suites, s)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		took += x.took()
	}
	all.Time = junitTime(took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write JUnit XML: %w", err)
	}
	return nil
}

// suite is one experiment.
func suite(x Drilled) junitSuite {
	s := junitSuite{Name: x.title(), Time: junitTime(x.took())}
	if x.Result == nil {
		s.Properties = properties("reason", x.reason(), "file", x.path())
		s.Cases = []junitCase{unbegun(x)}
	} else {
		s = resultSuite(x)
	}
	for i := range s.Cases {
		s.Cases[i].Class = "firedrill." + x.title()
	}
	s.count()
	return s
}

// unbegun is the testcase of an experiment that has no result.
func unbegun(x Drilled) junitCase {
	c := junitCase{Name: "the run", Time: junitTime(0)}
	if x.outcome() == "" {
		c.Skipped = &junitProblem{Message: x.reason()}
		return c
	}
	c.Error = &junitProblem{Type: "error", Message: x.reason(), Text: clean(x.Hint)}
	for _, m := range remarks(x) {
		c.Error.Type = m.rule.id
		if len(x.Problems) > 0 {
			c.Error.Text += fmt.Sprintf("\n%s:%d: %s", m.path, m.line, m.message)
		}
	}
	return c
}

func (s *junitSuite) count() {
	for _, c := range s.Cases {
		s.Tests++
		switch {
		case c.Error != nil:
			s.Errors++
		case c.Failure != nil:
			s.Failures++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
}

// properties are those of names and values that have one; nil if there are none, since there may be no empty list.
func properties(pairs ...string) *junitProperties {
	var list []junitProperty
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			list = append(list, junitProperty{pairs[i], pairs[i+1]})
		}
	}
	if list == nil {
		return nil
	}
	return &junitProperties{list}
}

func resultSuite(x Drilled) junitSuite {
	r := x.Result
	facts := []string{
		"run", clean(r.Run), "verdict", clean(string(r.Verdict)), "reason", clean(r.Reason), "objective", objective(r), "file", x.path(),
		"faults", faultsOf(r), "attempts", attempts(x), "report", clean(x.Report),
	}
	for _, name := range labelOrder(r.Labels) {
		facts = append(facts, clean(name), clean(r.Labels[name]))
	}
	s := junitSuite{
		Name: title(r), Time: junitTime(x.took()), Timestamp: r.Started.UTC().Format("2006-01-02T15:04:05"), Properties: properties(facts...), Out: earlier(x),
	}
	for _, m := range r.Measures {
		s.Cases = append(s.Cases, measureCase(r, m))
	}
	failed := false
	for _, c := range s.Cases {
		failed = failed || c.Failure != nil || c.Error != nil
	}
	if c, ok := runCase(r, failed); ok {
		s.Cases = append(s.Cases, c)
	}
	for _, left := range r.Residue {
		s.Cases = append(s.Cases, junitCase{
			Name: "undo: " + clean(left.Condition), Time: junitTime(0),
			Error: &junitProblem{Type: "undo-incomplete", Message: clean(left.Target) + ": " + clean(left.Error), Text: "put it back: firedrill recover " + clean(r.Run)},
		})
	}
	return s
}

// faultsOf lists what was broken.
func faultsOf(r *engine.Result) string {
	var out []string
	for _, c := range r.Conditions {
		out = append(out, change(r, c))
	}
	return strings.Join(out, "; ")
}

// attempts is how often an experiment was run, if that was more than once.
func attempts(x Drilled) string {
	if len(x.Earlier) == 0 {
		return ""
	}
	return strconv.Itoa(len(x.Earlier) + 1)
}

// earlier tells of the attempts that were tried again.
func earlier(x Drilled) string {
	text := ""
	for i, r := range x.Earlier {
		text += fmt.Sprintf("attempt %d, run %s: %s: %s\n", i+1, clean(r.Run), word(r.Verdict), clean(r.Reason))
	}
	return text
}

// measureCase is the testcase of one measure.
func measureCase(r *engine.Result, m engine.MeasureResult) junitCase {
	c := junitCase{Name: clean(m.Name) + ": " + clean(expected(r, m).Text), Time: junitTime(length(phases(r, engine.PhaseFault)))}
	f := decisive(m)
	switch {
	case f.Outcome == "":
		c.Skipped = &junitProblem{Message: "not judged: " + clean(r.Reason)}
	case judgedIn(m) == engine.PhaseBaseline && f.Outcome != verdict.Held:
		c.Failure = &junitProblem{Type: string(verdict.NotSteady), Message: "before any fault: " + clean(f.Reason), Text: numbers(m)}
	case judgedIn(m) == engine.PhaseBaseline && !baselineOnly(r, m):
		c.Skipped = &junitProblem{Message: "held before the fault, not judged under it"}
	case f.Outcome != verdict.Held:
		c.Failure = &junitProblem{Type: clean(string(f.Outcome)), Message: clean(f.Reason), Text: numbers(m)}
	}
	return c
}

// runCase is the testcase for what the measures do not say; none if they say it all.
func runCase(r *engine.Result, failed bool) (junitCase, bool) {
	c := junitCase{Name: "the run", Time: junitTime(r.Ended.Sub(r.Started))}
	problem := &junitProblem{Type: clean(string(r.Verdict)), Message: clean(r.Reason), Text: clean(r.Error)}
	switch {
	case r.Verdict == verdict.Held:
		return c, len(r.Measures) == 0
	case r.Verdict == verdict.Error || r.Verdict == verdict.Stopped:
		c.Error = problem
	case failed:
		return c, false
	default:
		c.Failure = problem
	}
	return c, true
}

func baselineOnly(r *engine.Result, m engine.MeasureResult) bool {
	if r.Experiment == nil {
		return false
	}
	for _, x := range r.Experiment.Measures {
		if x.Name == m.Name {
			return x.BaselineOnly
		}
	}
	return false
}

// numbers are the findings of a measure, phase by phase.
func numbers(m engine.MeasureResult) string {
	text := ""
	for _, f := range []struct {
		phase   string
		finding verdict.Finding
	}{{engine.PhaseBaseline, m.Baseline}, {engine.PhaseFault, m.Fault}, {engine.PhaseRecovery, m.Recovery}} {
		if f.finding.Outcome == "" {
			continue
		}
		text += fmt.Sprintf("\n%s: %s", f.phase, estimate(f.finding))
		switch in := interval(f.finding); {
		case in == "" || f.finding.Expectation.Statistic == "count": // what happened, not an estimate of it
		case f.finding.Expectation.Statistic == "value" || f.finding.Expectation.OfAlarm(): // readings of a state are no sample
			text += " (range " + in + ")"
		default:
			text += fmt.Sprintf(" (%s at %s %% confidence)", in, plain(f.finding.Interval.Confidence*100))
		}
		text += fmt.Sprintf(", %s, %s", counted(f.finding.Samples, "sample"), counted(f.finding.Errors, "error"))
	}
	return text + "\n"
}

func junitTime(d time.Duration) string {
	return strconv.FormatFloat(max(d, 0).Seconds(), 'f', 3, 64)
}
