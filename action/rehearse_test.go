package action

import (
	"errors"
	"strings"
	"testing"

	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// rehearsed tries the undo of a place, which must leave it as it is.
func (p place) rehearsed(t *testing.T) error {
	t.Helper()
	text, exists := p.get()
	f := p.factory()
	f.wrap = nil // which would hide what the store can do
	a, _, err := one(f.FaultSets(t.Context(), p.latency(), Params{Run: "RUN", Share: 100}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = a.Rehearse(t.Context())
	p.is(t, text, exists)
	return err
}

// TestRehearse: where the undo can be tried it leaves nothing, and an error of the last call is told.
func TestRehearse(t *testing.T) {
	untried := func(name string) bool {
		return strings.HasPrefix(name, "profile") || strings.HasPrefix(name, "secret") || name == "parameter, absent"
	}
	tries := 0
	for _, p := range places(t) {
		t.Run(p.name, func(t *testing.T) {
			before := p.calls.n
			switch err := p.rehearsed(t); {
			case untried(p.name) != errors.Is(err, ErrNotRehearsed):
				t.Errorf("got %v", err)
			case err != nil && !untried(p.name):
				t.Error(err)
			}
			if untried(p.name) || p.calls.n == before {
				return // there is no call to fail
			}
			tries++
			last := p.calls.n - before
			p.calls.n, p.calls.at = 0, last
			if err := p.rehearsed(t); err == nil {
				t.Errorf("call %d of %d failed, and nobody says so", last, last)
			}
		})
	}
	if tries < 8 {
		t.Errorf("only %d places had a call to fail", tries)
	}
}

// TestRehearsalMeetsARemoval: what somebody removes at that very moment is not made anew.
func TestRehearsalMeetsARemoval(t *testing.T) {
	parameter, ssm := ssmFake(t, "parameter", ssmtypes.ParameterTypeString, ownerText, true)
	ssm.interfere = ssm.remove
	object, s3 := s3Fake(t, "object", ownerText, true)
	s3.interfere = s3.remove
	for _, p := range []place{parameter, object} {
		a, _, err := one(p.factory().FaultSets(t.Context(), p.latency(), Params{Run: "RUN", Share: 100}))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Rehearse(t.Context()); err == nil || !strings.Contains(err.Error(), "removed by somebody else") {
			t.Errorf("%s: %v", p.name, err)
		}
		if text, exists := p.get(); exists {
			t.Errorf("%s: left %q", p.name, text)
		}
	}
}
