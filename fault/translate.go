package fault

import (
	"encoding/json"
	"slices"
)

// The formats that Parse reads.
const (
	FormatFiredrill  = "Firedrill"
	FormatFailure1   = "failure-lambda 1.x" // of which Firedrill's own is a superset
	FormatFailure0   = "failure-lambda 0.x"
	FormatChaos      = "Python chaos-lambda"
	FormatChaosOlder = "Python chaos-lambda before it had fault_type" // its kind of fault is in the function's code
)

// A Translation is a document of any format as a fault set of Firedrill's own.
type Translation struct {
	Format string
	// Members are the document's members after translation, decoded with numbers as json.Number; nil if the document
	// cannot be read.
	Members map[string]any
	// Names are the fields of a flat document by the fields that they became: latency.mean by delay.
	Names map[string]string
}

// Translate reads a document as Parse does, which tells its problems, and returns what it means to Parse.
func Translate(doc []byte) Translation {
	members, problem := decode(doc)
	if problem != nil {
		return Translation{}
	}
	t := Translation{Format: formatOf(members), Members: members}
	t.Names = translateFlat(members).names
	return t
}

// Document is the translation as a fault set.
func (t Translation) Document() ([]byte, error) {
	if t.Members == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(t.Members)
}

// formatOf recognizes a document by the members that only one format has.
func formatOf(members map[string]any) string {
	for _, d := range dialects() {
		if _, ok := members[d.selector]; ok {
			return d.name
		}
	}
	for _, d := range dialects() {
		if _, ok := members[d.enabled]; ok {
			return FormatChaosOlder
		}
	}
	theirs := []Kind{Latency, Timeout, DiskSpace, Denylist, StatusCode, Exception, Corruption}
	for name, member := range members {
		k, known := kindByName(Kind(name))
		if !known && name != "firedrill" {
			continue
		}
		if !known || !slices.Contains(theirs, k.Kind) || !theirAttributes(k, member) {
			return FormatFiredrill
		}
	}
	return FormatFailure1
}

// theirAttributes reports whether a member has only attributes that failure-lambda 1.x knows.
func theirAttributes(k kind, member any) bool {
	known := []string{"enabled", "percentage", "match", "min_latency", "max_latency", "timeout_buffer_ms", "disk_space",
		"deny_list", "status_code", "exception_msg"}
	if k.Kind == Corruption {
		known = append(known, "body")
	}
	attributes, _ := member.(map[string]any)
	for name := range attributes {
		if _, ours := k.attribute(name, false); ours && !slices.Contains(known, name) {
			return false
		}
	}
	return true
}
