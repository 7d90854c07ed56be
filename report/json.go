package report

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/firedrill-dev/firedrill/engine"
)

// JSON writes a result as report.json holds it, indented. The format is described in docs/reports.md; fields are
// added within version 1, never renamed or removed.
func JSON(w io.Writer, r *engine.Result) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write the report of run %s as JSON: %w", r.Run, err)
	}
	return nil
}
