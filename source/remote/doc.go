// Package remote reads a function's live fault set from the network: SSM Parameter Store, S3, a URL, or AppConfig
// through AWS's extension. It is a package of its own so that a function that reads its faults from a file or its
// environment links no HTTP client.
//
// Words:
//
//   - place: what FIREDRILL_CONFIG, or another tool's variable, names.
//   - store: what is asked there. One file for each kind.
//   - attempt: one question to a store, begun beside an invocation and bounded in time and size.
//
// Invariants: no invocation waits for an attempt; it gets the last set that was read. There is one attempt at a
// time. Times are compared by the wall clock, because environments freeze between invocations and timers with
// them. A store that cannot be reached leaves the last set in force, which its lease bounds; without a lease a
// minute of failing does. A store that answers with anything but a fault set disarms the function: doubt means
// do nothing.
package remote
