package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

// Variables by which a function says whose fault sets it takes: those of package source.
const (
	variablePublicKey = "FIREDRILL_PUBLIC_KEY"
	variableARN       = "FIREDRILL_FUNCTION_ARN"
)

// A reader is what the function behind a place asks of its fault set.
type reader struct {
	name string         // by which an audience names it; "": not known
	arn  arn.ARN        // zero: not known
	keys []envelope.Key // that it trusts; none: it does not ask for signatures
	bad  error          // why it trusts nobody: what it was given is no key
}

// asks says that the function takes only signed fault sets.
func (r *reader) asks() bool { return r != nil && (len(r.keys) > 0 || r.bad != nil) }

// reader says what a function asks for, by its own configuration.
func (h host) reader() *reader {
	r := &reader{name: h.name, arn: h.arn}
	if parts := strings.Split(h.arn.Resource, ":"); len(parts) > 1 { // function:NAME, whichever way it was named
		r.name = parts[1]
	}
	if own := h.env[variableARN]; own != "" {
		r.name = own
	}
	text := strings.TrimSpace(h.env[variablePublicKey])
	if text == "" {
		return r
	}
	keys, err := envelope.ParseKeys(text)
	if err != nil {
		r.bad = &Refused{Reason: fmt.Sprintf("function %s: its %s cannot be read, so that it injects nothing", h.name, variablePublicKey), Err: err,
			Tip: "give it the key that firedrill faults keygen prints"}
	}
	r.keys = keys
	return r
}

// audience is whom the action's document is for.
func (a *FaultSet) audience() []string {
	if len(a.readers) == 0 {
		return a.factory.deps.Audience
	}
	var names []string
	for _, r := range a.readers {
		names = append(names, r.name)
	}
	return names
}

// trusted are the keys whose signatures all functions behind the place take, as far as that is known.
func (a *FaultSet) trusted() []envelope.Key {
	var keys []envelope.Key
	if s := a.factory.deps.Signer; s != nil {
		keys = append(keys, s.Key())
	}
	for _, r := range a.readers {
		keys = append(keys, r.keys...)
	}
	return slices.DeleteFunc(keys, func(k envelope.Key) bool {
		return slices.ContainsFunc(a.readers, func(r *reader) bool { return r.asks() && !slices.ContainsFunc(r.keys, k.Equal) })
	})
}

// takes refuses a document that the function behind a place would not look at, although something is on in it.
func (l location) takes(doc []byte) error {
	if !l.reader.asks() || envelope.Is(doc) {
		return nil
	}
	if set, _ := fault.Parse(doc); set.Empty() {
		return nil
	}
	if l.reader.bad != nil {
		return l.reader.bad
	}
	return &Refused{Reason: fmt.Sprintf("function %s takes only signed fault sets: it has %s", l.reader.name, variablePublicKey),
		Tip: fmt.Sprintf("sign a fault set for it: firedrill faults sign FILE --key KEY --audience %s; without a key, all faults can be switched off: firedrill faults disable --all", l.reader.name)}
}

// canSign refuses a target whose fault set this process cannot write so that it counts.
func (a *FaultSet) canSign() error {
	signer := a.factory.deps.Signer
	for _, r := range a.readers {
		switch {
		case !r.asks():
		case r.bad != nil:
			return r.bad
		case signer == nil:
			return &Refused{Reason: fmt.Sprintf("function %s takes only signed fault sets: it has %s", r.name, variablePublicKey), Tip: "give the private key: --signing-key FILE, or FIREDRILL_SIGNING_KEY_FILE"}
		case !slices.ContainsFunc(r.keys, signer.Key().Equal):
			return &Refused{Reason: fmt.Sprintf("function %s does not trust the key %s", r.name, signer.Key().ID()), Tip: fmt.Sprintf("give another --signing-key, or add %s to its %s", signer.Key(), variablePublicKey)}
		}
	}
	if signer != nil && len(a.audience()) == 0 {
		return &Refused{Reason: a.place.String() + ": a signed fault set must say which functions it is for", Tip: "name them: --audience NAME, or give the condition a target of {lambda: NAME}"}
	}
	return nil
}

// members reads the document of a store, out of its envelope if it has one. A document is signed with all that is in
// it, so nothing may be on in it but what this run has put there: neither what nobody has signed, nor what
// somebody has signed for a shorter time.
func (a *FaultSet) members(data []byte) (document, error) {
	signer := a.factory.deps.Signer
	sealed := envelope.Is(data)
	if signer == nil && !sealed {
		return parseDocument(data)
	}
	if signer == nil {
		return nil, &Refused{Reason: a.place.String() + " holds a signed fault set, which only a key can change", Tip: "give the private key: --signing-key FILE, or FIREDRILL_SIGNING_KEY_FILE"}
	}
	payload, err := contents(data, a.trusted())
	if err != nil {
		return nil, err
	}
	d, err := parseDocument(payload)
	if err != nil {
		return nil, err
	}
	m, err := d.drill()
	if err != nil {
		return nil, err
	}
	switch set, _ := fault.Parse(payload); {
	case set.Empty():
	case m.Run == a.params.Run && m.Run != "" && !sealed:
		return nil, errors.New("is not signed any more")
	case m.Run == "":
		return nil, &Refused{Reason: a.place.String() + " has faults that are on, and that this run would sign", Tip: "switch them off first, or remove the fault set"}
	}
	return d, nil
}

// contents takes a fault set out of its envelope, if it has one and one of keys has signed it.
func contents(data []byte, keys []envelope.Key) ([]byte, error) {
	if !envelope.Is(data) {
		return data, nil
	}
	e, err := envelope.Parse(data)
	if err == nil {
		_, err = e.SignedBy(keys...)
	}
	return e.Payload, err
}

// unsealed takes a fault set out of its envelope, if it has one, whoever has signed it: for looking, not for signing.
func unsealed(data []byte) []byte {
	if e, err := envelope.Parse(data); err == nil {
		return e.Payload
	}
	return data
}

// encode writes the document with what the run has put there, signed if there is a key.
func (a *FaultSet) encode(d document) ([]byte, error) {
	if a.factory.deps.Signer == nil {
		return d.encode()
	}
	if err := d.address(a.audience()); err != nil {
		return nil, err
	}
	return a.seal(d)
}

func (a *FaultSet) seal(d document) ([]byte, error) {
	payload, err := json.Marshal(d) // as small as it can be: stores hold a few kilobytes
	if err != nil {
		return nil, err
	}
	return a.factory.deps.Signer.Seal(payload)
}

// again writes what is left of a document once our fault is gone. It is signed as it was if we have the key, and
// have not been handed something that nobody we trust has signed. If not, functions that look at signatures inject
// nothing of it, which is safe: unsigned says so in words. What says neither for whom it is nor how long it counts
// was not signed before the run, and a signature would count for nothing.
func (a *FaultSet) again(before []byte, d document) (data []byte, unsigned string, err error) {
	m, err := d.drill()
	if err != nil || !envelope.Is(before) || len(m.Audience) == 0 || m.ExpiresAt == "" {
		data, err = d.encode()
		return data, "", err
	}
	if _, bad := contents(before, a.trusted()); a.factory.deps.Signer != nil && bad == nil {
		data, err = a.seal(d)
		return data, "", err
	}
	data, err = d.encode()
	return data, "it could not be signed again, and is kept unsigned: functions that ask for signatures inject nothing of it (firedrill faults sign)", err
}

// signature says how the document is signed, for plans.
func (a *FaultSet) signature() string {
	if a.factory.deps.Signer == nil {
		return ""
	}
	return fmt.Sprintf(", signed by %s for %s", a.factory.deps.Signer.Key().ID(), strings.Join(a.audience(), ", "))
}

// address adds functions to those that the document is for.
func (d document) address(audience []string) error {
	m, err := d.drill()
	if err != nil {
		return err
	}
	for _, name := range audience {
		if !slices.Contains(m.Audience, name) {
			m.Audience = append(m.Audience, name)
		}
	}
	raw, err := json.Marshal(m)
	d[memberDrill] = raw
	return err
}
