package fault

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Problem is one mistake in a fault set. The member that it stands in is disabled, unless it is a Warning.
type Problem struct {
	Field   string `json:"field"` // dotted path in the document, "" for the document itself
	Value   string `json:"value,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Warning bool   `json:"-"` // the member stays in force
}

// String returns the problem in one line: field, value, message, hint.
func (p Problem) String() string {
	text := p.Message
	if p.Value != "" {
		text = fmt.Sprintf("%s %s", p.Value, text)
	}
	if p.Field != "" {
		text = p.Field + ": " + text
	}
	if p.Hint != "" {
		text += " (" + p.Hint + ")"
	}
	return text
}

// AppendJSON appends the log line by which a host reports the problem, with its line feed.
func (p Problem) AppendJSON(dst []byte, now time.Time) []byte {
	line, err := json.Marshal(struct {
		Event string    `json:"firedrill"`
		Time  time.Time `json:"time"`
		Problem
	}{"problem", now.UTC(), p})
	if err != nil {
		return dst // cannot be: strings and times of this century always marshal
	}
	return append(append(dst, line...), '\n')
}

// valueText is a value as a problem shows it: its JSON, cut where it is long.
func valueText(v any) string {
	text, ok := v.(string)
	if !ok {
		encoded, err := json.Marshal(v)
		if err != nil {
			return fmt.Sprint(v)
		}
		text = string(encoded)
	}
	return cut(text, 100)
}

// Every problem becomes a line in the log of a function, and documents may be hostile: so many are told, and so
// many characters of each part.
const (
	maxProblems = 20
	maxPart     = 300
)

// bounded cuts what a document can make us tell.
func bounded(problems []Problem) []Problem {
	if more := len(problems) - maxProblems; more > 0 {
		rest := Problem{Message: fmt.Sprintf("%d more problems are not listed", more), Warning: !anyFatal(problems[maxProblems:])}
		problems = append(problems[:maxProblems:maxProblems], rest)
	}
	for i, p := range problems {
		problems[i].Field, problems[i].Value = cut(p.Field, maxPart), cut(p.Value, maxPart)
		problems[i].Message = cut(p.Message, maxPart)
	}
	return problems
}

// cut shortens a text to a number of characters.
func cut(text string, most int) string {
	count := 0
	for at := range text {
		if count == most {
			return text[:at] + "..."
		}
		count++
	}
	return text
}

func anyFatal(problems []Problem) bool {
	for _, p := range problems {
		if !p.Warning {
			return true
		}
	}
	return false
}

// under moves the problems of a part to its place in the whole.
func under(field string, problems []Problem) []Problem {
	for i := range problems {
		switch part := problems[i].Field; {
		case part == "" || part[0] == '[':
			problems[i].Field = field + part
		default:
			problems[i].Field = field + "." + part
		}
	}
	return problems
}
