package firedrill_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// link is a link or an image in Markdown: its address.
var link = regexp.MustCompile(`\]\(([^()\s]+)\)`)

// TestLinksResolve: each relative link in the documentation leads to a file, and each anchor to a heading.
func TestLinksResolve(t *testing.T) {
	count := 0
	for _, doc := range markdown(t) {
		text := prose(t, doc)
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			address, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(address, "://") || strings.HasPrefix(address, "mailto:") {
				continue
			}
			count++
			target := doc
			if address != "" {
				target = filepath.Join(filepath.Dir(doc), filepath.FromSlash(address))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", doc, match[1])
			} else if anchor != "" && !headings(prose(t, target))[anchor] {
				t.Errorf("%s links to %s, which has no such heading", doc, match[1])
			}
		}
	}
	if count < 50 {
		t.Errorf("only %d links found", count)
	}
}

// TestEachDocumentIsListed in the index of its folder.
func TestEachDocumentIsListed(t *testing.T) {
	for _, folder := range []string{"docs", "docs/kinds", "docs/adr"} {
		pages, err := filepath.Glob(folder + "/*.md")
		if err != nil {
			t.Fatal(err)
		}
		index := prose(t, filepath.FromSlash(folder+"/README.md"))
		for _, page := range pages {
			if name := filepath.Base(page); name != "README.md" && !strings.Contains(index, "]("+name+")") {
				t.Errorf("%s/README.md does not list %s", folder, name)
			}
		}
	}
}

func markdown(t *testing.T) (files []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".md"):
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// prose is a document without its blocks and pieces of code.
func prose(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for i, part := range strings.Split(strings.ReplaceAll(string(text), "\r\n", "\n"), "```") {
		if i%2 == 0 {
			kept.WriteString(part)
		}
	}
	return kept.String()
}

var notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)

// headings are the anchors of a document, as forges make them.
func headings(text string) map[string]bool {
	anchors := map[string]bool{}
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			anchors[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), ""), " ", "-")] = true
		}
	}
	return anchors
}

// TestPagesKnowTheirHosts: what the index and the page of a kind say of the SDK and the layer is what the table says that
// tests have filled.
func TestPagesKnowTheirHosts(t *testing.T) {
	columns := func(line string) []string {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		return cells
	}
	kinds := 0
	for line := range strings.Lines(prose(t, "docs/kinds-by-runtime.md")) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		kinds++
		row := columns(line)
		kind := strings.Trim(row[0], "`")
		_, rest, _ := strings.Cut(prose(t, "docs/kinds/README.md"), "| [`"+kind+"`]")
		index, _, _ := strings.Cut(rest, "\n")
		page := prose(t, "docs/kinds/"+kind+".md")
		for i, host := range []string{"Go SDK", "layer"} {
			cells := row[1:2]
			if host == "layer" {
				cells = row[2:]
			}
			works := slices.ContainsFunc(cells, func(cell string) bool { return !strings.HasPrefix(cell, "unsupported") })
			if listed := columns("|" + index)[3+i]; (listed != "no") != works {
				t.Errorf("docs/kinds/README.md says of %s, %s: %q, the table %q", kind, host, listed, cells)
			}
			_, said, found := strings.Cut(page, "\n| "+host+" | ")
			if !found || strings.HasPrefix(said, "yes") != works {
				t.Errorf("docs/kinds/%s.md does not say of %s what the table says: %q", kind, host, cells)
			}
		}
	}
	if kinds < 10 {
		t.Errorf("the table has only %d kinds", kinds)
	}
}
