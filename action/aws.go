package action

import (
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// A Service says where a service of AWS is asked.
type Service struct {
	Region   string
	Account  string // that the caller must be in; empty where it is not known
	Endpoint string // instead of AWS itself
}

// service is where a location's service is asked.
func (l location) service() Service { return Service{l.Region, l.Account, l.Endpoint} }

// noAccess says that nobody gave the factory a client.
func noAccess(l location, service string) error {
	return &Refused{Reason: fmt.Sprintf("%s: no access to %s is configured", l, service), Tip: "set AWS_REGION and credentials"}
}

// denied puts words around an error of AWS and says which permission is missing where that is it.
func denied(l location, what string, err error, permissions string) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s %s: %w", what, l, err)
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AccessDenied", "AccessDeniedException", "KMS.AccessDeniedException":
			return &Refused{Reason: err.Error(), Err: nil, Tip: "the credentials need " + permissions + ": firedrill policy FILE prints all that an experiment needs"}
		}
	}
	return err
}

// readLimit is what a function takes from a store on the network.
const readLimit = 256 << 10

// readable refuses a fault set that functions would not take.
func readable(l location, next snapshot) error {
	if len(next.data) <= readLimit {
		return nil
	}
	return &Refused{Reason: fmt.Sprintf("%s: the %s would have %d bytes, and a function reads %d", l, l.holds(), len(next.data), readLimit), Tip: "shorten the " + l.holds()}
}
