// Package account holds the faults that are changes of an AWS account, one file per kind: a concurrency limit, a starved
// table, a permission that vanished. Each can be taken back, or says that it cannot.
//
// Words:
//
//   - kind: one sort of change, as experiments name it; kinds.go lists them.
//   - place: the account and region where a resource lies, and the role by which it is reached.
//   - setting: a piece of configuration that is read and written as a whole; the frame (setting.go) captures, applies,
//     verifies and takes back any of them in the same way.
//   - deed: what happens to a resource and cannot be undone (deed.go).
//   - drift: what somebody else changed while a fault of ours was there.
//
// To add a kind, write its file (its setting, its attributes, its permissions), name it in kinds.go, and give its tests a
// fixture: the conformance suite takes it from there.
//
// Invariants: what was there is known, and journaled by the caller, before anything is written; a write is made only on
// top of what was read; whatever somebody else wrote meanwhile is kept and reported; taking back is idempotent and needs
// nothing but the undo record.
package account
