// Package action holds the reversible changes that an experiment makes to the world, one file per kind. The
// first is the fault set: it publishes a fault to a function by way of the document that the function reads.
//
// Words:
//
//   - fault set: the document; it may hold members of others beside ours.
//   - store: where the document lives: a file, or an environment variable of a Lambda function.
//   - location: a store's place, as it is journaled, from which any process finds it again.
//   - pristine: the store as it was before the first change of a run.
//   - drift: what somebody else changed while a fault of ours was there.
//
// Invariants: a change adds one member and the member "firedrill", and nothing else; undoing it removes only
// what it added; when nothing but our additions has changed, the pristine bytes come back exactly; a document
// that is not understood, or that another run has armed, is never written.
//
// The package does not know the engine: an action satisfies the engine's interfaces by its methods.
package action
