package envelope

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"testing"
)

// signer is a key that anybody can make: its seed is 32 bytes of one value.
func signer(b byte) *Signer { return NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32))) }

// The example of the specification.
func TestPreAuthenticationEncoding(t *testing.T) {
	if got, want := string(encoding("http://example.com/HelloWorld", []byte("hello world"))), "DSSEv1 29 http://example.com/HelloWorld 11 hello world"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func seal(t testing.TB, s *Signer, payload string) string {
	t.Helper()
	doc, err := s.Seal([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

func TestRoundTrip(t *testing.T) {
	for _, payload := range []string{"", "{}", `{"latency":{}}`, "\x00\xff not JSON"} {
		doc := seal(t, signer(1), payload)
		if !Is([]byte(doc)) {
			t.Errorf("%s is not an envelope", doc)
		}
		e, err := Parse([]byte(doc))
		if err != nil || string(e.Payload) != payload {
			t.Fatalf("%q, %v", e.Payload, err)
		}
		if key, err := e.SignedBy(signer(2).Key(), signer(1).Key()); err != nil || !key.Equal(signer(1).Key()) {
			t.Error(key, err)
		}
		if _, err := e.SignedBy(signer(2).Key()); err == nil || !strings.Contains(err.Error(), signer(2).Key().ID()) {
			t.Errorf("another key is accepted: %v", err)
		}
		if _, err := e.SignedBy(); err == nil {
			t.Error("no key is accepted")
		}
		if _, err := e.SignedBy(Key{}); err == nil {
			t.Error("an empty key is accepted")
		}
	}
}

// The file was signed by this code once and checked with OpenSSL: a format that changes by accident is told here.
func TestStoredEnvelope(t *testing.T) {
	doc, err := os.ReadFile("testdata/signed.json")
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(doc)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.SignedBy(signer(1).Key()); err != nil {
		t.Error(err)
	}
	if got := seal(t, signer(1), string(e.Payload)); got != string(doc) {
		t.Errorf("signed today it is\n%s", got)
	}
}

// Every byte of an envelope is either without meaning or protected.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	const payload = `{"exception":{"enabled":true}}`
	doc := []byte(seal(t, signer(1), payload))
	for i := range doc {
		for _, flip := range []byte{1, 0x20, 0x80} {
			changed := bytes.Clone(doc)
			changed[i] ^= flip
			e, err := Parse(changed)
			if err != nil {
				continue
			}
			if _, err := e.SignedBy(signer(1).Key()); err == nil && string(e.Payload) != payload {
				t.Fatalf("byte %d: %s is accepted", i, changed)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	sig := strings.Repeat("A", 86) + "=="
	one := fmt.Sprintf(`{"keyid":"x","sig":%q}`, sig)
	tests := []struct{ name, doc, field, reason string }{
		{"nothing", "", "", "not an envelope"},
		{"an array", "[]", "", "not an envelope"},
		{"two documents", `{} {}`, "", "not an envelope"},
		{"another type", `{"payloadType":"text/plain","payload":"e30=","signatures":[` + one + `]}`, "payloadType", "is not"},
		{"no type", `{"payload":"e30=","signatures":[` + one + `]}`, "payloadType", "is not"},
		{"payload that is no text", `{"payloadType":"` + PayloadType + `","payload":{}}`, "", "not an envelope"},
		{"payload that is no base64", `{"payloadType":"` + PayloadType + `","payload":"{}"}`, "payload", "base64"},
		{"no signatures", `{"payloadType":"` + PayloadType + `","payload":"e30="}`, "signatures", "missing"},
		{"empty signatures", `{"payloadType":"` + PayloadType + `","payload":"e30=","signatures":[]}`, "signatures", "missing"},
		{"short signature", `{"payloadType":"` + PayloadType + `","payload":"e30=","signatures":[{"sig":"AAAA"}]}`, "signatures[0].sig", "64 bytes"},
		{"second signature", `{"payloadType":"` + PayloadType + `","payload":"e30=","signatures":[` + one + `,null]}`, "signatures[1].sig", "64 bytes"},
		{"many", `{"payloadType":"` + PayloadType + `","payload":"e30=","signatures":[` + strings.Repeat(one+",", 8) + one + `]}`, "signatures", "9, more than 8"},
		{"huge", `{"payload":"` + strings.Repeat("A", 2<<20) + `"}`, "", "more than"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse([]byte(test.doc))
			e, ok := err.(*Error)
			if !ok || e.Field != test.field || !strings.Contains(e.Error(), test.reason) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestIs(t *testing.T) {
	for doc, want := range map[string]bool{
		"": false, "{}": false, "[]": false, "null": false, `{"latency":{"enabled":true}}`: false, `"payload"`: false,
		`{"payload":1}`: true, `{"signatures":[]}`: true, `{"payloadType":null}`: true, `{"Payload":""}`: true,
	} {
		if got := Is([]byte(doc)); got != want {
			t.Errorf("%s: %v", doc, got)
		}
	}
}

func TestParseKeys(t *testing.T) {
	a, b := signer(1).Key(), signer(2).Key()
	block := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: a.PKIX()}))
	private := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")}))
	good := map[string][]Key{
		a.String():                             {a},
		" " + a.String() + "\n, " + b.String(): {a, b},
		strings.TrimRight(a.String(), "="):     {a},
		block:                                  {a},
		strings.ReplaceAll(block, "\n", ""):    {a},
		strings.ReplaceAll(block, "\n", " ") + "," + b.String(): {a, b},
		strings.ReplaceAll(block, "\n", `\n`):                   {a},
		base64.RawURLEncoding.EncodeToString(a.public):          {a},
	}
	for text, want := range good {
		got, err := ParseKeys(text)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for i := range want {
			if !got[i].Equal(want[i]) {
				t.Errorf("%q: key %d is %v", text, i, got[i])
			}
		}
	}
	bad := map[string]string{
		"": "0 bytes instead of 32", ",": "key 1 of 2", "{}": "not base64", "AAAA": "3 bytes", a.String() + ",": "key 2 of 2",
		private: "is a private key", strings.ReplaceAll(block, "-----", ""): "not base64",
		base64.StdEncoding.EncodeToString(a.PKIX()):    "not an Ed25519 public key",
		strings.Repeat(a.String()+",", 8) + a.String(): "9 keys, more than 8",
	}
	for text, want := range bad {
		if _, err := ParseKeys(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestSignerTellsNothing(t *testing.T) {
	s := signer(7)
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s", s, s, s, s)} {
		if strings.Contains(text, "[7 7") || strings.Contains(text, "0x7") || !strings.Contains(text, s.Key().ID()) {
			t.Error(text)
		}
	}
}

func FuzzParse(f *testing.F) {
	key := signer(1).Key()
	f.Add([]byte(seal(f, signer(1), "{}")))
	f.Add([]byte(`{"payloadType":"` + PayloadType + `","payload":"e30","signatures":[{"sig":""}]}`))
	f.Add([]byte(`{"payload":null,"signatures":[null]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		e, err := Parse(doc)
		if err != nil {
			return
		}
		if !Is(doc) {
			t.Error("parsed, but not an envelope")
		}
		// A fuzzer cannot forge a signature: whatever is accepted is what was signed.
		if _, err := e.SignedBy(key); err == nil && string(e.Payload) != "{}" {
			t.Errorf("forged: %s", doc)
		}
	})
}

func FuzzParseKeys(f *testing.F) {
	f.Add(signer(1).Key().String())
	f.Add("-----BEGIN PUBLIC KEY-----MCowBQYDK2VwAyEA-----END PUBLIC KEY-----")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseKeys(text)
		if err != nil {
			return
		}
		for _, key := range keys {
			again, err := ParseKeys(key.String())
			if err != nil || !again[0].Equal(key) {
				t.Errorf("%q: %v, %v", text, again, err)
			}
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	doc := []byte(seal(b, signer(1), `{"exception":{"enabled":true}}`))
	for b.Loop() {
		e, err := Parse(doc)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := e.SignedBy(signer(1).Key()); err != nil {
			b.Fatal(err)
		}
	}
}
