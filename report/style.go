package report

import (
	"strings"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// A Style says how text may look.
type Style struct {
	Color bool // ANSI colors; never the only carrier of a meaning
	Width int  // columns of the terminal; 0 is 80
}

const defaultWidth = 80

func (s Style) width() int {
	if s.Width <= 0 {
		return defaultWidth
	}
	return s.Width
}

// The ANSI attributes in use: eight basic colors, which every terminal's theme keeps readable.
const (
	bold   = "1"
	faint  = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
	cyan   = "36"
)

func (s Style) paint(text string, attributes ...string) string {
	if !s.Color || text == "" || len(attributes) == 0 {
		return text
	}
	return "\x1b[" + strings.Join(attributes, ";") + "m" + text + "\x1b[0m"
}

func (s Style) outcome(o verdict.Outcome, text string) string {
	return s.paint(text, outcomeColor(o), bold)
}

func outcomeColor(o verdict.Outcome) string {
	switch o {
	case verdict.Held:
		return green
	case verdict.Disproved, verdict.Error:
		return red
	}
	return yellow
}

// mark is a sign for an outcome, for those who do not see colors. The word always stands beside it.
func mark(o verdict.Outcome) string {
	switch o {
	case verdict.Held:
		return "✔"
	case verdict.Disproved:
		return "✘"
	case verdict.Inconclusive:
		return "?"
	case verdict.NotSteady:
		return "≠"
	case verdict.Stopped:
		return "■"
	case verdict.Error:
		return "!"
	}
	return "·"
}

// word is how an outcome reads in a sentence.
func word(o verdict.Outcome) string {
	switch o {
	case "":
		return "not judged"
	case verdict.NotSteady:
		return "not steady"
	}
	return clean(string(o))
}

// explanation says what a run's verdict means, for a reader who has never seen one.
func explanation(r *engine.Result) string {
	if r.Rollout {
		return "A rollout is a change that stays only if every experiment held at each of its steps. They have reports of their own."
	}
	switch r.Verdict {
	case verdict.Held:
		return "The objective held under the fault, with statistical confidence and proof that the fault was there."
	case verdict.Disproved:
		return "The objective did not hold under the fault."
	case verdict.Inconclusive:
		return "The run does not say whether the objective holds: there were too few samples, or no proof of the fault."
	case verdict.NotSteady:
		return "The measures did not hold before any fault, so nothing was injected."
	case verdict.Stopped:
		return "The run was ended early and everything was put back."
	case verdict.Error:
		return "The run itself failed. This says nothing about the objective."
	}
	return "The run has no verdict."
}
