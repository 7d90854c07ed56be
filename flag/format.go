package flag

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A Format is how flags are written in a document: it reads and writes the part that belongs to one flag.
type Format struct {
	// Name is what undo records call it.
	Name string
	// where the part is in the document.
	where func(flag string) []string
	// add puts the order's rule in front of the others.
	add func(part []byte, o Order) ([]byte, error)
	// remove takes that very rule out. edited says that it is there, but not as it was added.
	remove func(part []byte, o Order) (rest []byte, found, edited bool, err error)
	// evaluate says what the flag is for a user.
	evaluate func(part []byte, user Attributes) (Evaluation, error)
	// normal is one way to write what can be written in several.
	normal func(part []byte) ([]byte, error)
}

// Formats lists the formats that are known.
func Formats() []Format { return []Format{Flagd(), AppConfig()} }

// formatNamed finds a format again, by what an undo record calls it.
func formatNamed(name string) (Format, error) {
	for _, f := range Formats() {
		if f.Name == name {
			return f, nil
		}
	}
	return Format{}, fmt.Errorf("the undo record is of flags in a format %q that this version does not know: use the one that wrote it", name)
}

// part is what a document says of a flag.
func (f Format) part(doc []byte, flag string) (piece, error) {
	p, err := find(doc, f.where(flag)...)
	if errors.Is(err, errAbsent) {
		return p, fmt.Errorf("there is no flag %q: %w", flag, err)
	}
	return p, err
}

// Evaluate says what a document's flag is for a user.
func (f Format) Evaluate(doc []byte, flag string, user Attributes) (Evaluation, error) {
	p, err := f.part(doc, flag)
	if err != nil {
		return Evaluation{}, err
	}
	e, err := f.evaluate(p.text, user)
	if err != nil {
		return e, fmt.Errorf("flag %q: %w", flag, err)
	}
	return e, nil
}

// added is a document whose flag is on for the order's cohort, too. It is refused where that changes nothing for the
// cohort, or anything for others.
func (f Format) added(doc []byte, o Order) ([]byte, error) {
	p, err := f.part(doc, o.Flag)
	if err != nil {
		return nil, err
	}
	inside, outside := o.Cohort.Member(), o.Cohort.Other("")
	before, err := f.evaluate(p.text, inside)
	if err != nil {
		return nil, err
	}
	others, err := f.evaluate(p.text, outside)
	if err != nil {
		return nil, err
	}
	part, err := f.add(p.text, o)
	if err != nil {
		return nil, err
	}
	after, err := f.evaluate(part, inside)
	if err != nil {
		return nil, err
	}
	if after.Same(before) {
		return nil, &Refused{Reason: fmt.Sprintf("the cohort %s has %s already", o.Cohort, after), Tip: "there is nothing to turn on; name another cohort or --variant"}
	}
	if still, err := f.evaluate(part, outside); err != nil || !still.Same(others) {
		return nil, errors.Join(errors.New("the new rule would change the flag for others"), err)
	}
	return replaced(doc, p, part), nil
}

// same says whether two parts mean the same.
func (f Format) same(a, b []byte) bool {
	normalA, errA := f.normal(a)
	normalB, errB := f.normal(b)
	return errA == nil && errB == nil && canonical(normalA) == canonical(normalB)
}

// object decodes a part that must be an object, by its members.
func object(part []byte) (map[string]json.RawMessage, error) {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(part, &m); err != nil {
		return nil, fmt.Errorf("is not an object: %w", err)
	}
	if m == nil {
		return nil, errors.New("is not an object but null")
	}
	return m, nil
}
