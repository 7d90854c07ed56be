// Package delivery brings a new version to all of its users in steps, and takes it back as soon as it does worse than is
// wanted of it.
//
// A canary leads a growing share of the traffic to the new version. At each step experiments verify it: before the fault
// is there, in their baseline, and while it is. Only what held goes on. Whatever else came of it, a measurement that failed
// and one that could not settle it included, the traffic is led back.
//
// What the traffic is, and how experiments are run, is the caller's. The package decides, and keeps the record: a rollout
// of the engine, from which any process can lead the traffic back.
package delivery
