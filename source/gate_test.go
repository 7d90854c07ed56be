package source

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/fault"
)

func testSigner(b byte) *envelope.Signer {
	return envelope.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, 32)))
}

func sealed(t testing.TB, s *envelope.Signer, payload string) string {
	t.Helper()
	doc, err := s.Seal([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// faultsFor is a fault set with the member "firedrill".
func faultsFor(drill string) string {
	return `{"exception":{"enabled":true},"firedrill":{` + drill + `}}`
}

func TestGate(t *testing.T) {
	now := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	expires := func(d time.Duration) string { return fmt.Sprintf(`"expires_at":%q`, now.Add(d).Format(time.RFC3339)) }
	const audience = `"audience":["shop"]`
	soon := expires(time.Minute)
	ours, theirs := testSigner(1), testSigner(2)
	good := sealed(t, ours, faultsFor(audience+","+soon))
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
	keyed := []string{PublicKey, ours.Key().String(), functionName, "shop"}
	open := []string{functionName, "shop"}
	tests := []struct {
		name  string
		env   []string
		doc   string
		armed bool
		want  string // FIELD: REASON of the only problem
	}{
		{"signed", keyed, good, true, ""},
		{"signed by the second key", []string{PublicKey, theirs.Key().String() + "," + ours.Key().String(), functionName, "shop"}, good, true, ""},
		{"unsigned", keyed, faultsFor(audience + "," + soon), false, "signatures: are missing"},
		{"unsigned and wrong", keyed, `{"exception":{"enabled":3}}`, false, "signatures: are missing"},
		{"unsigned, but nothing in it", keyed, `{}`, false, ""},
		{"unsigned, nothing enabled", keyed, `{"exception":{"enabled":false}}`, false, ""},
		{"junk", keyed, `nonsense`, false, "signatures: are missing"},
		{"another's signature", keyed, sealed(t, theirs, faultsFor(audience+","+soon)), false, "signatures: none is valid and of a trusted key (" + ours.Key().ID() + ")"},
		{"payload of another envelope", keyed, strings.Replace(good, between(good), between(sealed(t, ours, faultsFor(`"audience":["*"],`+soon))), 1), false, "signatures: none is valid"},
		{"another type", keyed, strings.Replace(good, "vnd.firedrill", "vnd.other", 1), false, "payloadType: is not " + envelope.PayloadType},
		{"cut off", keyed, `{"payload":"e30="}`, false, "payloadType: is not"},
		{"no audience", keyed, sealed(t, ours, faultsFor(soon)), false, "firedrill.audience: is missing"},
		{"another's audience", keyed, sealed(t, ours, faultsFor(`"audience":["pay","shopping"],`+soon)), false, "firedrill.audience: pay, shopping does not name this function (shop)"},
		{"everybody", keyed, sealed(t, ours, faultsFor(`"audience":["*"],`+soon)), true, ""},
		{"a name's beginning", keyed, sealed(t, ours, faultsFor(`"audience":["pay","sh*"],`+soon)), true, ""},
		{"an ARN that we do not know", keyed, sealed(t, ours, faultsFor(`"audience":["`+arn+`"],`+soon)), false, "firedrill.audience: "},
		{"our ARN", append([]string{FunctionARN, arn}, keyed...), sealed(t, ours, faultsFor(`"audience":["`+arn+`"],`+soon)), true, ""},
		{"no name of ours", []string{PublicKey, ours.Key().String()}, good, false, "firedrill.audience: shop does not name this function (AWS_LAMBDA_FUNCTION_NAME is not set)"},
		{"a malformed audience", keyed, sealed(t, ours, faultsFor(`"audience":["s*p"],`+soon)), false, "firedrill.audience: "},
		{"no lease", keyed, sealed(t, ours, faultsFor(audience)), false, "firedrill.expires_at: is missing"},
		{"a lease that has passed", keyed, sealed(t, ours, faultsFor(audience+","+expires(0))), false, "firedrill.expires_at: 2026-11-21T10:00:00Z has passed"},
		{"a lease that has passed an hour ago", keyed, sealed(t, ours, faultsFor(audience+","+expires(-time.Hour))), false, "firedrill.expires_at: 2026-11-21T09:00:00Z has passed"},
		{"the longest lease", keyed, sealed(t, ours, faultsFor(audience+","+expires(MaxLease))), true, ""},
		{"too long a lease", keyed, sealed(t, ours, faultsFor(audience+","+expires(MaxLease+time.Second))), false, "firedrill.expires_at: 2026-11-22T10:00:01Z is more than 24h0m0s ahead"},
		{"a bad lease", keyed, sealed(t, ours, faultsFor(audience+`,"expires_at":"tomorrow"`)), false, "firedrill.expires_at: "},
		{"signed nothing", keyed, sealed(t, ours, `{}`), false, ""},
		{"signed junk", keyed, sealed(t, ours, "\x00"), false, ": "},

		{"without a key: unsigned", open, faultsFor(""), true, ""},
		{"without a key: signed", open, good, true, "signatures: are not checked"},
		{"without a key: malformed", open, `{"signatures":3}`, false, ": is not an envelope"},
		{"without a key: another's audience", open, faultsFor(`"audience":["pay"]`), false, "firedrill.audience: pay does not name"},
		{"without a key: a lease that has passed", open, faultsFor(expires(-time.Second)), false, "firedrill.expires_at: 2026-11-21T09:59:59Z has passed"},
		{"without a key: a long lease", open, faultsFor(expires(48 * time.Hour)), true, "firedrill.expires_at: 2026-11-23T10:00:00Z is more than 24h0m0s ahead"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g, problem := NewGate(environ(test.env...))
			if problem != nil {
				t.Fatal(problem)
			}
			set, problems := g.Admit([]byte(test.doc), now)
			if armed := set != nil; armed != test.armed {
				t.Errorf("armed %v, want %v", armed, test.armed)
			}
			if (len(problems) == 1) != (test.want != "") || len(problems) > 0 && !strings.Contains(line(problems[0]), test.want) {
				t.Errorf("problems %v, want %s", problems, test.want)
			}
			for _, p := range problems {
				if !p.Warning && test.armed || p.Warning && !test.armed {
					t.Errorf("armed, and %v is a warning: %v", p, p.Warning)
				}
			}
		})
	}
}

func line(p fault.Problem) string {
	if p.Value != "" {
		p.Value += " "
	}
	return p.Field + ": " + p.Value + p.Message
}

// between is an envelope's payload as it is written.
func between(doc string) string {
	_, rest, _ := strings.Cut(doc, `"payload": "`)
	payload, _, _ := strings.Cut(rest, `"`)
	return payload
}

// A key that cannot be read lets nothing in, wherever the fault set is.
func TestMalformedKeyDisarms(t *testing.T) {
	for _, key := range []string{"secret", "AAAA", testSigner(1).Key().String() + ",", "-----BEGIN PRIVATE KEY-----"} {
		for _, config := range [][]string{{Config, armed}, {Config, "env:FAULTS", "FAULTS", armed}, {Config, "file:/no/such"}} {
			var log bytes.Buffer
			if s := FromEnv(environ(append([]string{PublicKey, key}, config...)...), &log); s != nil {
				t.Errorf("%s: there is a source", key)
			}
			checkLog(t, log.String(), `"field":"FIREDRILL_PUBLIC_KEY"`)
			if strings.Contains(log.String(), "secret") {
				t.Error(log.String())
			}
		}
	}
}

// Signatures that nobody checks are told of once, although a run writes a new document every few seconds.
func TestUncheckedSignaturesAreToldOnce(t *testing.T) {
	g, _ := NewGate(environ())
	for i := range 3 {
		doc := sealed(t, testSigner(1), fmt.Sprintf(`{"exception":{"enabled":true},"firedrill":{"seed":%d}}`, i))
		if _, problems := g.Admit([]byte(doc), time.Now()); (len(problems) == 1) != (i == 0) {
			t.Errorf("%d: %v", i, problems)
		}
	}
}

// A signature is checked when the document changes, not at each invocation: a look at an unchanged one allocates
// nothing, as a check would.
func TestSignedFileIsCheckedOnce(t *testing.T) {
	f := &fixture{t: t, path: t.TempDir() + "/faults.json"}
	f.write(sealed(t, testSigner(1), faultsFor(fmt.Sprintf(`"audience":["shop"],"expires_at":%q`, time.Now().Add(time.Hour).Format(time.RFC3339)))))
	f.s = FromEnv(environ(Config, "file:"+f.path, PublicKey, testSigner(1).Key().String(), functionName, "shop"), &f.log)
	f.now = time.Now()
	if !f.armedAfter(0) {
		t.Fatal(f.log.String())
	}
	set := f.s.Faults(f.now)
	if n := testing.AllocsPerRun(100, func() { f.armedAfter(0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if f.armedAfter(time.Second); f.s.Faults(f.now) != set {
		t.Error("an unchanged file was read into another set")
	}
	f.replace(sealed(t, testSigner(2), "{}"))
	if f.armedAfter(time.Second) {
		t.Error("a forged envelope did not disarm")
	}
	checkLog(t, f.log.String(), "none is valid and of a trusted key")
}

// Whatever stands in a document, a gate that wants signatures lets in only what was signed.
func FuzzGate(f *testing.F) {
	key := testSigner(1)
	f.Add([]byte(armed))
	f.Add([]byte(sealed(f, testSigner(2), faultsFor(`"audience":["*"]`))))
	f.Add([]byte(`{"payload":"e30=","payloadType":"` + envelope.PayloadType + `","signatures":[]}`))
	g, _ := NewGate(environ(PublicKey, key.Key().String(), functionName, "shop"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if set, problems := g.Admit(doc, time.Now()); set != nil {
			t.Errorf("%s is let in: %v", doc, problems)
		}
	})
}
