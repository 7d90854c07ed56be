package action

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
)

// TestDenied: who lacks a permission hears which; every other error stays what it is.
func TestDenied(t *testing.T) {
	place := location{Kind: kindSSM, Name: "/x"}
	for _, code := range []string{"AccessDenied", "AccessDeniedException"} {
		err := denied(place, "read", &smithy.GenericAPIError{Code: code, Message: "not authorized"}, "ssm:GetParameter")
		if !strings.Contains(hint(err), "ssm:GetParameter") || !strings.Contains(err.Error(), "parameter /x") {
			t.Errorf("%s: %v (hint %q)", code, err, hint(err))
		}
	}
	busy := &smithy.GenericAPIError{Code: "ThrottlingException"}
	if err := denied(place, "read", busy, "ssm:GetParameter"); !errors.Is(err, busy) || hint(err) != "" {
		t.Errorf("got %v", err)
	}
	if err := denied(place, "read", nil, ""); err != nil {
		t.Errorf("got %v", err)
	}
}

// TestNobodyToAsk: without access a target is refused, with what to do.
func TestNobodyToAsk(t *testing.T) {
	for _, kind := range []string{kindSSM, kindS3, kindAppConfig} {
		s, err := NewFactory(Deps{}).find(location{Kind: kind, Name: "a/b/c", Region: "r"})
		if err != nil {
			t.Fatal(err)
		}
		_, readErr := s.read(t.Context())
		updateErr := s.update(t.Context(), func(now snapshot) (snapshot, bool, error) { t.Error("changed"); return now, true, nil })
		if hint(readErr) == "" || hint(updateErr) == "" {
			t.Errorf("%s: %v, %v", kind, readErr, updateErr)
		}
	}
}
