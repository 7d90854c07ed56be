package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// A snapshot is what a store holds.
type snapshot struct {
	data   []byte
	exists bool
	mode   fs.FileMode // of a file
}

// A location is a store's place.
type location struct {
	Kind     string `json:"kind"`               // kindFile, kindEnv
	Path     string `json:"path,omitempty"`     // of the file
	Function string `json:"function,omitempty"` // ARN, or the name as it was given
	Variable string `json:"variable,omitempty"`
	Endpoint string `json:"endpoint,omitempty"` // of the Lambda API; empty for AWS itself
	// Embedded says that the function lives in the run's own process and is gone when that is.
	Embedded bool `json:"embedded,omitempty"`
}

// Kinds of stores.
const (
	kindFile = "file"
	kindEnv  = "lambda-environment"
)

// key identifies the place for "one run per target at a time".
func (l location) key() string {
	if l.Kind == kindFile {
		return "file:" + l.Path
	}
	return "lambda:" + l.Function + ":" + l.Variable
}

// String is the place in words.
func (l location) String() string {
	if l.Kind == kindFile {
		return "file " + l.Path
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

// errGone says that the place of a document is no more: the folder, the function, the host.
var errGone = errors.New("gone")

// maxDocument bounds a fault set, as package fault does.
const maxDocument = 1 << 20
