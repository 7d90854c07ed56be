package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// A snapshot is what a store holds.
type snapshot struct {
	data   []byte
	exists bool
	mode   fs.FileMode // of a file
	ref    string      // what the place itself calls this content: a version, to come back to
	secret bool        // the place keeps it from others: it is written down nowhere else
}

// A location is a store's place.
type location struct {
	Kind     string `json:"kind"`               // kindFile, kindEnv, ...
	Path     string `json:"path,omitempty"`     // of the file
	Function string `json:"function,omitempty"` // ARN, or the name as it was given
	Variable string `json:"variable,omitempty"`
	Name     string `json:"name,omitempty"`     // in the service: PARAMETER, BUCKET/KEY, APPLICATION/ENVIRONMENT/PROFILE
	Endpoint string `json:"endpoint,omitempty"` // of the service's API; empty for AWS itself
	Title    string `json:"title,omitempty"`    // what people call it, where Name is made of ids
	Region   string `json:"region,omitempty"`
	Account  string `json:"account,omitempty"` // empty where it is not known
	// Secret says that what is there must not be written down elsewhere.
	Secret bool   `json:"secret,omitempty"`
	Access Access `json:"access,omitzero"` // how to get there; the zero value is the runner's own account
	// Embedded says that the function lives in the run's own process and is gone when that is.
	Embedded bool `json:"embedded,omitempty"`

	// Flags says that it is a document of feature flags, not a fault set.
	Flags bool `json:"flags,omitempty"`

	reader *reader // what the function behind it asks for; nil if it is not known. Not journaled
}

// Kinds of stores.
const (
	kindFile = "file"
	kindEnv  = "lambda-environment"
	kindSSM  = "ssm"
	kindS3   = "s3"

	kindAppConfig = "appconfig"
)

// holds is what is there, in words.
func (l location) holds() string {
	if l.Flags {
		return "flags"
	}
	return "fault set"
}

// key identifies the place for "one run per target at a time".
func (l location) key() string {
	switch l.Kind {
	case kindFile:
		return "file:" + l.Path
	case kindEnv:
		return "lambda:" + l.Function + ":" + l.Variable
	}
	where := []string{l.Kind, l.Region, l.Account, l.Name}
	if l.Endpoint != "" { // of accounts behind it only those have a number that a role was assumed in
		where[2] = l.Endpoint
		if role, err := arn.Parse(l.Access.Role); err == nil {
			where[2] += "#" + role.AccountID
		}
	}
	return strings.Join(where, ":")
}

// String is the place in words.
func (l location) String() string {
	switch l.Kind {
	case kindFile:
		return "file " + l.Path
	case kindSSM:
		return "parameter " + l.Name
	case kindS3:
		return "object s3://" + l.Name
	case kindAppConfig:
		return "AppConfig profile " + cmp.Or(l.Title, l.Name)
	}
	return fmt.Sprintf("variable %s of function %s", l.Variable, l.Function)
}

// A store reads and replaces one document.
type store interface {
	// read returns what is there; a document that does not exist is not an error.
	read(ctx context.Context) (snapshot, error)
	// update replaces the document by what change makes of it, and nobody else's write falls between. change may
	// be called several times. If it says false, nothing is written.
	update(ctx context.Context, change func(snapshot) (next snapshot, write bool, err error)) error
	// lease is how long a fault should live: not less than wanted, more where renewing costs the function something.
	lease(wanted time.Duration) time.Duration
}

// A bounded store takes no document of any size. fits is asked before anything is changed.
type bounded interface {
	fits(ctx context.Context, next snapshot) error
}

// A slow store takes a while until functions see what was written; leases are renewed so much earlier.
type slow interface {
	delay() time.Duration
}

// errGone says that the place of a document is no more: the folder, the function, the host.
var errGone = errors.New("gone")

// maxDocument bounds a fault set, as package fault does.
const maxDocument = 1 << 20
