//go:build !unix

package pressure

import (
	"context"
	"errors"

	"github.com/firedrill-dev/firedrill/fault"
)

// Lambda is Linux. Elsewhere only what needs no system call is taken.

func takeDisk(context.Context, string, fault.Usage) (free func(), err error) {
	return nil, errUnsupported()
}

func takeMemory(context.Context, int64) (free func(), err error) { return nil, errUnsupported() }

func takeDescriptors(context.Context, fault.Usage, func()) (free func(), err error) {
	return nil, errUnsupported()
}

func errUnsupported() error { return errors.New(fault.Unsupported) }
