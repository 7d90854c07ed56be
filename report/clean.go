package report

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes one line of printable text of whatever a result holds, so that no title moves a cursor, splits a
// table or reverses a line.
func clean(s string) string {
	if printable(s) {
		return s
	}
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return utf8.RuneError
		}
		return r
	}, s)), " ")
}

func printable(s string) bool {
	for _, r := range s {
		if !unicode.IsPrint(r) || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// sentence closes a text with a full stop unless it has an end of its own, and starts it with a capital.
func sentence(s string) string {
	s = clean(s)
	if s == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(s)
	s = string(unicode.ToUpper(first)) + s[size:]
	if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
		return s
	}
	return s + "."
}

// noBreak keeps a number on the line of its unit.
const noBreak = "\u00a0"

// words splits a text where a line may end: not between a number and its unit, nor after a comparison.
func words(text string) []string {
	var out []string
	for _, w := range strings.Fields(text) {
		unit := strings.TrimRight(w, ".,;:)")
		if n := len(out); n > 0 {
			last := out[n-1]
			ofNumber := endsInDigit(last) && slices.Contains([]string{"%", "s", "ms", "µs"}, unit)
			if ofNumber || slices.Contains([]string{"<", "<=", ">", ">="}, last) {
				out[n-1] += noBreak + w
				continue
			}
		}
		out = append(out, w)
	}
	return out
}

func endsInDigit(s string) bool { return s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' }

// kept is a text that breaks well in a browser.
func kept(text string) string { return strings.Join(words(text), " ") }

// wrap breaks text into lines of at most width columns, where a word allows it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, w := range words(text) {
		w = strings.ReplaceAll(w, noBreak, " ")
		if line != "" && columns(line)+1+columns(w) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}

func columns(s string) int { return utf8.RuneCountInString(s) }

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}
