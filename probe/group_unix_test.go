//go:build unix

package probe

const killsGroups = true
