package conformance

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
)

// Function is the name of the function that the inputs are made for.
const Function = "shop"

// Signer is one of several keys that anybody can make.
func Signer(n byte) *envelope.Signer {
	return envelope.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{n}, ed25519.SeedSize)))
}

// Signed is a document in an envelope of a Signer's.
func Signed(n byte, document string) string {
	text, err := Signer(n).Seal([]byte(document))
	if err != nil {
		panic(err) // texts always marshal
	}
	return string(text)
}

// Addressed is a fault set that names a function, and ends.
func Addressed(function string, expires time.Time) string {
	return Document(exception(), Member(exception(), nil), map[string]any{"firedrill": map[string]any{
		"audience": []any{function}, "expires_at": expires.UTC().Format(time.RFC3339)}})
}

// signatures are refused by a function that trusts the first Signer alone.
func signatures(now time.Time) []BadInput {
	soon := now.Add(time.Hour)
	good := Addressed(Function, soon)
	keyed := []string{"FIREDRILL_PUBLIC_KEY", Signer(1).Key().String(), "AWS_LAMBDA_FUNCTION_NAME", Function}
	drill := func(member map[string]any) string {
		return Signed(1, Document(exception(), Member(exception(), nil), map[string]any{"firedrill": member}))
	}
	return []BadInput{
		{"signature: none", good, "signatures", keyed},
		{"signature: another's", Signed(2, good), "signatures", keyed},
		{"signature: of another document", strings.Replace(Signed(1, good), payload(Signed(1, good)), payload(Signed(1, Addressed("*", soon))), 1), "signatures", keyed},
		{"signature: of another type", strings.Replace(Signed(1, good), envelope.PayloadType, "text/plain", 1), "payloadType", keyed},
		{"signature: too short", strings.Replace(Signed(1, good), `"sig": "`, `"sig": "A", "x": "`, 1), "signatures[0].sig", keyed},
		{"signature: for another function", Signed(1, Addressed("pay", soon)), "firedrill.audience", keyed},
		{"signature: for nobody", drill(map[string]any{"expires_at": soon.UTC().Format(time.RFC3339)}), "firedrill.audience", keyed},
		{"signature: without an end", drill(map[string]any{"audience": []any{Function}}), "firedrill.expires_at", keyed},
		{"signature: expired", Signed(1, Addressed(Function, now.Add(-time.Second))), "firedrill.expires_at", keyed},
		{"signature: expired, by a clock that is an hour ahead", Signed(1, Addressed(Function, now.Add(-time.Hour))), "firedrill.expires_at", keyed},
		{"signature: far in the future", Signed(1, Addressed(Function, now.Add(25*time.Hour))), "firedrill.expires_at", keyed},
		{"signature: a year in the future", Signed(1, Addressed(Function, now.Add(8760*time.Hour))), "firedrill.expires_at", keyed},
		{"signature: of no fault set", Signed(1, "\x00"), "", keyed},
		{"key: malformed", Signed(1, good), "FIREDRILL_PUBLIC_KEY", append([]string{"FIREDRILL_PUBLIC_KEY", "no key"}, keyed[2:]...)},
		{"key: malformed, and nothing signed", good, "FIREDRILL_PUBLIC_KEY", append([]string{"FIREDRILL_PUBLIC_KEY", "AAAA"}, keyed[2:]...)},
	}
}

// payload is an envelope's payload, as it is written.
func payload(doc string) string {
	_, rest, _ := strings.Cut(doc, `"payload": "`)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}
