package awsfault

import (
	"os"
	"strings"
	"testing"
)

// docs/awsfault.md names every code that a word may become, and every operation that can fail in part.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/awsfault.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := words()
	for _, p := range []protocol{restJSON, cborRPC, query, ec2Query, restXML} {
		tables["protocol "+string(rune('0'+p))] = byProtocol(p)
	}
	for _, answers := range tables {
		for word, a := range answers {
			if !strings.Contains(string(text), "`"+a.code+"`") || !strings.Contains(string(text), "| `"+word+"` |") {
				t.Errorf("%s (%s) is not documented", a.code, word)
			}
		}
	}
	for operation := range shapes() {
		if !strings.Contains(string(text), "`"+operation[1]+"`") {
			t.Errorf("%v is not documented", operation)
		}
	}
}
