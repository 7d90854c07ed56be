package main

import (
	"bytes"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// published reads a table of the document: its cells by row, of each the numbers.
func published(t *testing.T, name string) map[string][][]float64 {
	t.Helper()
	text, err := os.ReadFile("../../docs/statistics.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "<!-- "+name+" -->\n")
	if !ok {
		t.Fatalf("docs/statistics.md has no table %q", name)
	}
	rows := map[string][][]float64{}
	for i, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if i < 2 {
			continue // the head
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		for _, cell := range cells[1:] {
			var numbers []float64
			for _, s := range strings.Split(cell, " / ") {
				x, err := strconv.ParseFloat(s, 64)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				numbers = append(numbers, x)
			}
			rows[cells[0]] = append(rows[cells[0]], numbers)
		}
	}
	return rows
}

// likely says whether a share of some runs is what a table says, but for luck of one in 100,000.
func likely(k, runs int, percent float64) bool {
	const published = 400
	p := (float64(k) + percent/100*published + 1) / (float64(runs) + published + 2) // of both together
	luck := math.Sqrt(p * (1 - p) * (1/float64(runs) + 1/float64(published)))
	return math.Abs(float64(k)/float64(runs)-percent/100) <= 4.5*luck
}

// TestTablesStillHold: what the document prints is what another, smaller run finds, drawn with other seeds.
func TestTablesStillHold(t *testing.T) {
	const runs = 40
	for _, table := range tables() {
		rows := published(t, table.name)
		if len(rows) != len(table.rows) {
			t.Errorf("%s: the document has %d rows, not %d", table.name, len(rows), len(table.rows))
		}
		for i, row := range table.rows {
			cells := rows[row.name]
			if len(cells) != len(table.columns) {
				t.Errorf("%s: %s has %d cells, not %d", table.name, row.name, len(cells), len(table.columns))
				continue
			}
			column := i % len(table.columns) // a cell of each row: all of them are what the command is for
			got := row.cell(column).count(runs, ^seedOf(row.name, column))
			if want := cells[column]; !likely(got.held, runs, want[0]) || !likely(got.disproved, runs, want[1]) {
				t.Errorf("%s: %s at %s: %s of %d runs; the document says %v", table.name, row.name, table.columns[column], got, runs, want)
			}
		}
	}
}

// TestTheTablesKeepThePromise: no cell of the document has more false alarms, or lets more harm through, than 2.5 of 100 runs and what may be
// luck.
func TestTheTablesKeepThePromise(t *testing.T) {
	most := 2.5 + 100*3.5*math.Sqrt(0.025*0.975/400)
	for _, table := range tables() {
		margin := 2 // +10 %, and +1 point: the third column of both
		for name, cells := range published(t, table.name) {
			for column, cell := range cells {
				if column <= margin && cell[1] > most {
					t.Errorf("%s: %s at %s: %g false alarms", table.name, name, table.columns[column], cell[1])
				}
				if column >= margin && cell[0] > most {
					t.Errorf("%s: %s at %s: %g times harm was let through", table.name, name, table.columns[column], cell[0])
				}
			}
		}
	}
}

// TestCanaryOfTheShop is what a pipeline relies on: with 3,000 requests in all, a canary that is 20 % slower is caught in 95 of 100 runs at
// least, and one that is equal is turned down in 5 at most.
func TestCanaryOfTheShop(t *testing.T) {
	const runs = 100
	shop := services()[0]
	for _, looks := range []int{1, 5} {
		for _, row := range latencies(looks) {
			if row.name != shop.name+", 1500" {
				continue
			}
			equal, slower := row.cell(0).count(runs, 1), row.cell(4).count(runs, 2)
			if equal.disproved > 5 || equal.held < 95 {
				t.Errorf("%d looks, equal: %s", looks, equal)
			}
			if slower.disproved < 95 {
				t.Errorf("%d looks, 20 %% slower: %s", looks, slower)
			}
			if most := 3000 * runs; equal.samples > most || slower.samples > most {
				t.Errorf("%d looks: %d and %d requests", looks, equal.samples, slower.samples)
			}
		}
	}
}

// TestSeedsDecide: the same seed gives the same tally, whoever works on it first.
func TestSeedsDecide(t *testing.T) {
	cell := tables()[0].rows[1].cell(3)
	if a, b := cell.count(30, 7), cell.count(30, 7); a != b {
		t.Errorf("%+v, %+v", a, b)
	}
}

func TestCoverageOfOurs(t *testing.T) {
	var out bytes.Buffer
	if err := writeCoverage(&out, 1); err != nil || !strings.Contains(out.String(), "| p99, heavy tail, 500 | ") {
		t.Errorf("%v\n%s", err, &out)
	}
	const runs = 100
	for _, s := range services() {
		if s.clock > 0 {
			continue
		}
		if got := coverage(s, 0.95, 100, runs, 3)[0]; float64(got)/runs < 0.95-3*math.Sqrt(0.05*0.95/runs) {
			t.Errorf("%s: %d of %d", s.name, got, runs)
		}
	}
	for _, cells := range published(t, "coverage of 95 % intervals") {
		if cells[0][0] < 95-350*math.Sqrt(0.05*0.95/400) {
			t.Errorf("the document says that ours covers %v", cells[0])
		}
	}
}
