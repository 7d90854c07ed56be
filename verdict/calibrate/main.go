// Command calibrate measures how often the judge of two groups is wrong: it draws samples of services whose truth is known, has them
// judged, and counts. It prints the tables of docs/statistics.md; its test checks that they still say what is true.
//
//	go run ./verdict/calibrate -runs 400
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/firedrill-dev/firedrill/verdict"
)

func main() {
	runs := flag.Int("runs", 400, "how often each comparison is drawn")
	methods := flag.Bool("methods", false, "compare methods of intervals instead: slow")
	flag.Parse()
	print := write
	if *methods {
		print = writeCoverage
	}
	if err := print(os.Stdout, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "calibrate:", err)
		os.Exit(1)
	}
}

// write prints every table.
func write(w io.Writer, runs int) error {
	for _, t := range tables() {
		if _, err := fmt.Fprintf(w, "<!-- %s -->\n%s\n", t.name, t.head()); err != nil {
			return err
		}
		for _, row := range t.rows {
			line := "| " + row.name
			for column := range t.columns {
				line += " | " + row.cell(column).count(runs, seedOf(row.name, column)).String()
			}
			if _, err := fmt.Fprintln(w, line+" |"); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
	}
	return nil
}

// A table is one of the document's: what each row does at each column's effect.
type table struct {
	name    string
	corner  string
	columns []string
	rows    []row
}

type row struct {
	name string
	cell func(column int) trial
}

func (t table) head() string {
	return "| " + t.corner + " | " + strings.Join(t.columns, " | ") + " |\n|---" + strings.Repeat("|---", len(t.columns)) + "|"
}

// seedOf gives each cell its own.
func seedOf(row string, column int) uint64 {
	seed := uint64(14695981039346656037) // FNV-1a
	for _, b := range []byte(fmt.Sprint(row, column)) {
		seed = (seed ^ uint64(b)) * 1099511628211
	}
	return seed
}

func expect(text string) verdict.Expectation {
	e, err := verdict.ParseExpectation(text)
	if err != nil {
		panic(err) // the tables are written here
	}
	return e
}
