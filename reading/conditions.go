package reading

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/firedrill-dev/firedrill/fault"
)

// sampling is what a fault set says once for all of its faults, as it is written there.
type sampling struct {
	Seed     json.Number `json:"seed"`
	SampleBy string      `json:"sample_by"`
}

func samplingOf(t fault.Translation) (s sampling) {
	_ = reread(t.Members["firedrill"], &s) // a mistake would be a problem
	return s
}

// Conditions are those of an experiment file that does what a document does to a function; "" if no fault of it is on.
// The set's own seed and sample_by become each condition's.
func Conditions(text []byte, function string, now time.Time) string {
	if values, ok := flagValues(text); ok {
		text = values
	}
	var on []Fault
	for _, f := range Of(text, now).Faults {
		if f.Enabled && f.Percentage > 0 {
			on = append(on, f)
		}
	}
	if len(on) == 0 {
		return ""
	}
	return conditions(on, function, samplingOf(fault.Translate(text)))
}

// conditions writes faults as the conditions of an experiment file.
func conditions(faults []Fault, function string, s sampling) string {
	var b strings.Builder
	b.WriteString("conditions:\n")
	for _, f := range faults {
		fmt.Fprintf(&b, "  - name: %s\n    fault: %s\n    target: {lambda: %s}\n", f.Kind, f.Kind, flow(function))
		if with := settings(f); len(with) > 0 {
			fmt.Fprintf(&b, "    with: {%s}\n", strings.Join(with, ", "))
		}
		fmt.Fprintf(&b, "    percentage: %s%%\n", plainNumber(f.Percentage))
		if len(f.Match) > 0 {
			b.WriteString("    match:\n")
		}
		for _, c := range f.Match {
			fmt.Fprintf(&b, "      - %s\n", clause(c))
		}
		if s.SampleBy != "" {
			fmt.Fprintf(&b, "    sample_by: %s\n", flow(s.SampleBy))
		}
		if s.Seed != "" && s.Seed != "0" {
			fmt.Fprintf(&b, "    seed: %s\n", s.Seed)
		}
	}
	return b.String()
}

// settings are the attributes that the kind knows, under the names that experiment files prefer. Others do nothing.
func settings(f Fault) []string {
	var parts []string
	for _, a := range attributesOf(f.Kind) {
		value, there := f.Settings[a.Name]
		if !there {
			continue
		}
		ms, whole := wholeMillis(a, value)
		name, text := cmp.Or(a.Friendly, a.Name), flow(value)
		switch {
		case whole:
			text = ms
		case a.Type == fault.TypeDuration:
			name = a.Name // which takes what the document says: a number of milliseconds, or a text with its unit
		}
		parts = append(parts, name+": "+text)
	}
	return parts
}

func attributesOf(kind string) []fault.Attribute {
	for _, k := range fault.Kinds() {
		if string(k.Kind) == kind {
			return k.Attributes
		}
	}
	return nil
}

// wholeMillis is a duration of whole milliseconds with its unit.
func wholeMillis(a fault.Attribute, value any) (string, bool) {
	n, ok := value.(json.Number)
	if a.Type != fault.TypeDuration || !ok {
		return "", false
	}
	ms, err := n.Float64()
	if err != nil || ms != math.Trunc(ms) {
		return "", false
	}
	return plainNumber(ms) + "ms", true
}

func clause(c fault.Condition) string {
	parts := []string{"path: " + flow(c.Path)}
	if c.Operator != "" && c.Operator != "eq" {
		parts = append(parts, "operator: "+c.Operator)
	}
	if c.Operator != "exists" {
		parts = append(parts, "value: "+flow(c.Value))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// flow is a value in YAML's flow style, which is JSON, with dollar signs as experiment files want them, and with
// escapes for characters that they do not take as they are.
func flow(value any) string {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil {
		return "null"
	}
	var out strings.Builder
	for _, r := range strings.TrimSpace(text.String()) {
		switch {
		case r == '$':
			out.WriteString("$$")
		case unicode.IsPrint(r):
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, `\U%08X`, r)
		}
	}
	return out.String()
}

// plainNumber is a number without an exponent.
func plainNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
