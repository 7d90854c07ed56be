// Package demo is a small shop, the application that "firedrill demo" breaks: three real Lambda functions that
// run unchanged on the local host and in AWS.
//
//	POST /purchase -> purchase -> inventory   is it in stock? 300 ms at most, else the stock we last knew
//	                          \-> payment     charge the card; 2 s at most, else the order is kept and charged later
//
// Its objective: a purchase answers within a second. Most of it is as a good engineer would build it: both
// calls have a timeout, both have a fallback, neither retries into a struggling neighbour. One weakness is
// left in, and the third experiment finds it: the timeout of the payment call is longer than the objective, so
// the fallback comes too late to help.
//
// In the middle of a deployment it is versions.yaml: four versions of purchase, of which one is slower, and one waits
// for inventory and fails without it (release.go).
//
// Besides, there is hello, a function to try an experiment of one's own on.
//
// The package stands on AWS's own libraries only, as a user's application does; whoever runs its functions
// decides whether they are wrapped by the SDK (see WithSDK) or stand behind the layer.
package demo
