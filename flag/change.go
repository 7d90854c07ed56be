package flag

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// A Store keeps one document of flags.
type Store interface {
	Text
	Place
}

// Text is the document itself.
type Text interface {
	// Read returns it, and what the place calls this version of it; "" where it has no versions. Nil is none.
	Read(ctx context.Context) (text []byte, version string, err error)
	// Update replaces it by what change makes of it, and nobody else's write falls between; it returns when that is in
	// force. change may be called several times, with nil if there is no document. Without a next text, nothing is
	// written. of is the version that has had that very text before, if there is one.
	Update(ctx context.Context, change func(text []byte) (next []byte, of string, err error)) error
}

// Place is where a document is.
type Place interface {
	// Key identifies it, String is the place in words.
	Key() string
	String() string
	// Place is all that another process needs to find it again.
	Place() (json.RawMessage, error)
}

// A Document is a Provider whose flags are in one document.
type Document struct {
	Store  Store
	Format Format
}

// Key implements Provider.
func (d *Document) Key(flag string) string { return "flag:" + d.Store.Key() + ":" + flag }

// Evaluate implements Evaluator.
func (d *Document) Evaluate(ctx context.Context, flag string, user Attributes) (Evaluation, error) {
	text, _, err := d.Store.Read(ctx)
	if err != nil {
		return Evaluation{}, err
	}
	e, err := d.Format.Evaluate(text, flag, user)
	if err != nil {
		return e, fmt.Errorf("%s: %w", d.Store, err)
	}
	return e, nil
}

// Switch implements Provider.
func (d *Document) Switch(o Order) Switch { return &change{d, o} }

// change is the Switch of a flag in a document.
type change struct {
	in    *Document
	order Order
}

// record is all that Revert needs: the undo record of the journal, read by processes that know nothing else.
type record struct {
	V      int             `json:"v"`
	Format string          `json:"format"`
	Place  json.RawMessage `json:"place"`
	Order
	Original []byte `json:"original"`          // the document before
	Version  string `json:"version,omitempty"` // as the place called it
}

// recordVersion is the format of undo records.
const recordVersion = 1

// Prepare implements Switch.
func (c *change) Prepare(ctx context.Context) (json.RawMessage, error) {
	text, version, err := c.in.Store.Read(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.in.Format.added(text, c.order); err != nil {
		return nil, c.refused(err)
	}
	place, err := c.in.Store.Place()
	if err != nil {
		return nil, err
	}
	return json.Marshal(record{
		V: recordVersion, Format: c.in.Format.Name, Place: place, Order: c.order, Original: text, Version: version,
	})
}

// refused says where it was, and what to do.
func (c *change) refused(err error) error {
	tip := "check the flag's name; Firedrill changes only flags that it understands"
	var known *Refused
	if errors.As(err, &known) {
		tip = known.Tip
	}
	if errors.Is(err, ErrUndecided) {
		tip = "whether it is off for others cannot be told before its rules are those that docs/flags.md lists"
	}
	return &Refused{Reason: fmt.Sprintf("%s: flag %q", c.in.Store, c.order.Flag), Err: err, Tip: tip}
}

// Apply implements Switch. A rule of ours that is there already came with an answer that was lost.
func (c *change) Apply(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	return c.in.Store.Update(ctx, func(text []byte) ([]byte, string, error) {
		there, err := c.there(u, text)
		if err != nil || there {
			return nil, "", err
		}
		next, err := c.in.Format.added(text, u.Order)
		if err != nil {
			return nil, "", c.refused(err)
		}
		return next, "", nil
	})
}

// there says whether our rule is in the document already. It refuses a flag that is not as it was read.
func (c *change) there(u record, text []byte) (bool, error) {
	f := c.in.Format
	p, err := f.part(text, u.Flag)
	if err != nil {
		return false, c.refused(err)
	}
	before, err := f.part(u.Original, u.Flag)
	if err != nil {
		return false, err
	}
	if f.same(p.text, before.text) {
		return false, nil
	}
	rest, found, edited, err := f.remove(p.text, u.Order)
	if err == nil && found && !edited && f.same(rest, before.text) {
		return true, nil
	}
	return false, &Refused{Reason: fmt.Sprintf("%s: flag %q was changed by somebody else after it was read", c.in.Store, u.Flag), Err: err, Tip: "look at it, and run again"}
}

// Check says whether the flag is still as Apply made it; what somebody else did meanwhile is a *Drift.
func (c *change) Check(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	text, _, err := c.in.Store.Read(ctx)
	if err != nil {
		return err
	}
	there, err := c.there(u, text)
	var changed *Refused
	switch {
	case errors.As(err, &changed):
		return &Drift{What: fmt.Sprintf("flag %q was changed", u.Flag)}
	case err == nil && !there:
		return &Drift{What: fmt.Sprintf("flag %q is not on for %s any more", u.Flag, u.Cohort)}
	}
	return err
}

// Revert implements Switch.
func (c *change) Revert(ctx context.Context, undo json.RawMessage) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	return revert(ctx, c.in.Store, u)
}

// Restore takes the change of an undo record back, in a process that knows nothing else. open finds its document again.
func Restore(ctx context.Context, undo json.RawMessage, open func(place json.RawMessage, run string) (Store, error)) error {
	u, err := decodeRecord(undo)
	if err != nil {
		return err
	}
	s, err := open(u.Place, u.Run)
	if err != nil {
		return err
	}
	return revert(ctx, s, u)
}

func decodeRecord(raw json.RawMessage) (record, error) {
	var u record
	if err := json.Unmarshal(raw, &u); err != nil {
		return u, fmt.Errorf("the undo record cannot be read: %w", err)
	}
	if u.V != recordVersion {
		return u, fmt.Errorf("the undo record has version %d, this firedrill knows %d: use the one that wrote it", u.V, recordVersion)
	}
	return u, nil
}

func revert(ctx context.Context, s Store, u record) error {
	f, err := formatNamed(u.Format)
	if err != nil {
		return err
	}
	drift := ""
	err = s.Update(ctx, func(text []byte) (next []byte, of string, err error) {
		next, of, drift, err = u.restore(f, text)
		return next, of, err
	})
	if err == nil && drift != "" {
		return &Drift{What: drift}
	}
	return err
}

// restore decides what a document should be once our rule is out of it: pure, so that it can be tried again when somebody
// else writes in between. drift says in words what of others' doing it left alone. Other flags are others' affair.
func (u record) restore(f Format, now []byte) (next []byte, of, drift string, err error) {
	before, err := f.part(u.Original, u.Flag)
	if err != nil {
		return nil, "", "", fmt.Errorf("the undo record: %w", err)
	}
	if now == nil {
		return nil, "", "the document of flags was removed", nil
	}
	p, err := f.part(now, u.Flag)
	if err != nil {
		return nil, "", "the document: " + err.Error(), nil
	}
	if f.same(p.text, before.text) {
		return nil, "", "", nil
	}
	rest, found, edited, err := f.remove(p.text, u.Order)
	switch {
	case err != nil:
		return nil, "", fmt.Sprintf("flag %q: %v", u.Flag, err), nil
	case edited:
		return nil, "", fmt.Sprintf("the rule that turns flag %q on for %s was edited, and stays", u.Flag, u.Cohort), nil
	case !found:
		return nil, "", fmt.Sprintf("flag %q was changed, and our rule for %s is not in it any more", u.Flag, u.Cohort), nil
	case f.same(rest, before.text):
		rest = before.text
	default:
		drift = fmt.Sprintf("flag %q was changed; our rule for %s is out of it", u.Flag, u.Cohort)
	}
	next = replaced(now, p, rest)
	if canonical(next) == canonical(u.Original) {
		return u.Original, u.Version, drift, nil
	}
	return next, "", drift, nil
}
