package action

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
)

// A document is a fault set by its members. What is not ours is carried as it came.
type document map[string]json.RawMessage

// memberDrill is the member that says whose faults these are and when they end.
const memberDrill = "firedrill"

// drill is the member "firedrill".
type drill struct {
	Run       string   `json:"run,omitempty"`
	ExpiresAt string   `json:"expires_at,omitempty"` // RFC 3339
	Seed      uint64   `json:"seed,omitempty"`
	SampleBy  string   `json:"sample_by,omitempty"`
	Armed     []string `json:"armed,omitempty"` // the members that the run added
	Audience  []string `json:"audience,omitempty"`
}

// parseDocument reads a fault set for changing. It refuses what it cannot be sure to keep intact.
func parseDocument(data []byte) (document, error) {
	d, err := decodeDocument(data)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Concat(flatSwitches(), flatKinds()) {
		if _, ok := d[name]; ok {
			return nil, fmt.Errorf("is in an older tool's format (it has the member %q), which has no room for a fault beside its own", name)
		}
	}
	return d, nil
}

// decodeDocument reads the members of a fault set in whatever format.
func decodeDocument(data []byte) (document, error) {
	d := document{}
	if len(bytes.TrimSpace(data)) == 0 {
		return d, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if err := decoder.Decode(&d); err != nil {
		return nil, fmt.Errorf("is not a JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("is not a JSON object: something follows it")
	}
	if d == nil {
		return nil, errors.New("is not a JSON object but null")
	}
	if envelope.Is(data) {
		return nil, errors.New("is a signed fault set")
	}
	return d, nil
}

// drill reads the member "firedrill"; the zero value if there is none.
func (d document) drill() (drill, error) {
	var m drill
	raw, ok := d[memberDrill]
	if !ok {
		return m, nil
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("has a member %q that cannot be read: %w", memberDrill, err)
	}
	return m, nil
}

// put sets or, with nil, removes a member.
func (d document) put(name string, member json.RawMessage) {
	if member == nil {
		delete(d, name)
		return
	}
	d[name] = member
}

// get is a member, or nil.
func (d document) get(name string) json.RawMessage { return d[name] }

func (d document) encode() ([]byte, error) {
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// canonical is one spelling for all JSON texts that mean the same; numbers keep their digits. Absent is "".
func canonical(raw json.RawMessage, without ...string) string {
	if raw == nil {
		return ""
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return string(raw)
	}
	if m, ok := v.(map[string]any); ok {
		for _, name := range without {
			delete(m, name)
		}
	}
	text, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(text)
}

// same reports whether two documents mean the same.
func (d document) same(other document) bool {
	if len(d) != len(other) {
		return false
	}
	for name, raw := range d {
		if canonical(raw) != canonical(other[name]) {
			return false
		}
	}
	return true
}

// arm makes the member "firedrill" say that run holds kind until expires.
func (d document) arm(run, kind string, expires time.Time, seed uint64, sampleBy string) error {
	m, err := d.drill()
	if err != nil {
		return err
	}
	if m.Run != run { // whatever was there comes back with the pristine document
		m = drill{Run: run}
	}
	if !slices.Contains(m.Armed, kind) {
		m.Armed = append(m.Armed, kind)
	}
	m.ExpiresAt, m.Seed, m.SampleBy = expires.UTC().Format(time.RFC3339Nano), seed, sampleBy
	raw, err := json.Marshal(m)
	d[memberDrill] = raw
	return err
}

// disarm takes kind out of what run holds. Once run holds nothing, the member is as it was before: original.
func (d document) disarm(run, kind string, original json.RawMessage) error {
	m, err := d.drill()
	if err != nil || m.Run != run {
		return err
	}
	m.Armed = slices.DeleteFunc(m.Armed, func(k string) bool { return k == kind })
	if len(m.Armed) == 0 {
		d.put(memberDrill, original)
		return nil
	}
	raw, err := json.Marshal(m)
	d[memberDrill] = raw
	return err
}
