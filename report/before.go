package report

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/history"
)

// before says, in phrases, what has changed since the run before of the same experiment: the verdict, then each measure that has moved. Empty
// if there is none.
func before(r *engine.Result) []string {
	b := r.Before
	if b == nil {
		return nil
	}
	when := b.Started.UTC().Format("2006-01-02 15:04") + " UTC"
	if v := b.Version(); v != "" {
		when = clean(v) + ", " + when
	}
	head := fmt.Sprintf("the run before (%s) was %s, too", when, word(b.Verdict))
	if b.Verdict != r.Verdict {
		head = fmt.Sprintf("the run before (%s) was %s, this one is %s", when, word(b.Verdict), word(r.Verdict))
	}
	out := []string{head}
	for _, m := range r.Measures {
		if text := moved(*b, m); text != "" {
			out = append(out, text)
		}
	}
	return out
}

// moved sets a measure beside what it was; empty if nothing can be said.
func moved(b history.Run, m engine.MeasureResult) string {
	was, ok := b.Finding(m.Name)
	now := decisive(m)
	if !ok || now.Outcome == "" || was.Expectation.Statistic != now.Expectation.Statistic || was.Expectation.Unit != now.Expectation.Unit || was.Expectation.Relative != now.Expectation.Relative {
		return ""
	}
	then, is := estimate(was), estimate(now)
	if then == is && was.Outcome == now.Outcome && was.Expectation.Text == now.Expectation.Text {
		return ""
	}
	text := fmt.Sprintf("%s: %s %s then, %s now", clean(m.Name), clean(now.Expectation.Statistic), then, is)
	if apart(was.Interval.Low, was.Interval.High, now.Interval.Low, now.Interval.High) {
		text += "; their intervals do not meet"
	}
	if was.Expectation.Text != now.Expectation.Text {
		text += fmt.Sprintf("; expected was %s, is %s", clean(was.Expectation.Text), clean(now.Expectation.Text))
	}
	return text
}

// apart says that two intervals have nothing in common.
func apart(low, high, otherLow, otherHigh float64) bool {
	if math.IsNaN(low) || math.IsNaN(high) || math.IsNaN(otherLow) || math.IsNaN(otherHigh) || low == high && otherLow == otherHigh {
		return false
	}
	return high < otherLow || otherHigh < low
}

var runID = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)

// linkBefore is where the page of the run before is, seen from a page in its run's folder; empty if there is none.
func linkBefore(r *engine.Result) string {
	if r.Before == nil || !runID.MatchString(r.Before.Run) {
		return ""
	}
	return "../" + r.Before.Run + "/report.html"
}

// labelled are the labels of a run in a phrase: "version v1.8.2, environment prod".
func labelled(labels map[string]string) string {
	var parts []string
	for _, name := range labelOrder(labels) {
		parts = append(parts, clean(name)+" "+clean(labels[name]))
	}
	return strings.Join(parts, ", ")
}

// labelOrder is the labels' names: version and environment, then the others by name.
func labelOrder(labels map[string]string) []string {
	var out []string
	for _, name := range []string{history.LabelVersion, history.LabelEnvironment} {
		if _, ok := labels[name]; ok {
			out = append(out, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if name != history.LabelVersion && name != history.LabelEnvironment {
			out = append(out, name)
		}
	}
	return out
}
