package action

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/firedrill-dev/firedrill/envelope"
	"github.com/firedrill-dev/firedrill/experiment"
	"github.com/firedrill-dev/firedrill/fault"
	"github.com/firedrill-dev/firedrill/source"
)

// seeds are of the keys of this file's people.
var seeds = [][]byte{bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)}

func testSigner(i int) *envelope.Signer { return envelope.NewSigner(ed25519.NewKeyFromSeed(seeds[i])) }

func sealedBy(t *testing.T, s *envelope.Signer, text string) string {
	t.Helper()
	doc, err := s.Seal([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestSignedRefusals: a run that could not sign, or would sign what is not its own, is refused before it changes anything.
func TestSignedRefusals(t *testing.T) {
	const on = `{"exception":{"enabled":true},"firedrill":{"audience":["shop"],"expires_at":"2999-01-01T00:00:00Z"}}`
	ours, theirs := testSigner(0), testSigner(1)
	tests := []struct {
		name, text string
		keys       string // of the function
		signer     *envelope.Signer
		want, hint string
	}{
		{"no key", "{}", ours.Key().String(), nil, "takes only signed fault sets", "--signing-key"},
		{"a key that is not trusted", "{}", ours.Key().String(), theirs, "does not trust the key " + theirs.Key().ID(), theirs.Key().String()},
		{"a public key that cannot be read", "{}", "nonsense", ours, "FIREDRILL_PUBLIC_KEY cannot be read", "keygen"},
		{"an envelope, and no key", sealedBy(t, ours, "{}"), "", nil, "holds a signed fault set", "--signing-key"},
		{"an envelope of somebody else", sealedBy(t, theirs, "{}"), ours.Key().String(), ours, "signatures none is valid", "mend or remove"},
		{"an envelope that is malformed", `{"payload":3}`, ours.Key().String(), ours, "not an envelope", "mend or remove"},
		{"faults that nobody has signed", on, ours.Key().String(), ours, "this run would sign", "switch them off"},
		{"faults that somebody has signed for a time", sealedBy(t, ours, on), ours.Key().String(), ours, "this run would sign", "switch them off"},
		{"another run's", sealedBy(t, ours, `{"firedrill":{"run":"OTHER"}}`), ours.Key().String(), ours, "armed by run OTHER", "recover OTHER"},
		{"this run's, but not signed", `{"exception":{"enabled":true},"firedrill":{"run":"RUN"}}`, ours.Key().String(), ours, "not signed any more", "mend or remove"},
		{"signed by the owner's other key", sealedBy(t, theirs, "{}"), ours.Key().String() + "," + theirs.Key().String(), ours, "", ""},
		{"a key that nobody asks for", "{}", "", ours, "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := envPlace(t, "variable", "FAULTS", test.text, true)
			p.deps.Lambda.(*fakeLambda).edit(func(v map[string]string) { v[variablePublicKey] = test.keys })
			p.deps.Signer = test.signer
			sets, err := p.factory().FaultSets(t.Context(), p.latency(), params("RUN"))
			if err == nil {
				_, err = sets[0].Prepare(t.Context())
			}
			if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || !strings.Contains(hint(err), test.hint)) {
				t.Errorf("got %v (hint %q)", err, hint(err))
			}
			p.is(t, test.text, true)
		})
	}
	p := filePlace(t, "file", "{}", true)
	p.deps.Signer = ours
	if _, err := p.factory().FaultSets(t.Context(), p.latency(), params("RUN")); !strings.Contains(hint(err), "--audience") {
		t.Errorf("a file for nobody: %v", err)
	}
}

// TestFunctionsTakeWhatIsSigned: the function behind the place lets in what a run writes, and nothing tells the key.
func TestFunctionsTakeWhatIsSigned(t *testing.T) {
	const arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop"
	for _, known := range []string{"", arn} {
		synctest.Test(t, func(t *testing.T) {
			p := signedPlace(envPlace(t, "variable", "FAULTS", "", false), false)
			p.deps.Lambda.(*fakeLambda).edit(func(v map[string]string) { v[variableARN] = known })
			f := p.factory()
			a, undo := p.applied(t, f, p.latency())
			_, second := p.applied(t, f, p.exception())
			if err := a.Renew(t.Context(), undo, 50); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"FIREDRILL_PUBLIC_KEY": p.signer.Key().String(), "AWS_LAMBDA_FUNCTION_NAME": "shop", "FIREDRILL_FUNCTION_ARN": known}
			gate, problem := source.NewGate(func(name string) string { return env[name] })
			if problem != nil {
				t.Fatal(problem)
			}
			text, _ := p.get()
			set, problems := gate.Admit([]byte(text), time.Now())
			if set == nil || len(problems) > 0 || len(set.Armed()) != 2 {
				t.Errorf("%v of %s", problems, text)
			}
			if want := map[bool]string{true: arn, false: "shop"}[known != ""]; len(set.Audience()) != 1 || set.Audience()[0] != want {
				t.Errorf("for %v, want %s", set.Audience(), want)
			}
			for _, told := range []string{string(undo), string(second), text} {
				if private := ed25519.NewKeyFromSeed(seeds[0]); strings.Contains(told, base64.StdEncoding.EncodeToString(seeds[0])) ||
					strings.Contains(told, hex.EncodeToString(seeds[0])) || strings.Contains(told, base64.StdEncoding.EncodeToString(private)) {
					t.Errorf("the key is in %s", told)
				}
			}
		})
	}
}

// TestForgedWhileArmed: what somebody without a key puts in the place of our envelope is not signed at the next renewal.
func TestForgedWhileArmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := signedPlace(filePlace(t, "file", "", false), false)
		a, undo := p.applied(t, p.factory(), p.latency())
		text, _ := p.get()
		payload := string(unsealed([]byte(text)))
		worse := strings.Replace(payload, `"latency"`, `"exception":{"enabled":true},"latency"`, 1)
		for name, forged := range map[string]string{"unsigned": worse, "signed by somebody else": sealedBy(t, testSigner(1), worse)} {
			p.set(forged)
			var quiet *Drift
			if err := a.Renew(t.Context(), undo, 100); err == nil || errors.As(err, &quiet) {
				t.Errorf("%s: renewed, %v", name, err)
			}
			p.is(t, forged, true)
			p.set(text)
			if err := a.Renew(t.Context(), undo, 100); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
		p.set(worse)
		var drift *Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Error(err)
		}
		if text, _ := p.get(); envelope.Is([]byte(text)) || !strings.Contains(text, "exception") {
			t.Errorf("somebody else's unsigned edit became %s", text)
		}
	})
}

// TestRecoveryOfSignedDrift: what somebody with a key has added while our fault was there is kept; it is signed
// again where the key is at hand, and not in force for those who ask for signatures where it is not.
func TestRecoveryOfSignedDrift(t *testing.T) {
	for _, keyless := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			p := signedPlace(filePlace(t, "file", quietText, true), keyless)
			_, undo := p.applied(t, p.factory(), p.latency())
			text, _ := p.get()
			d, err := parseDocument(unsealed([]byte(text)))
			if err != nil {
				t.Fatal(err)
			}
			d["timeout"] = []byte(`{"enabled":true}`)
			edited, err := d.encode()
			if err != nil {
				t.Fatal(err)
			}
			p.set(p.seal(string(edited)))
			err = p.elsewhere(t, undo)
			var drift *Drift
			if !errors.As(err, &drift) || strings.Contains(drift.What, "unsigned") != keyless {
				t.Errorf("keyless %v: %v", keyless, err)
			}
			text, _ = p.get()
			if envelope.Is([]byte(text)) == keyless {
				t.Errorf("keyless %v: %s", keyless, text)
			}
			left, err := parseDocument(unsealed([]byte(text)))
			if err != nil || left["timeout"] == nil || strings.Contains(string(left["latency"]), "200") {
				t.Errorf("keyless %v: %s, %v", keyless, text, err)
			}
		})
	}
}

// TestByHandWithoutAKey: by hand everything can be switched off, and nothing left on that the function would not take.
func TestByHandWithoutAKey(t *testing.T) {
	const two = `{"exception":{"enabled":true},"latency":{"enabled":true,"min_latency":1}}`
	for _, test := range []struct {
		name string
		edit func(text []byte) ([]byte, error)
		want bool
	}{
		{"all off", func(text []byte) ([]byte, error) { next, _, err := Off(text, nil, time.Now()); return next, err }, true},
		{"one of two off", func(text []byte) ([]byte, error) {
			next, _, err := Off(text, []fault.Kind{"latency"}, time.Now())
			return next, err
		}, false},
		{"unsigned, and on", func([]byte) ([]byte, error) { return []byte(two), nil }, false},
		{"signed, and on", func([]byte) ([]byte, error) { return []byte(sealedBy(t, testSigner(0), two)), nil }, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := signedPlace(envPlace(t, "variable", "FAULTS", "", true), false)
				before := p.seal(two)
				p.set(before)
				e, err := p.factory().Editor(t.Context(), p.target)
				if err != nil {
					t.Fatal(err)
				}
				err = e.Update(t.Context(), func(now Content) (Content, error) {
					next, err := test.edit(now.Text)
					return Content{Text: next, Exists: true}, err
				})
				if (err == nil) != test.want || err != nil && !strings.Contains(hint(err), "disable --all") {
					t.Errorf("%v (hint %q)", err, hint(err))
				}
				if now, _ := p.get(); (now == before) == test.want && test.name != "signed, and on" {
					t.Errorf("left: %s", now)
				}
			})
		})
	}
}

// TestSharedSignedFaultSet: functions that share a fault set are all named, and must all trust the key.
func TestSharedSignedFaultSet(t *testing.T) {
	ours, theirs := testSigner(0).Key().String(), testSigner(1).Key().String()
	for _, test := range []struct {
		second string // public keys of the second function
		want   string
		other  bool // both trust the other key, too
	}{
		{"", "", true}, {ours, "", false}, {theirs + "," + ours, "", true}, {theirs, "function stock does not trust the key", false}, {"x", "function stock: its FIREDRILL_PUBLIC_KEY cannot be read", false},
	} {
		functions := fleet{"pay:live": configured("pay:live", "7", variableConfig, "ssm:/x", variablePublicKey, ours+","+theirs),
			"stock": configured("stock", "$LATEST", variableConfig, "ssm:/x", variablePublicKey, test.second)}
		f := NewFactory(Deps{Lambda: functions, Remote: true, Signer: testSigner(0)})
		a, _, err := one(f.FaultSets(t.Context(), experiment.Condition{Name: "c", Fault: "exception", Target: experiment.Target{Functions: []string{"pay:live", "stock"}}}, params("RUN")))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v", test.second, err)
		}
		if err != nil {
			continue
		}
		if got := strings.Join(a.audience(), " "); got != "pay stock" || slices.ContainsFunc(a.trusted(), testSigner(1).Key().Equal) != test.other {
			t.Errorf("%q: for %s, %d keys", test.second, got, len(a.trusted()))
		}
	}
}
