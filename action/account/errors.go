package account

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/aws/smithy-go"

	"github.com/firedrill-dev/firedrill/action"
)

// explain says what an error of AWS means for who reads it. doing is what was tried on what: "function shop: read its
// reserved concurrency". The codes of gone mean that the resource is no more.
func explain(doing string, err error, gone ...string) error {
	if err == nil {
		return nil
	}
	if hasCode(err, gone...) {
		return fmt.Errorf("%s: %w: %w", doing, errGone, err)
	}
	if tip := Hint(err); tip != "" {
		return &action.Refused{Reason: doing, Err: err, Tip: tip}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// Hint says what to do about an error of AWS; empty if nothing is known to help.
func Hint(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		var dial *net.OpError
		if errors.As(err, &dial) && dial.Op == "dial" {
			return "is the region right, and the service reachable from here?"
		}
		return ""
	}
	switch api.ErrorCode() {
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException":
		return "the runner lacks a permission; these are all that it needs: firedrill policy FILE"
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		return "the credentials have expired: sign in to AWS again"
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "InvalidAccessKeyId":
		return "AWS does not know these credentials: check the profile, the account and the clock"
	}
	return ""
}

// hasCode says whether an error of AWS has one of these codes.
func hasCode(err error, codes ...string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && slices.Contains(codes, api.ErrorCode())
}

// missing refuses a name that means nothing, with what to do about it.
func missing(what, name string, at string, err error) error {
	return &action.Refused{Reason: fmt.Sprintf("there is no %s %s in %s", what, name, at), Err: err, Tip: "check its spelling, the account and the region"}
}
