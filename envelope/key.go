package envelope

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
)

// maxKeys bounds, with maxSignatures, what checking one document costs: 64 verifications, some milliseconds.
const maxKeys = 8

// subjectPublicKeyInfo is what stands before the 32 bytes of an Ed25519 public key in its PKIX form (RFC 8410). It
// is always the same, so functions need no ASN.1 to read one.
const subjectPublicKeyInfo = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

// A Key is an Ed25519 public key.
type Key struct{ public ed25519.PublicKey }

// ID is the first 16 hexadecimal digits of the SHA-256 of the key's bytes.
func (k Key) ID() string {
	sum := sha256.Sum256(k.public)
	return hex.EncodeToString(sum[:8])
}

// String is the key as functions are given it: the base64 of its 32 bytes.
func (k Key) String() string { return base64.StdEncoding.EncodeToString(k.public) }

// PKIX is the key in the form that other tools read, DER.
func (k Key) PKIX() []byte { return append([]byte(subjectPublicKeyInfo), k.public...) }

// Equal reports whether two keys are the same.
func (k Key) Equal(other Key) bool { return k.public.Equal(other.public) }

// ParseKeys reads public keys, with commas between them: each the base64 of 32 bytes, or PEM, in which line feeds
// may be left out, or be spaces or "\n". The error is an *Error.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	for i, part := range strings.Split(text, ",") {
		key, err := parseKey(part)
		if err != nil {
			return nil, &Error{"", fmt.Sprintf("key %d of %d %v", i+1, strings.Count(text, ",")+1, err)}
		}
		keys = append(keys, key)
	}
	if len(keys) > maxKeys {
		return nil, &Error{"", fmt.Sprintf("are %d keys, more than %d", len(keys), maxKeys)}
	}
	return keys, nil
}

func parseKey(text string) (Key, error) {
	if strings.Contains(text, "PRIVATE KEY") {
		return Key{}, fmt.Errorf("is a private key, which no function may have") // said without repeating it
	}
	armoured := strings.Contains(text, "-----")
	text = strings.NewReplacer("-----BEGIN PUBLIC KEY-----", "", "-----END PUBLIC KEY-----", "", `\n`, "").Replace(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
	der, err := decode(text)
	if err != nil {
		return Key{}, fmt.Errorf("is not base64")
	}
	raw, ok := strings.CutPrefix(string(der), subjectPublicKeyInfo)
	if len(raw) != ed25519.PublicKeySize || ok != armoured {
		return Key{}, fmt.Errorf("is not an Ed25519 public key: %d bytes instead of %d", len(raw), ed25519.PublicKeySize)
	}
	return Key{ed25519.PublicKey(raw)}, nil
}

// A Signer makes envelopes. It holds a private key, which none of its methods tells.
type Signer struct{ private ed25519.PrivateKey }

// NewSigner makes a signer.
func NewSigner(private ed25519.PrivateKey) *Signer { return &Signer{private} }

// Key is the public key of what it signs.
func (s *Signer) Key() Key { return Key{s.private.Public().(ed25519.PublicKey)} }

// String names the signer by its key id.
func (s *Signer) String() string { return "signer " + s.Key().ID() }

// GoString names the signer by its key id.
func (s *Signer) GoString() string { return s.String() }

// Seal puts a payload into a signed envelope, as JSON with a line feed at its end.
func (s *Signer) Seal(payload []byte) ([]byte, error) {
	sig := ed25519.Sign(s.private, encoding(PayloadType, payload))
	doc, err := json.MarshalIndent(wire{
		PayloadType: PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []wireSignature{{s.Key().ID(), base64.StdEncoding.EncodeToString(sig)}},
	}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(doc, '\n'), nil
}
