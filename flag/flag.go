package flag

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Attributes are what a flag's rules may ask of a user: strings, numbers (float64) and booleans.
type Attributes map[string]any

// A Cohort are the users who have a value of an attribute.
type Cohort struct {
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
}

// String is the cohort as it is written on a command line.
func (c Cohort) String() string { return c.Attribute + "=" + c.Value }

// Member is a user of the cohort of whom nothing else is known.
func (c Cohort) Member() Attributes { return Attributes{c.Attribute: c.Value} }

// Other is a user with another value of the cohort's attribute; "": with one that nobody has.
func (c Cohort) Other(value string) Attributes {
	if value == "" {
		value = c.Value + " (nobody)"
	}
	return Attributes{c.Attribute: value}
}

// attributeName is what every format can write down as one word.
var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)

// maxValue bounds the value of a cohort's attribute, in bytes.
const maxValue = 256

// ParseCohort reads ATTRIBUTE=VALUE.
func ParseCohort(text string) (Cohort, error) {
	name, value, ok := strings.Cut(text, "=")
	c := Cohort{name, value}
	switch {
	case !ok || value == "":
		return c, &Refused{Reason: fmt.Sprintf("%q is not a cohort", text), Tip: "write ATTRIBUTE=VALUE, such as cohort=beta"}
	case !attributeName.MatchString(name):
		return c, &Refused{Reason: fmt.Sprintf("cohort %q: %q is not the name of an attribute", text, name), Tip: "a letter, then letters, digits and _, as the flag's rules name it"}
	case len(value) > maxValue || strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsControl(r) || r == '"' || r == '\\' || r == unicode.ReplacementChar
	}):
		return c, &Refused{Reason: fmt.Sprintf("cohort %s: its value has more than %d bytes, or quotes, backslashes or control characters", name, maxValue), Tip: "not every kind of rule can hold those: choose another value"}
	}
	return c, nil
}

// A Reason is why a flag answers as it does, in OpenFeature's words.
type Reason string

// The reasons.
const (
	ReasonStatic   Reason = "STATIC"          // it has no rules
	ReasonDefault  Reason = "DEFAULT"         // no rule was about this user
	ReasonTargeted Reason = "TARGETING_MATCH" // a rule was
)

// An Evaluation is what a flag says to one user.
type Evaluation struct {
	Value   json.RawMessage `json:"value"`
	Variant string          `json:"variant,omitempty"`
	Reason  Reason          `json:"reason"`
}

// Same says whether two users get the same of a flag, whichever rule it comes from.
func (e Evaluation) Same(other Evaluation) bool { return canonical(e.Value) == canonical(other.Value) }

// String is the evaluation in a few words.
func (e Evaluation) String() string {
	var value bytes.Buffer
	if json.Compact(&value, e.Value) != nil {
		value.Reset()
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s (%s)", e.Variant, &value, e.Reason))
}

// An Evaluator tells what a flag is for a user, as far as it is known where it is kept: functions may see it later.
type Evaluator interface {
	// Evaluate changes nothing. ErrUndecided says that the flag has a rule that cannot be evaluated here.
	Evaluate(ctx context.Context, flag string, user Attributes) (Evaluation, error)
}

// A Switch turns a flag on for a cohort, and off: an action in the engine's sense, whose promises it keeps.
type Switch interface {
	// Prepare reads the flag and changes nothing. It refuses a flag that is on for the cohort already.
	Prepare(ctx context.Context) (undo json.RawMessage, err error)
	// Apply turns it on. It refuses a flag that was changed since Prepare.
	Apply(ctx context.Context, undo json.RawMessage) error
	// Revert turns it off: idempotent, from any process, whether or not Apply ran. A *Drift says what of others' doing it kept.
	Revert(ctx context.Context, undo json.RawMessage) error
}

// A Provider is where flags are kept, of whatever make.
type Provider interface {
	Evaluator
	// Switch makes the change of one flag. Nothing is read or changed yet.
	Switch(o Order) Switch
	// Key identifies a flag, for "one run at a time".
	Key(flag string) string
}

// A Checker is a Switch that can tell whether its flag is still as it was turned on.
type Checker interface {
	// Check changes nothing. What somebody else did is a *Drift.
	Check(ctx context.Context, undo json.RawMessage) error
}

// An Order is what a Switch is to do.
type Order struct {
	Flag    string `json:"flag"`
	Cohort  Cohort `json:"cohort"`
	Variant string `json:"variant,omitempty"` // that the cohort gets; empty: the provider's notion of "on"
	Run     string `json:"run"`               // on whose behalf
}

// ErrUndecided says that a rule is outside of what is evaluated here.
var ErrUndecided = errors.New("it cannot be evaluated here")

// Drift says that somebody else changed the flag while our rule was in it. Theirs was kept.
type Drift struct{ What string }

// Error says what changed.
func (d *Drift) Error() string { return "changed by somebody else meanwhile: " + d.What }

// Drift is what changed.
func (d *Drift) Drift() string { return d.What }

// Refused is a flag that must not be touched as it is, with what to do about it.
type Refused struct {
	Reason string
	Tip    string
	Err    error // may be nil
}

// Error says what stands in the way.
func (r *Refused) Error() string {
	if r.Err != nil {
		return r.Reason + ": " + r.Err.Error()
	}
	return r.Reason
}

// Unwrap is the cause, if there is one.
func (r *Refused) Unwrap() error { return r.Err }

// Hint is what to do about it.
func (r *Refused) Hint() string { return r.Tip }
