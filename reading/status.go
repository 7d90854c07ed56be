package reading

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

// A Status is a fault set as people want to see it.
type Status struct {
	Format   string          `json:"format,omitempty"`
	Run      string          `json:"run,omitempty"` // that armed it
	Expires  time.Time       `json:"expires_at,omitzero"`
	Expired  bool            `json:"expired"`
	Faults   []Fault         `json:"faults"`
	Problems []fault.Problem `json:"problems"`
	Warnings []fault.Problem `json:"warnings"`
}

// A Fault is one member of a fault set.
type Fault struct {
	Kind       string            `json:"kind"`
	Enabled    bool              `json:"enabled"`
	InForce    bool              `json:"in_force"` // enabled, without a mistake, and the lease runs
	Percentage float64           `json:"percentage"`
	Settings   map[string]any    `json:"settings"`
	Match      []fault.Condition `json:"match"`
	Armed      bool              `json:"armed"` // by the run
}

// Of reads a fault set as a function would.
func Of(text []byte, now time.Time) Status {
	s := Status{Faults: []Fault{}, Problems: []fault.Problem{}, Warnings: []fault.Problem{}}
	if len(bytes.TrimSpace(text)) == 0 {
		return s
	}
	if envelope.Is(text) {
		e, err := envelope.Parse(text)
		if err != nil {
			s.Problems = append(s.Problems, fault.Problem{Message: "the envelope of a signed fault set is malformed: " + err.Error()})
			return s
		}
		text = e.Payload
		s.Warnings = append(s.Warnings, fault.Problem{Field: "signatures", Message: "are not checked here", Hint: "firedrill faults verify", Warning: true})
	}
	set, problems := fault.Parse(text)
	broken := false // as a whole
	for _, p := range problems {
		if p.Warning {
			s.Warnings = append(s.Warnings, p)
			continue
		}
		s.Problems = append(s.Problems, p)
		broken = broken || p.Field == "" || p.Field == "firedrill" || strings.HasPrefix(p.Field, "firedrill.")
	}
	s.Run, s.Expires = set.Run(), set.Expires()
	s.Expired = !s.Expires.IsZero() && !now.Before(s.Expires)
	t := fault.Translate(text)
	s.Format = t.Format
	for _, k := range fault.Kinds() {
		if member, ok := t.Members[string(k.Kind)].(map[string]any); ok {
			f := memberOf(string(k.Kind), member)
			f.InForce = f.Enabled && f.Percentage > 0 && !broken && !s.Expired && !mistaken(f.Kind, s.Problems, t)
			f.Armed = slices.Contains(set.Armed(), k.Kind)
			s.Faults = append(s.Faults, f)
		}
	}
	return s
}

// mistaken reports whether a problem disables the member of a kind.
func mistaken(kind string, problems []fault.Problem, t fault.Translation) bool {
	for _, p := range problems {
		field := p.Field
		for ours, theirs := range t.Names {
			if theirs == p.Field {
				field = ours
			}
		}
		if field == kind || strings.HasPrefix(field, kind+".") {
			return true
		}
	}
	return false
}

func memberOf(kind string, member map[string]any) Fault {
	f := Fault{Kind: kind, Percentage: 100, Settings: map[string]any{}, Match: []fault.Condition{}}
	for name, value := range member {
		switch name {
		case "enabled":
			f.Enabled = value == true
		case "percentage":
			_ = reread(value, &f.Percentage) // a mistake is among the problems
		case "match":
			_ = reread(value, &f.Match)
		default:
			f.Settings[name] = value
		}
	}
	return f
}

// reread decodes a decoded value into a type of ours.
func reread(value, to any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, to)
}
