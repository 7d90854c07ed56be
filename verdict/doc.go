// Package verdict judges measurements: statistics, confidence intervals, and the three-way answer
// held, disproved or inconclusive. It is pure and imports the standard library only.
//
// Words:
//
//   - observation: one measured event: a request, an invocation, a reading of a number.
//   - expectation: STATISTIC OP VALUE, such as "p95 < 400ms".
//   - interval: the range that holds the true statistic with the stated confidence (95 % by default).
//   - finding: an expectation judged on a sample.
//
// An expectation is held when the whole interval satisfies it, disproved when the whole interval violates
// it, inconclusive otherwise. No data is never held.
package verdict
