// Package load produces traffic as an open model: requests start when they are due, whether or not earlier ones have
// been answered, as users do who know nothing of each other.
//
// Words:
//
//   - schedule: when each request is due, a pure function of the rate steps.
//   - intended start: the instant at which a request is due. Latency is counted from it, so that a request that had to
//     wait for its turn shows the wait. (Measuring from the actual start is the mistake that Gil Tene named coordinated
//     omission.)
//   - late: how much after its intended start a request really started. It is data: a generator that cannot keep up
//     says so in every observation.
//   - dropped: due while as many requests as allowed were under way; never sent, but counted as failed.
//
// The package neither aggregates nor judges: each request becomes one verdict.Observation.
package load
