// Package kinds has an experiment for each kind of fault, KIND.yaml, and the small Lambda functions that it breaks,
// functions.yaml. Most functions come twice: NAME-careless is written as it usually is, and its experiment is
// disproved; NAME-careful is the mended one, and the same experiment holds:
//
//	firedrill run demo/kinds/latency.yaml --local demo/kinds/functions.yaml
//	firedrill run demo/kinds/latency.yaml --local demo/kinds/functions.yaml --var variant=careful
//
// The pages in docs/kinds show what comes out, and why. Each pair stands in one file, so that the difference is what
// one sees. All are a user's functions: they stand on AWS's libraries and the public SDK, and run unchanged in
// an account, but for the limits that a laptop does not have: see limits_linux.go.
package kinds
