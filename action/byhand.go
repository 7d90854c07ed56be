package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

// A Switch is what a person does to a fault set: it switches one fault on.
type Switch struct {
	Kind       fault.Kind
	With       fault.Attributes  // under either of their names; what is not given stays as it is
	Percentage *float64          // nil: as it is, 100 in a new member
	Match      []fault.Condition // nil: as it is; empty: every invocation
	Expires    time.Time         // the lease of the whole set; zero: none
}

// On returns the document with the fault switched on, and says in words what that does to the document's other
// faults. What else is in the document stays. It refuses a document that a run has armed, or that it does not
// understand.
func (s Switch) On(text []byte, now time.Time) (next []byte, notes []string, err error) {
	d, err := parseDocument(text)
	if err != nil {
		return nil, nil, &Refused{Reason: "the fault set", Err: err, Tip: s.instead(text)}
	}
	m, err := d.byHand(now)
	if err != nil {
		return nil, nil, err
	}
	member, err := s.member(d.get(string(s.Kind)))
	if err != nil {
		return nil, nil, err
	}
	d.put(string(s.Kind), member)
	others := slices.DeleteFunc(d.enabled(), func(k string) bool { return k == string(s.Kind) })
	if m.over(now) {
		for _, kind := range others {
			if err := d.switchOff(kind); err != nil {
				return nil, nil, err
			}
			notes = append(notes, fmt.Sprintf("%s is switched off: its lease ended at %s, and a new one would bring it back", kind, m.ExpiresAt))
		}
		others = nil
	}
	if err := d.setLease(s.Expires); err != nil {
		return nil, nil, err
	}
	if len(others) > 0 {
		notes = append(notes, s.shared(others, m))
	}
	next, err = d.encode()
	return next, notes, err
}

// instead is what to do about a document that cannot be changed by hand.
func (s Switch) instead(text []byte) string {
	switch {
	case envelope.Is(text):
		return "sign another one: firedrill faults sign"
	case fault.Translate(text).Members != nil:
		return "see what it means, and write it anew: firedrill faults import"
	}
	return "mend or remove it first"
}

// shared says what a lease does to the faults that were on before.
func (s Switch) shared(others []string, before drill) string {
	list := strings.Join(others, ", ")
	switch {
	case !s.Expires.IsZero():
		return fmt.Sprintf("a lease is the whole set's: %s ends with it, too", list)
	case before.ExpiresAt != "":
		return fmt.Sprintf("a lease is the whole set's: %s has none any more, either", list)
	}
	return fmt.Sprintf("%s is on, too", list)
}

// member is the member as it will be: what stood there, with the switch's changes.
func (s Switch) member(before json.RawMessage) (json.RawMessage, error) {
	member := map[string]json.RawMessage{}
	if before != nil {
		if err := json.Unmarshal(before, &member); err != nil || member == nil {
			return nil, &Refused{Reason: fmt.Sprintf("the member %s is not an object", s.Kind), Tip: "mend or remove it first"}
		}
	}
	changes, err := s.attributes(member)
	if err != nil {
		return nil, err
	}
	changes["enabled"] = true
	if s.Percentage != nil {
		if p := *s.Percentage; !(p >= 0 && p <= 100) { // nor NaN and infinity, which JSON does not have
			return nil, &Refused{Reason: fmt.Sprintf("%s.percentage: %g is not a number between 0 and 100", s.Kind, p)}
		}
		changes["percentage"] = *s.Percentage
	}
	if s.Match != nil {
		delete(member, "match")
	}
	if len(s.Match) > 0 {
		changes["match"] = s.Match
	}
	for name, value := range changes {
		if member[name], err = json.Marshal(value); err != nil {
			return nil, fmt.Errorf("%s.%s: %w", s.Kind, name, err)
		}
	}
	raw, err := json.Marshal(member)
	if err != nil {
		return nil, err
	}
	_, problems := fault.Parse(slices.Concat([]byte(`{"`+string(s.Kind)+`":`), raw, []byte("}")))
	if err := mistakes(problems); err != nil {
		return nil, &Refused{Reason: err.Error()}
	}
	return raw, nil
}

// attributes are the switch's attributes by the names of fault sets, found good together with those that are there.
func (s Switch) attributes(member map[string]json.RawMessage) (fault.Attributes, error) {
	known := fault.Attributes{} // what is there, but for attributes that the kind does not know: they do nothing
	names := map[string]string{}
	for _, a := range attributesOf(s.Kind) {
		names[a.Name], names[a.Friendly] = a.Name, a.Name
		var value any
		if raw, ok := member[a.Name]; ok && json.Unmarshal(raw, &value) == nil {
			known[a.Name] = value
		}
	}
	for given := range s.With {
		delete(known, names[given])
	}
	maps.Copy(known, s.With)
	normal, problems := fault.Normalize(s.Kind, known)
	for i := range problems {
		problems[i].Field = strings.TrimSuffix(string(s.Kind)+"."+problems[i].Field, ".")
	}
	if err := mistakes(problems); err != nil {
		return nil, &Refused{Reason: err.Error()}
	}
	changes := fault.Attributes{}
	for given := range s.With {
		changes[names[given]] = normal[names[given]]
	}
	return changes, nil
}

func attributesOf(k fault.Kind) []fault.Attribute {
	for _, info := range fault.Kinds() {
		if info.Kind == k {
			return info.Attributes
		}
	}
	return nil
}

// mistakes are the problems that are more than warnings, as one error.
func mistakes(problems []fault.Problem) error {
	var errs []error
	for _, p := range problems {
		if !p.Warning {
			errs = append(errs, errors.New(p.String()))
		}
	}
	return errors.Join(errs...)
}

// Off returns the document with faults switched off, all of them if no kind is named, and which those were. Their
// settings stay. It stops whatever it can: a document of an older tool, one that a run has armed, and one in a signed
// envelope, too. What is left of that is not signed, so functions that look at signatures inject nothing of it.
func Off(text []byte, kinds []fault.Kind, now time.Time) (next []byte, off []string, err error) {
	d, err := decodeDocument(unsealed(text))
	if err != nil {
		return nil, nil, &Refused{Reason: "the fault set", Err: err, Tip: "functions read it as no faults at all"}
	}
	on := append(d.enabled(), d.flatEnabled()...)
	for _, kind := range kinds {
		if _, there := d[string(kind)]; !there && !slices.Contains(on, string(kind)) {
			return nil, nil, &Refused{Reason: fmt.Sprintf("the fault set has no %s", kind), Tip: "what is on: " + listed(on)}
		}
	}
	for _, name := range on {
		if len(kinds) > 0 && !slices.Contains(kinds, fault.Kind(name)) {
			continue
		}
		if err := d.switchOff(name); err != nil {
			return nil, nil, err
		}
		off = append(off, name)
	}
	changed := len(off) > 0
	if len(kinds) == 0 {
		changed = d.forget(now) || changed
	}
	if !changed {
		return text, nil, nil
	}
	next, err = d.encode()
	return next, off, err
}

func listed(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
