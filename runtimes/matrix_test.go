package runtimes

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firedrill-dev/firedrill/fault"
)

var update = flag.Bool("update", false, "write the table into docs/kinds-by-runtime.md")

const page = "../docs/kinds-by-runtime.md"

// Every kind on every runtime: what the caller saw, and what the record says, is what the documentation shows.
func TestEveryKindOnEveryRuntime(t *testing.T) {
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(shop.Close)
	machine, err := os.Hostname()
	if err == nil {
		_, err = net.LookupHost(machine)
	}
	if err != nil {
		t.Fatalf("this machine does not know its own name: %v", err)
	}
	rows := rows(shop.URL, machine)
	for _, info := range fault.Kinds() {
		if _, ok := rows[info.Kind]; !ok {
			t.Errorf("the kind %s has no row", info.Kind)
		}
	}
	columns := columns(t)
	h := start(t, columns, document(rows))
	results := map[string]map[fault.Kind]string{}
	for _, c := range columns {
		results[c.title] = map[fault.Kind]string{}
	}
	t.Run("column", func(t *testing.T) {
		for _, c := range columns {
			if c.missing == "" {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					cells := results[c.title]
					for _, info := range fault.Kinds() { // a cold start is the first
						cells[info.Kind] = h.cell(t, c, info.Kind, rows[info.Kind])
					}
				})
			}
		}
	})
	compare(t, columns, results)
}

// cell has a function meet one kind, and says what came of it.
func (h *host) cell(t *testing.T, c column, kind fault.Kind, r row) string {
	e := r.event
	e.Case, e.SKU, e.Of = string(kind), "A1", c.of
	if e.Probe == "aws" && !c.sdk {
		e.Probe = "" // they have no AWS client: nothing of ours would be in it
	}
	usual := e
	usual.Case = "usual"
	var saw string
	var hit, free answer
	for range 20 { // what else the machine does may disturb a comparison, though hardly twenty times
		if kind == fault.ColdStart {
			hit = h.invoke(t, c, e)
			free = h.invoke(t, c, usual)
		} else {
			free = h.invoke(t, c, usual)
			hit = h.invoke(t, c, e)
		}
		saw = r.saw(hit, free)
		hidden := kind == fault.DiskSpace && saw == asUsual // others write to that disk, too
		// A busy host starts another process: what that one tells cannot be compared.
		apart := kind != fault.ColdStart && hit.body.PID != 0 && hit.body.PID != free.body.PID
		if !hidden && !apart {
			break
		}
	}
	said := h.record(hit, c, kind)
	t.Logf("%-16s %-60s %+v (%v)", kind, saw, said, hit.took)
	switch {
	case said.fired && saw != asUsual:
		if said.note != "" {
			saw += "; record: " + said.note
		}
		return saw
	case !said.fired && saw == asUsual:
		return said.reason
	}
	return fmt.Sprintf("CONTRADICTION: %s, but the record says %+v", saw, said)
}

// compare holds the results against the documentation's table, column by column.
func compare(t *testing.T, columns []column, results map[string]map[fault.Kind]string) {
	table := render(columns, results)
	t.Logf("\n%s", table)
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- written by go test ./runtimes -update -->\n", "<!-- end -->"
	before, rest, ok1 := strings.Cut(string(text), begin)
	documented, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want := cells(documented)
	if rows := len(want); rows != len(fault.Kinds()) {
		t.Errorf("%s has %d rows for %d kinds", page, rows, len(fault.Kinds()))
	}
	for _, c := range columns {
		for kind, got := range results[c.title] {
			if shown := want[string(kind)][c.title]; shown != got {
				t.Errorf("%s, %s: %q, but %s says %q", kind, c.title, got, filepath.Base(page), shown)
			}
		}
	}
}

func render(columns []column, results map[string]map[fault.Kind]string) string {
	var b strings.Builder
	b.WriteString("| kind |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---" + strings.Repeat("|---", len(columns)) + "|\n")
	for _, info := range fault.Kinds() {
		b.WriteString("| `" + string(info.Kind) + "` |")
		for _, c := range columns {
			b.WriteString(" " + results[c.title][info.Kind] + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// cells reads a table: kind, column's title, text.
func cells(table string) map[string]map[string]string {
	found := map[string]map[string]string{}
	var titles []string
	for line := range strings.Lines(table) {
		parts := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		switch {
		case titles == nil:
			titles = parts
		case strings.HasPrefix(parts[0], "`"):
			row := map[string]string{}
			for i, text := range parts[1:] {
				row[titles[i+1]] = text
			}
			found[strings.Trim(parts[0], "`")] = row
		}
	}
	return found
}
