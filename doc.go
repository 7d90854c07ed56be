// Package firedrill makes a Lambda function rehearse failure: it adds latency, errors, wrong answers and broken
// outgoing calls to chosen invocations, as a fault set outside of the code says.
//
//	lambda.Start(firedrill.Wrap(handle))
//
// Wrap takes any handler that lambda.Start takes. Transport does the same for outgoing HTTP. Where the fault
// set is, the environment says (FIREDRILL_CONFIG); without it both return what they were given, at no cost.
// The fault set's kinds and attributes stand in docs/kinds.
//
// Promises: a function whose fault set is missing, malformed or hostile runs as if Firedrill were not there,
// with one line in its log. A fault ends by itself when its lease does. What was injected is told in the log,
// one JSON line for each injection (fault.Record).
package firedrill
