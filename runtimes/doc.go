// Package runtimes holds no code but tests: every kind of fault on every runtime that we stand in front of, as real
// processes on the laptop's Lambda, with what the caller saw and what the record says. Their results are the table in
// docs/kinds-by-runtime.md, which a test compares with them.
//
// A column is a way to run a function: the Go SDK, and behind the layer's proxy a plain Go program, Node with AWS's own
// runtime interface client, Python, and Java. A row is a kind; a new kind fails the tests until it has one. The
// functions are in testdata, one for each language, and do alike: they answer, and tell what they can see of their
// surroundings.
//
// Parts that a machine does not have are skipped, unless FIREDRILL_REQUIRE names them: node, python, java.
package runtimes
