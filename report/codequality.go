package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// fingerprint tells a remark from all others of a repository and stays the same from run to run, wherever its line moves.
func (r remark) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{"firedrill/1", r.rule.id, r.path, r.subject}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

type (
	qualityIssue struct {
		Description string          `json:"description"`
		Check       string          `json:"check_name"`
		Fingerprint string          `json:"fingerprint"`
		Severity    string          `json:"severity"`
		Location    qualityLocation `json:"location"`
	}
	qualityLocation struct {
		Path  string       `json:"path"`
		Lines qualityLines `json:"lines"`
	}
	qualityLines struct {
		Begin int `json:"begin"`
	}
)

// CodeQuality writes what a drill has to say as a code quality report, as GitLab shows it in merge requests.
func CodeQuality(w io.Writer, d Drill) error {
	issues := []qualityIssue{}
	all, of := remarksOf(d)
	for i, m := range all {
		severity := "minor"
		switch {
		case m.rule.id == "undo-incomplete":
			severity = "blocker"
		case m.rule.loud:
			severity = "major"
		}
		issues = append(issues, qualityIssue{
			Description: m.title(of[i]) + ": " + m.message, Check: m.rule.id, Fingerprint: m.fingerprint(), Severity: severity,
			Location: qualityLocation{m.path, qualityLines{max(m.line, 1)}},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(issues); err != nil {
		return fmt.Errorf("write the code quality report: %w", err)
	}
	return nil
}
