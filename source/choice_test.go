package source

import (
	"bytes"
	"testing"
)

func TestChosen(t *testing.T) {
	for value, want := range map[string]struct{ on, problem bool }{
		"": {}, "0": {}, "false": {}, "FALSE": {}, "true": {on: true}, " True ": {on: true}, "1": {on: true}, "yes": {problem: true},
	} {
		var log bytes.Buffer
		on := Chosen(func(string) string { return value }, &log, "FIREDRILL_X", "true", "1")
		if on != want.on || (log.Len() > 0) != want.problem {
			t.Errorf("%q: %v, log %q", value, on, log.String())
		}
	}
}
