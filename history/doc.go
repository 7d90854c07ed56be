// Package history says what the runs of an experiment have in common over time: since when it does not hold, whether it
// alternates without a reason, whether a measure worsens though it still holds. It is arithmetic on what is handed in, without
// any I/O.
//
// # Words
//
//   - a line: the runs of one experiment in one environment, oldest first;
//   - settled: a run that was held or disproved; any other verdict says nothing about the objective;
//   - a streak: settled runs of one verdict without another in between;
//   - a change: from the streak before to the last one;
//   - a drift: a trend of a measure for the worse, while it still holds.
//
// An experiment is known by its file's path in its repository. A file that moves keeps its history if its title stays: a
// new path goes on where the last one of the same title ended, unless that is still in use.
package history
