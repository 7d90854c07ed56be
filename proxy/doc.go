// Package proxy is Firedrill's layer: a proxy between a function's runtime and the Lambda Runtime API, with the
// fault in between. Run starts the runtime behind it.
//
// Words:
//
//   - downstream: the runtime (and extensions) that talk to us as if we were Lambda.
//   - upstream: the real Runtime API, or another proxy in front of it.
//   - exchange: one request with its answer.
//
// How it works: each downstream connection is paired with one upstream connection, and one goroutine moves
// exchanges between them, so that whatever one side would have seen of the other (closing, dying, keeping
// alive) it still sees. Bodies are forwarded raw and, when large, by the kernel. Only when a fault set is live
// are the event's id and deadline read, only when the set asks for it is the event held in memory, and only an
// invocation that is hit takes another way than straight through.
//
// Invariants: doubt means pass through (fail open). A delay is never shorter than planned. Each planned
// injection is recorded exactly once, as fired only after it was enacted. Nothing a peer sends makes the proxy
// hold more than a bounded amount.
package proxy
