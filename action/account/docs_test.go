package account

import (
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/experiment"
)

// TestPagesParse: every experiment that the pages show is one, and the overview has every kind.
func TestPagesParse(t *testing.T) {
	overview := readPage(t, "README")
	pages := map[string]string{"README": overview}
	for _, k := range Kinds() {
		name := string(k.Kind)
		pages[name] = readPage(t, name)
		if !strings.Contains(overview, "[`"+name+"`]("+name+".md) | `"+k.Target.Key+"` |") {
			t.Errorf("docs/account/README.md: its table has no row for %s on `%s`", name, k.Target.Key)
		}
	}
	for name, text := range pages {
		found := yamlBlock.FindAllStringSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("docs/account/%s.md has no experiment", name)
		}
		for _, match := range found {
			if _, problems := experiment.Parse([]byte(match[1]), experiment.Options{File: name + ".md", Vars: map[string]string{"api": "http://127.0.0.1:1", "id": "Z0123456789"}, Kinds: Kinds()}); len(problems) > 0 {
				t.Errorf("docs/account/%s.md: %v", name, problems)
			}
		}
	}
}
