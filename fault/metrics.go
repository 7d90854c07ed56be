package fault

import (
	"encoding/json"
)

// MetricsVariable switches metrics on, in the function's environment: MetricsEMF is the one that there is.
const (
	MetricsVariable = "FIREDRILL_METRICS"
	MetricsEMF      = "emf"
)

// MetricsNamespace is where CloudWatch keeps them.
const MetricsNamespace = "Firedrill"

// The parts of a document in CloudWatch's embedded metric format. Specification: Amazon CloudWatch user guide,
// "Specification: Embedded metric format".
type (
	emfMetadata struct {
		Timestamp int64           // Unix milliseconds
		Metrics   [1]emfDirective `json:"CloudWatchMetrics"`
	}
	emfDirective struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []emfMetric
	}
	emfMetric struct{ Name, Unit string }
)

// AppendEMF is AppendJSON with one more member, by which CloudWatch makes the metrics "planned" and "fired" of the
// namespace Firedrill from the line. Their dimensions are members of the record: function and kind and, where a
// run has armed the fault, the run as well.
func (r Record) AppendEMF(dst []byte) []byte {
	var sets [][]string
	var names []string
	for _, d := range []struct{ name, value string }{{"function", r.Function}, {"kind", string(r.Kind)}} {
		if isDimension(d.value) {
			names = append(names, d.name)
		}
	}
	sets = append(sets, names)
	if isDimension(r.Run) {
		sets = append(sets, append(names[:len(names):len(names)], "run"))
	}
	metadata, err := json.Marshal(emfMetadata{r.Time.UnixMilli(), [1]emfDirective{{MetricsNamespace, sets, []emfMetric{{"planned", "Count"}, {"fired", "Count"}}}}})
	line := r.AppendJSON(nil)
	if err != nil || len(line) < len("}\n") {
		return append(dst, line...) // cannot be: texts and numbers always marshal
	}
	dst = append(append(dst, line[:len(line)-len("}\n")]...), `,"_aws":`...)
	return append(append(dst, metadata...), "}\n"...)
}

// isDimension: CloudWatch takes ASCII that does not begin with a colon; anything longer than this is no name of ours.
func isDimension(value string) bool {
	if value == "" || len(value) > 255 || value[0] == ':' {
		return false
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] >= 0x7f {
			return false
		}
	}
	return true
}
