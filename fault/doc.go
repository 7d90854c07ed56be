// Package fault says what to break and when.
//
// A fault set is the JSON document that a function reads (design: "the fault set"). Parse turns it into a
// Set; Set.Plan decides, purely, what happens to one invocation. Whoever hosts the function (the SDK,
// the layer's proxy) enacts the plan and counts what it enacted.
//
// Words:
//
//   - kind: the sort of failure (latency, timeout, exception, ...).
//   - injection: one planned failure of one invocation.
//   - lease: the instant after which every fault of the set is over, whatever the document says.
//   - sampling key: the text whose hash, with the seed and the kind, decides whether an invocation is hit.
//
// Invariants: Plan does no I/O, starts no goroutine and reads no clock; 0 and 100 percent are exact; the
// same seed, kind and key always decide alike; an expired lease plans nothing; a document that cannot be
// read plans nothing. The package imports the standard library only, because it ships inside functions.
package fault
