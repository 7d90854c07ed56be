// Package local is Lambda on a laptop. A Host runs functions as processes behind the Lambda Runtime API, and
// serves an HTTP API in front of them (API Gateway, payload format 2.0) and the Lambda API itself, so
// that the AWS SDK and CLI work against it with an endpoint URL.
//
// Words:
//
//   - function: what the file configures; its settings can be changed over the Lambda API while it runs.
//   - version: $LATEST, which those changes change, or a number: what $LATEST was when it was published, for good.
//   - alias: a name that leads to a version of a function, and with a weight to one more.
//   - environment: one process of a version, with its own Runtime API listener. It serves one invocation at
//     a time and many in a row. It is initializing, idle, busy, or settling (it has answered, and is on its
//     way back to ask for the next event).
//   - cold start: an invocation that found no idle environment and had one started.
//   - recycled: an environment that is replaced because $LATEST's configuration has changed.
//
// Invariants: an environment never has two invocations; there are never more environments than
// MaxEnvironments, but for those that are being ended; no process outlives the host, however it ends; a function sees no environment variable of the
// developer's but PATH, HOME, TMPDIR and LANG; listeners are on the addresses of the file and nowhere else.
//
// What it does not do: it grants and denies nothing (no IAM), it limits no CPU and no memory, and it keeps no
// layers. Sources for its behaviour: the AWS Lambda developer guide and API
// reference, and the API Gateway developer guide, "Working with AWS Lambda proxy integrations for HTTP APIs".
package local
