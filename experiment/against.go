package experiment

import (
	"slices"
	"strings"

	"github.com/firedrill-dev/firedrill/verdict"
)

// Against is the group of requests that a measure compares its own with. At most one field is set.
type Against struct {
	Load    string `json:"load,omitempty"`    // "load.NAME": those of another load
	Version string `json:"version,omitempty"` // those of its own load that this version of the function has answered
	Spared  bool   `json:"spared,omitempty"`  // those of its own load that no fault has hit; its own are then those that one has
}

// Compares says whether there is another group.
func (a Against) Compares() bool { return a != Against{} }

// String is how files write it.
func (a Against) String() string {
	switch {
	case a.Spared:
		return "spared"
	case a.Version != "":
		return versionPrefix + a.Version
	}
	return a.Load
}

const versionPrefix = "version "

// against reads the name of another group.
func against() value[Against] {
	const hint = "write load.NAME, version N or spared"
	return value[Against]{schema: matching(`^(load\..+|version\s+\S+|spared)$`, "load.baseline"), read: func(d *decoder, n *node, path string) (Against, bool) {
		if n.form != scalar {
			d.expected(n, path, "a group of requests", hint)
			return Against{}, false
		}
		text := strings.TrimSpace(n.text)
		if text == "spared" {
			return Against{Spared: true}, true
		}
		if strings.HasPrefix(text, loadPrefix) {
			return Against{Load: text}, true
		}
		if version, ok := strings.CutPrefix(text, versionPrefix); ok && isVersion(strings.TrimSpace(version)) {
			return Against{Version: strings.TrimSpace(version)}, true
		}
		d.wrong(n, path, "is not a group of requests", hint)
		return Against{}, false
	}}
}

// version reads what AWS Lambda calls a version: a number, or $LATEST.
func version() value[string] {
	return value[string]{schema: schema{"anyOf": []any{schema{"type": "integer", "minimum": 1}, schema{"type": "string", "pattern": `^([1-9][0-9]*|\$LATEST)$`}, schema{"type": "string", "pattern": patternVariable}}},
		read: func(d *decoder, n *node, path string) (string, bool) {
			if n.form != scalar || !isVersion(n.text) {
				d.expected(n, path, "a version of a function", "a number, or $LATEST")
				return "", false
			}
			return n.text, true
		}}
}

func isVersion(text string) bool {
	return text == "$LATEST" || text != "" && text[0] != '0' && len(text) <= 20 && strings.Trim(text, "0123456789") == ""
}

// checkAgainst checks that a measure and its expectation agree on whether two groups are compared, and that there are two.
func (d *decoder) checkAgainst(x *Experiment, m Measure, path string) {
	at := join(path, "against")
	compares, relative := d.has(at), m.Expect.Relative != ""
	switch {
	case m.Expect.Statistic == "":
		return // told already
	case relative && !compares:
		d.problem(join(path, "expect"), m.Expect.Text, "says how much more it may be, but not than what", "add against: load.NAME, version N or spared; or leave the sign out")
		return
	case compares && !relative:
		d.problem(join(path, "expect"), m.Expect.Text, "compares with a number, not with the other group", relativeHint(m.Expect))
		return
	case !compares:
		return
	}
	switch known, sure := x.knownLoads(d); {
	case m.Against.Load != "" && m.Against.Load == m.Of && m.ByVersion == "":
		d.problem(at, m.Against.Load, "is the measure's own load", "name another one, version N or spared")
	case m.Against.Load != "" && sure && !slices.Contains(known, m.Against.Load):
		d.problem(at, m.Against.Load, "there is no such load", loadHint(m.Against.Load, known))
	case m.Against.Version != "" && m.ByVersion == "":
		d.problem(at, m.Against.String(), "is compared with all versions, itself included", "add version: to say which one is compared")
	case m.Against.Version != "" && m.Against.Version == m.ByVersion:
		d.problem(at, m.Against.String(), "is compared with itself", "")
	case m.Against.Spared && m.BaselineOnly:
		d.problem(at, "spared", "means requests that a fault has spared, and before it there is none", "leave baseline_only out")
	}
}

func relativeHint(e verdict.Expectation) string {
	if e.Statistic == "error_rate" {
		return "write percentage points with a sign: error_rate " + e.Op + " +1%"
	}
	return "write how much more it may be, with a sign: p95 <= +10% or p95 <= +20ms; of quantiles, mean and error_rate"
}
