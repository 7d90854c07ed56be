// Package pace keeps the calls of this process under the request rates that AWS allows an account, so that a thousand
// targets are worked on as fast as AWS permits and no throttling error gets as far as an action.
//
// Words:
//
//   - limit: how many requests a second AWS documents for some operations of a service (limits.go).
//   - bucket: what one limit has left, for one account and region.
//   - turn: the right to send one attempt of a call.
//
// Each attempt waits for its turn. If AWS throttles all the same, because others use the account, too, the bucket's rate
// is halved, and regained bit by bit. Throttled attempts, failures of AWS (5xx) and of the network are tried again after
// a random pause, a few times and not forever; other refusals (4xx) never are. Waits end with the call's context.
//
// Calls to this machine are no calls to AWS: stand-ins have no limits until they throttle.
package pace
