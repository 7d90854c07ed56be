// Package drill runs many experiments as one: which files they are, which of them may run side by side, how they are spread over
// machines, what they may spend together, and when the whole of it ends.
//
// A Job is an experiment of a drill. Its Reach is everything that it breaks, sends requests to or looks at. Two jobs whose reaches
// meet never run at the same time, because the fault of one would be in the measures of the other; engine's locks on targets
// are the last word. A Shard is one machine's part of a drill. An Ending is why a drill ends before its time.
//
// The package decides; it prints nothing, and leaves to its caller how a single experiment is run.
package drill

import (
	"time"

	"github.com/firedrill-dev/firedrill/engine"
	"github.com/firedrill-dev/firedrill/experiment"
)

// A Job is one experiment of a drill.
type Job struct {
	File       string
	Experiment *experiment.Experiment
	Source     []byte
	Reach      Reach
	Length     time.Duration // of a run that takes its course
	Prediction engine.Prediction
}
