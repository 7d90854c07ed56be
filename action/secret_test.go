package action

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/firedrill-dev/firedrill/experiment"
)

const secretText = `{"latency": {"enabled": false, "note": "hush"}, "firedrill": {"seed": 7}}`

func secretPlace(t *testing.T) (place, *fakeSSM) {
	return ssmFake(t, "secret", types.ParameterTypeSecureString, secretText, true)
}

// discreet fails the test if a record has the text of a secret in it.
func discreet(t *testing.T, record []byte) {
	t.Helper()
	if bytes.Contains(record, []byte("hush")) || bytes.Contains(record, []byte(base64.StdEncoding.EncodeToString([]byte(secretText)))) ||
		!bytes.Contains(record, []byte(sumOf([]byte(secretText)))) {
		t.Errorf("a secret is written down: %s", record)
	}
}

// TestSecretNotRecorded: the undo record of a secret says which version was there, and not what it says.
func TestSecretNotRecorded(t *testing.T) {
	p, _ := secretPlace(t)
	f := p.factory()
	_, first := p.applied(t, f, p.exception())
	_, second := p.applied(t, f, p.latency())
	for _, undo := range []json.RawMessage{first, second} {
		discreet(t, undo)
		if err := p.elsewhere(t, undo); err != nil {
			t.Error(err)
		}
	}
	p.is(t, secretText, true)
}

// TestSecretOutOfHistory: an original that nobody can know any more is told, and our fault is gone all the same.
func TestSecretOutOfHistory(t *testing.T) {
	p, f := secretPlace(t)
	_, undo := p.applied(t, p.factory(), p.latency())
	armed, _ := p.get()
	for range ssmVersions {
		f.edit(armed)
	}
	for range 2 {
		var drift *Drift
		if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
			t.Errorf("got %v", err)
		}
		p.is(t, "{}\n", true)
	}
}

// TestSecretReplaced: a parameter that was removed and made anew has a version of the same number, and another text.
func TestSecretReplaced(t *testing.T) {
	p, f := secretPlace(t)
	_, undo := p.applied(t, p.factory(), p.latency())
	armed, _ := p.get()
	f.remove()
	f.append(owned(types.ParameterTypeSecureString, armed))
	var drift *Drift
	if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
		t.Errorf("got %v", err)
	}
	p.is(t, "{}\n", true)
}

// TestSecretStaysInHistory: renewals stop before the original would go.
func TestSecretStaysInHistory(t *testing.T) {
	p, f := secretPlace(t)
	a, undo := p.applied(t, p.factory(), p.latency())
	share, renewals := 10.0, 0
	for ; renewals < 2*ssmVersions; renewals++ {
		if err := a.Renew(t.Context(), undo, share+float64(renewals%2)); err != nil {
			if hint(err) == "" {
				t.Errorf("no hint: %v", err)
			}
			break
		}
	}
	if renewals < 80 || renewals >= ssmVersions {
		t.Errorf("%d renewals", renewals)
	}
	for range ssmReserve - 1 { // writes of others
		now, _ := p.get()
		f.edit(now)
	}
	if err := p.elsewhere(t, undo); err != nil {
		t.Error(err)
	}
	p.is(t, secretText, true)
}

// TestSecretMemberEdited: what somebody else writes between two preparations of a run could not come back.
func TestSecretMemberEdited(t *testing.T) {
	p, f := secretPlace(t)
	factory := p.factory()
	_, undo := p.applied(t, factory, p.exception())
	now, _ := p.get()
	f.edit(strings.Replace(now, "hush", "hush, hush", 1))
	a := p.action(t, factory, p.latency())
	if _, err := a.Prepare(t.Context()); hint(err) == "" {
		t.Errorf("got %v", err)
	}
	var drift *Drift
	if err := p.elsewhere(t, undo); !errors.As(err, &drift) {
		t.Errorf("got %v", err)
	}
}

// TestSecretByHand: what is kept of a change by hand has no text, and brings it back.
func TestSecretByHand(t *testing.T) {
	p, f := secretPlace(t)
	e, err := p.factory().Editor(t.Context(), experiment.Target{Lambda: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	before, err := e.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	line, err := json.Marshal(before.Discreet())
	if err != nil {
		t.Fatal(err)
	}
	discreet(t, line)
	f.edit("{}")
	var kept Content
	if err := json.Unmarshal(line, &kept); err != nil || !kept.Same(before) {
		t.Errorf("%+v, %v", kept, err)
	}
	if back, err := e.Recall(t.Context(), kept); err != nil || string(back.Text) != secretText {
		t.Errorf("%+v, %v", back, err)
	}
	for range ssmVersions {
		f.edit("{}")
	}
	if _, err := e.Recall(t.Context(), kept); !errors.Is(err, errLost) {
		t.Errorf("got %v", err)
	}
}
