package envelope

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// PayloadType is what an envelope of ours holds. It is signed with the payload, so that no other document that the
// key has signed can be passed off as a fault set.
const PayloadType = "application/vnd.firedrill.fault-set+json"

const (
	maxDocument = 2 << 20
	// maxSignatures bounds the work that a hostile document can make: each is checked against each trusted key.
	maxSignatures = 8
)

// An Envelope is a payload with its signatures, none of which has been checked.
type Envelope struct {
	Payload    []byte
	signatures [][]byte
}

// An Error is what is wrong with an envelope or a key, at the member that it names.
type Error struct {
	Field  string // "payload", "payloadType", "signatures", "signatures[0].sig"; "" for the document
	Reason string
}

// Error says which member is wrong, and why.
func (e *Error) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + " " + e.Reason
}

// wire is an envelope as it is written.
type wire struct {
	PayloadType string          `json:"payloadType"`
	Payload     string          `json:"payload"`
	Signatures  []wireSignature `json:"signatures"`
}

type wireSignature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// Is reports whether a document is meant to be an envelope: a JSON object with one of its members. No fault set has
// one of them.
func Is(doc []byte) bool {
	if len(doc) > maxDocument {
		return false
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(doc, &members) != nil {
		return false
	}
	for name := range members {
		for _, ours := range []string{"payloadType", "payload", "signatures"} {
			if strings.EqualFold(name, ours) { // as Parse reads them
				return true
			}
		}
	}
	return false
}

// Parse reads an envelope. The error is an *Error.
func Parse(doc []byte) (Envelope, error) {
	var e Envelope
	if len(doc) > maxDocument {
		return e, &Error{"", fmt.Sprintf("has %d bytes, more than %d", len(doc), maxDocument)}
	}
	var w wire
	if err := json.Unmarshal(doc, &w); err != nil {
		return e, &Error{"", "is not an envelope: " + brief(err)}
	}
	if w.PayloadType != PayloadType {
		return e, &Error{"payloadType", "is not " + PayloadType}
	}
	var err error
	if e.Payload, err = decode(w.Payload); err != nil {
		return e, &Error{"payload", "is not base64: " + err.Error()}
	}
	if len(w.Signatures) == 0 {
		return e, &Error{"signatures", "are missing"}
	}
	if n := len(w.Signatures); n > maxSignatures {
		return e, &Error{"signatures", fmt.Sprintf("are %d, more than %d", n, maxSignatures)}
	}
	for i, s := range w.Signatures {
		sig, err := decode(s.Sig)
		if err != nil || len(sig) != ed25519.SignatureSize {
			return e, &Error{fmt.Sprintf("signatures[%d].sig", i), fmt.Sprintf("is not the base64 of %d bytes", ed25519.SignatureSize)}
		}
		e.signatures = append(e.signatures, sig)
	}
	return e, nil
}

// SignedBy returns the first of keys that has signed the envelope. The error is an *Error.
func (e Envelope) SignedBy(keys ...Key) (Key, error) {
	message := encoding(PayloadType, e.Payload)
	for _, key := range keys {
		for _, sig := range e.signatures {
			if key.public != nil && ed25519.Verify(key.public, message, sig) {
				return key, nil
			}
		}
	}
	var ids []string
	for _, key := range keys {
		ids = append(ids, key.ID())
	}
	return Key{}, &Error{"signatures", "none is valid and of a trusted key (" + strings.Join(ids, ", ") + ")"}
}

// brief is an error's text, in which a document may be quoted at length.
func brief(err error) string {
	const most = 200
	text := err.Error()
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// encoding is DSSE's pre-authentication encoding: what is signed.
func encoding(payloadType string, payload []byte) []byte {
	message := make([]byte, 0, len(payloadType)+len(payload)+32)
	message = append(message, "DSSEv1 "...)
	message = strconv.AppendInt(message, int64(len(payloadType)), 10)
	message = append(message, ' ')
	message = append(message, payloadType...)
	message = append(message, ' ')
	message = strconv.AppendInt(message, int64(len(payload)), 10)
	message = append(message, ' ')
	return append(message, payload...)
}

// decode reads either alphabet of base64, padded or not: DSSE lets producers choose.
func decode(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	if strings.ContainsAny(text, "-_") {
		return base64.RawURLEncoding.DecodeString(text)
	}
	return base64.RawStdEncoding.DecodeString(text)
}
