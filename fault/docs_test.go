package fault

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// TestDocumentation: the example of the documentation parses, and its hash is ours.
func TestDocumentation(t *testing.T) {
	doc := page(t, "fault-sets.md")
	checkExample(t, "fault-sets.md", doc)
	h := hash(42, Exception, "ann", "")
	if want := fmt.Sprintf("h = `%#x`, u * 100 = %.2f", h, unit(h)*100); !strings.Contains(doc, want) {
		t.Errorf("the documented hash is not %s", want)
	}
}

// TestEachKindHasAPage whose table has exactly the kind's attributes, with the names and values that the code allows,
// and whose example parses and arms the kind. The index lists each.
func TestEachKindHasAPage(t *testing.T) {
	index := page(t, "kinds/README.md")
	var listed []string
	for line := range strings.Lines(index) {
		if rest, ok := strings.CutPrefix(line, "| [`"); ok {
			name, _, _ := strings.Cut(rest, "`")
			listed = append(listed, name)
		}
	}
	for _, info := range Kinds() {
		name := "kinds/" + string(info.Kind) + ".md"
		doc := page(t, name)
		if !strings.HasPrefix(doc, "# "+string(info.Kind)+"\n") {
			t.Errorf("%s has another title", name)
		}
		checkAttributes(t, name, doc, info.Attributes)
		if example := checkExample(t, name, doc); !strings.HasPrefix(example, `{"`+string(info.Kind)+`": {"enabled": true`) {
			t.Errorf("%s: the example does not arm it", name)
		}
		if !strings.Contains(index, "| [`"+string(info.Kind)+"`]("+string(info.Kind)+".md) |") {
			t.Errorf("kinds/README.md does not list %s", info.Kind)
		}
	}
	if len(listed) != len(Kinds()) {
		t.Errorf("kinds/README.md lists %q", listed)
	}
}

func checkAttributes(t *testing.T, name, doc string, attributes []Attribute) {
	t.Helper()
	_, table, _ := strings.Cut(doc, "| attribute | value | meaning |\n|---|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Split(table, "\n")
	for i, a := range attributes {
		want := "| `" + a.Name + "`"
		if a.Friendly != "" {
			want += " (`" + a.Friendly + "`)"
		}
		want += " | " + valueOfAttribute(a) + " | "
		if i >= len(rows) || !strings.HasPrefix(rows[i], want) {
			t.Errorf("%s: row %d of the attributes should begin with\n%s", name, i+1, want)
		}
	}
	if len(rows) > len(attributes) {
		t.Errorf("%s has attributes that the code has not", name)
	}
}

// valueOfAttribute says what an attribute takes, as the pages do.
func valueOfAttribute(a Attribute) string {
	text := map[AttributeType]string{
		TypeDuration: "duration", TypeText: "text", TypeFlag: "true or false", TypeTexts: "list of texts",
		TypeHeaders: "object of texts", TypeBody: "text or JSON", TypeInteger: fmt.Sprintf("%v to %v", a.Min, a.Max),
	}[a.Type]
	if last := len(a.Values) - 1; last > 0 {
		text = "`" + strings.Join(a.Values[:last], "`, `") + "` or `" + a.Values[last] + "`"
	}
	if a.Type == TypeDuration && a.Max != maxMillis {
		text += fmt.Sprintf(", %s to %s", short(a.Min), short(a.Max))
	}
	if a.Required {
		text += ", required"
	}
	return text
}

func short(millis float64) string {
	if d := time.Duration(millis) * time.Millisecond; d >= time.Minute {
		return fmt.Sprintf("%v min", d.Minutes())
	}
	return fmt.Sprintf("%v ms", millis)
}

// checkExample parses the first fault set of a page.
func checkExample(t *testing.T, name, doc string) string {
	t.Helper()
	_, rest, _ := strings.Cut(doc, "```json\n")
	example, _, found := strings.Cut(rest, "```")
	if set, problems := Parse([]byte(example)); !found || len(problems) > 0 || set.Empty() {
		t.Errorf("%s: the example has problems: %v", name, problems)
	}
	return example
}
