package report

import (
	"fmt"
	"io"
	"strings"
)

// Annotations writes what a drill has to say as GitHub's workflow commands, which mark the lines of the experiment files in a
// pull request. The weightiest come first: GitHub shows ten errors and ten warnings of a step.
func Annotations(w io.Writer, d Drill) error {
	var b strings.Builder
	all, of := remarksOf(d)
	for i, m := range all {
		fmt.Fprintf(&b, "::%s file=%s,line=%d,title=%s::%s\n", m.rule.level(), property(m.path), max(m.line, 1), property(m.title(of[i])), data(m.message))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write annotations: %w", err)
	}
	return nil
}

// data escapes the text of a workflow command, and property the value of one of its properties, as GitHub's own toolkit does.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s))
}
