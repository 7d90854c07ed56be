// Package denylist decides which host names are denied, and hands that decision to the preloaded library in the
// function's process.
//
// Expressions (RE2, searched, in any case) become tables of a deterministic automaton: a lookup is one walk over the
// name for each table, nearly always one table, and needs no regular expressions where it happens. A State is the
// memory that the proxy shares with the library; README.md is its format.
//
// It does not know faults, nor when an invocation begins.
package denylist
