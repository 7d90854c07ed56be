package experiment

import "testing"

func TestRecognise(t *testing.T) {
	for text, want := range map[string]bool{
		"version: 1\nobjective: O": true, "{conditions: []}": true, "measures:": true, "phases: {}\nfunctions: {}": true, // however wrong
		"": true, "{": true, "a: 1\na: 2\n---\nb: 1": true, "- 1": true, "x": true, "a: ${b}: c": true, // nobody knows
		"version: 1\nfunctions: {}": false, "version: 1\nguards: {}": false, "on: push\njobs: {}": false,
	} {
		if got := Recognise([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
