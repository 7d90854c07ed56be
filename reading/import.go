package reading

import (
	"encoding/json"
	"errors"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

// An Imported document is what another tool's document means here.
type Imported struct {
	Format      string          `json:"format"`
	Problems    []fault.Problem `json:"problems"`
	Warnings    []fault.Problem `json:"warnings"`
	Document    json.RawMessage `json:"document"`
	Differences []string        `json:"differences"`
	Conditions  string          `json:"conditions,omitempty"` // of an experiment, in YAML
}

// formatFlags is a feature-flag profile of AppConfig as it is stored. Functions never see that form: AppConfig's
// extension hands out the values alone.
const formatFlags = "AppConfig feature flags"

// flagValues are the values of a stored feature-flag profile; ok is false if the document is something else.
func flagValues(text []byte) (values []byte, ok bool) {
	var stored struct {
		Flags, Values map[string]json.RawMessage
		Version       string
	}
	if json.Unmarshal(text, &stored) != nil || stored.Flags == nil || stored.Values == nil || stored.Version == "" {
		return nil, false
	}
	values, err := json.Marshal(stored.Values)
	return values, err == nil
}

// Import reads a document of any format.
func Import(text []byte) Imported {
	if values, ok := flagValues(text); ok {
		in := Import(values)
		in.Format = formatFlags + " in " + in.Format
		return in
	}
	in := Imported{Problems: []fault.Problem{}, Warnings: []fault.Problem{}, Document: json.RawMessage("{}"), Differences: []string{}}
	if envelope.Is(text) {
		in.Problems = append(in.Problems, fault.Problem{Field: "signatures", Message: "this is a signed fault set, not another tool's document", Hint: "firedrill faults verify FILE shows what is in it"})
		return in
	}
	_, problems := fault.Parse(text)
	for _, p := range problems {
		if p.Warning {
			in.Warnings = append(in.Warnings, p)
		} else {
			in.Problems = append(in.Problems, p)
		}
	}
	t := fault.Translate(text)
	in.Format = t.Format
	if document, err := t.Document(); err == nil {
		in.Document = document
	}
	in.Differences = append(in.Differences, behavesDifferently(t)...)
	return in
}

// WithFaultType makes an older document of chaos-lambda a newer one, which says what the decorator said.
func WithFaultType(text []byte, faultType string) ([]byte, error) {
	var members map[string]json.RawMessage
	if fault.Translate(text).Format != fault.FormatChaosOlder || json.Unmarshal(text, &members) != nil {
		return nil, errors.New("is for documents that have isEnabled and no fault_type")
	}
	kind, err := json.Marshal(faultType)
	if err != nil {
		return nil, err
	}
	if on, there := members["isEnabled"]; there {
		members["is_enabled"] = on
		delete(members, "isEnabled")
	}
	members["fault_type"] = kind
	return json.Marshal(members)
}
