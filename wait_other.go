//go:build !linux

package firedrill

import "time"

// nap does nothing where timers are fine enough, or nothing finer is at hand.
func nap(time.Duration) {}
