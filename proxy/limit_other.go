//go:build !linux

package proxy

import (
	"errors"
	"net"

	"github.com/firedrill-dev/firedrill/fault"
)

// process cannot be reached here.
type process struct{ pid int }

func peerOf(net.Conn) (process, error) { return process{}, errors.New(fault.Unsupported) }

func (process) lowerDescriptors(fault.Usage) (restore func() error, err error) {
	return nil, errors.New(fault.Unsupported)
}
