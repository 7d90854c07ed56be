//go:build !linux

package denylist

import "errors"

// A State is shared memory, which only Linux has in the form that the library needs.
type State struct{}

// Open always fails.
func Open(string) (*State, error) {
	return nil, errors.New("the denylist's library is for Linux only")
}

// Path returns nothing.
func (*State) Path() string { return "" }

// Publish always fails.
func (*State) Publish(Denial) (uint32, error) { return 0, errors.ErrUnsupported }

// Clear does nothing.
func (*State) Clear(uint32) {}

// Denied returns 0.
func (*State) Denied(uint32) int { return 0 }

// Loaded returns 0.
func (*State) Loaded() int { return 0 }

// Close does nothing.
func (*State) Close() error { return nil }
