package experiment

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/fault"
)

func documentation(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"experiment-file.md", "guards.md", "measures.md"} {
		text, err := os.ReadFile("../docs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(strings.ReplaceAll(string(text), "\r\n", "\n"))
	}
	return all.String()
}

func TestEveryKeyIsDocumented(t *testing.T) {
	docs := documentation(t)
	inShapes := map[string]bool{"from": true, "to": true, "over": true, "base": true, "peak": true, "at": true, "file": true, "proof": true, "lambda": true, "tag": true, "ssm": true, "s3": true, "appconfig": true} // of rates and targets
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			for _, part := range v {
				walk(path, part)
			}
		case schema:
			properties, _ := v["properties"].(schema)
			for name, part := range properties {
				documented := strings.Contains(docs, "`"+name+"`") || inShapes[name] && strings.Contains(docs, name+": ")
				if v["type"] == "object" && !documented {
					t.Errorf("%s.%s is in no table of the documentation", path, name)
				}
				walk(path+"."+name, part)
			}
			for name, part := range v {
				if name != "properties" {
					walk(path, part)
				}
			}
		}
	}
	walk("", document(newCatalog(nil)).schema)
	for _, kind := range newCatalog(nil).names() {
		if !strings.Contains(docs, "`"+kind+"`") {
			t.Errorf("fault %s is not documented", kind)
		}
	}
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestExamplesInDocumentation: every example can be copied.
func TestExamplesInDocumentation(t *testing.T) {
	blocks := yamlBlock.FindAllStringSubmatch(documentation(t), -1)
	if len(blocks) < 7 {
		t.Fatalf("only %d examples found", len(blocks))
	}
	for _, block := range blocks {
		text := block[1]
		if !strings.Contains(text, "version:") {
			text = around(text)
		}
		x, problems := Parse([]byte(text), Options{File: "example.yaml", Vars: map[string]string{"api": "http://127.0.0.1:8080"}})
		if x == nil {
			t.Errorf("%s\nis refused:\n%s", text, problemText(problems))
		}
	}
}

// TestGuardsFileInDocumentation: so can the guards file.
func TestGuardsFileInDocumentation(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml file\n(.*?)```").FindAllStringSubmatch(documentation(t), -1)
	if len(blocks) == 0 {
		t.Fatal("no guards file found")
	}
	for _, block := range blocks {
		if g, problems := ParseGuards("guards.yaml", []byte(block[1])); g == nil || g.File != "guards.yaml" || g.MaxTargets != 5 {
			t.Errorf("%s\nis refused, or misread: %+v\n%s", block[1], g, problemText(problems))
		}
	}
}

// around completes a part of a file.
func around(part string) string {
	head := "version: 1\ntitle: T\nobjective: O\nload: {purchase: {lambda: x, rate: 50/s}}\n" +
		"conditions: [{name: c, fault: " + string(fault.Exception) + ", target: {lambda: x}}]\nphases: {baseline: 10s, fault: 5m}\n"
	if strings.HasPrefix(part, "-") {
		return head + "measures:\n" + part
	}
	return head + "measures: [{name: m, of: load.purchase, expect: p95 < 1s}]\n" + part
}
