package fault

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The documentation names every kind, attribute and friendly name, its example parses, and its hash is ours.
func TestDocumentation(t *testing.T) {
	text, err := os.ReadFile("../docs/fault-sets.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	for _, info := range Kinds() {
		if !strings.Contains(doc, "**`"+string(info.Kind)+"`**") {
			t.Errorf("the kind %s is not documented", info.Kind)
		}
		for _, a := range info.Attributes {
			for _, name := range []string{a.Name, a.Friendly} {
				if name != "" && !strings.Contains(doc, "`"+name+"`") {
					t.Errorf("%s: the attribute %s is not documented", info.Kind, name)
				}
			}
		}
	}
	_, rest, _ := strings.Cut(doc, "```json\n")
	example, _, _ := strings.Cut(rest, "```")
	if _, problems := Parse([]byte(example)); len(problems) > 0 {
		t.Errorf("the example has problems: %v", problems)
	}
	h := hash(42, Exception, "ann", "")
	if want := fmt.Sprintf("h = `%#x`, u * 100 = %.2f", h, unit(h)*100); !strings.Contains(doc, want) {
		t.Errorf("the documented hash is not %s", want)
	}
}
