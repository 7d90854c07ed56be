package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/verdict"
)

// Summary writes a line for each of several results, and how many there are of each verdict.
func Summary(w io.Writer, results []*engine.Result, style Style) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	counts := map[verdict.Outcome]int{}
	var order []verdict.Outcome
	for _, r := range results {
		if counts[r.Verdict]++; counts[r.Verdict] == 1 {
			order = append(order, r.Verdict)
		}
		fmt.Fprintf(table, "%s %s\t%s\t%s\n", mark(r.Verdict), word(r.Verdict), r.Ended.Sub(r.Started).Round(100*time.Millisecond), title(r))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	var parts []string
	for _, v := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[v], strings.ToLower(word(v))))
	}
	fmt.Fprintf(&b, "\n%s\n", style.paint(fmt.Sprintf("%d run: %s", len(results), strings.Join(parts, ", ")), bold))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the summary: %w", err)
	}
	return nil
}
