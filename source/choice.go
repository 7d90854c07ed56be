package source

import (
	"io"
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/fault"
)

// Chosen reports whether a variable of the environment has one of the words that switch something on. An empty one,
// "0" and "false" do not; neither does anything else, which is also one line in the log.
func Chosen(getenv func(string) string, log io.Writer, name string, words ...string) bool {
	value := strings.TrimSpace(getenv(name))
	word := strings.ToLower(value)
	switch {
	case slices.Contains(words, word):
		return true
	case word != "" && word != "0" && word != "false":
		(&problemLog{w: log}).write(fault.Problem{Field: name, Value: value, Message: "is not known, nothing is switched on", Hint: "write " + words[0], Warning: true})
	}
	return false
}
