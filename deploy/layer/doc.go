// Package layer makes what puts Firedrill into functions of other people's making: the zip of a Lambda layer, and
// function packages with the proxy in front of their own bootstrap.
//
// Words:
//
//   - layer zip: its root becomes /opt in every function that names the layer. Wrapper is the program in it.
//   - function package: the zip of a function's code; its root becomes /var/task.
//   - wrapped: a function package whose bootstrap is the proxy, with the function's own beside it.
//
// Invariants: the same source and toolchain make the same zip, byte for byte. A wrapped package differs from the
// original in its bootstrap alone: every other entry is copied as it is stored, and Unwrap gives the original back. What
// is not understood is refused. Nothing here touches a function that is deployed.
package layer
