// Package dynamostate keeps the state of runs in one DynamoDB table, so that a team shares it: locks, the kill switch,
// requests to stop, reports, and the journals from which any machine can undo what another one did.
//
// # Items
//
// The table has the string keys pk and sk. What is in it:
//
//	pk             sk                       what
//	runs           RUN                      the list of runs; settled: what is known of one for good
//	run#RUN        claim                    who is at the run: holder, host, fence, expires (milliseconds), released
//	run#RUN        journal#0000000001 ...   lines, at most 350 KB of them; fence and op: who wrote it
//	run#RUN        target#HASH              target: one that the run has locked
//	target#HASH    lock                     target, run: the same, to be found by target
//	note#NAME      head                     the kill switch, a request to stop, a report: body, encoding, version, parts
//	note#NAME      part#VERSION#0001 ...    the rest of a body that is too long for the head
//
// # Who has a run
//
// No operating system gives back what a dead process held, so a claim is a lease: its process extends it all the time,
// and once it has run out, another process may take the run over. Each taking over raises the fence by one. Every
// write of a process to its run is a transaction that also extends its claim, on the condition that the fence is still
// its own: what was taken over can write nothing any more, however late it wakes up. A process that cannot extend its
// claim for two thirds of the lease does not rely on it any longer.
//
// Times are DynamoDB's, as its answers tell, where this machine's clock differs by more than two seconds.
//
// # A lost answer
//
// A write whose answer is lost is repeated. Each carries a number, op, that grows with every attempt to write something
// else; one that finds its own number was there already, and one that finds a smaller number of its own process
// replaces what counted as not written. Late arrivals find a larger one, and fail.
//
// The package has no opinion about what the bytes mean: that is the engine's.
package dynamostate
