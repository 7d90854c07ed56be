//go:build !linux

package proxy

import "os/exec"

// dieTogether has no counterpart here. The runtime ends by itself when the proxy's connections close.
func dieTogether(*exec.Cmd) {}
